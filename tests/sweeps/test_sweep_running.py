"""Running a sweep: every row is the theorem of a verified proof, and a stopped sweep goes on where it was."""

from __future__ import annotations

import pytest

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.strategies import prove_accuracy
from mechproof.sweeps import running
from mechproof.sweeps.running import Job, WorkerDied, complete, execute, statement_at, verify
from mechproof.sweeps.storage import Store

NAMES = ("cubic", "separable", "subcubic/exact/mean/EQKE", "subcubic/mean/drop/mdx", "branch_and_bound")


def silent(stage, done, total):
    """No progress."""


@pytest.fixture
def weights(data) -> str:
    """V = 8, K = 4: 513 of 4096 sequences are right, and the published averaging rule claims more."""
    return str(data / "unsound_averaging" / "total_v8_k4.npz")


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "sweep.sqlite", "1") as store:
        yield store


def jobs(weights):
    return [Job(weights, name, ()) for name in NAMES]


def test_no_row_exceeds_the_exact_count(weights, store):
    """513 sequences of this network are right: more would be a false theorem."""
    complete(jobs(weights), store, 1, silent)
    rows = store.rows(statement_at(weights).sha256)

    assert {row.strategy for row in rows} == set(NAMES)
    assert all(row.proved and 0 <= row.right_low <= 513 <= row.right_high for row in rows)
    assert all(row.operations > 0 and row.bits > 0 and row.rules for row in rows)
    assert {row.strategy: row.cells is not None for row in rows} == {name: "/" in name for name in NAMES}


@pytest.mark.parametrize("stopped_after", [1, 3])
def test_a_stopped_sweep_goes_on_where_it_was(weights, store, monkeypatch, stopped_after):
    """Rows that were there are kept, and only the others are proved after that."""

    def stop(stage, done, total):
        if done == stopped_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete(jobs(weights), store, 1, stop)
    kept = store.rows(statement_at(weights).sha256)
    proved = []
    monkeypatch.setattr(running, "execute", lambda version, job: proved.append(job) or execute(version, job))
    complete(jobs(weights), store, 1, silent)

    assert len(kept) == stopped_after
    assert [job.strategy for job in proved] == list(NAMES[stopped_after:])
    assert {row for row in store.rows(statement_at(weights).sha256) if row in kept} == set(kept)


def test_a_complete_sweep_runs_nothing(weights, store, monkeypatch):
    """The second time is only reading."""
    complete(jobs(weights), store, 1, silent)
    monkeypatch.setattr(running, "execute", None)
    told = []
    complete(jobs(weights), store, 4, lambda stage, done, total: told.append((done, total)))

    assert told == [(len(NAMES), len(NAMES))]


def test_processes_give_the_rows_that_one_process_gives(weights, store, tmp_path):
    """The results do not depend on how they were run."""
    some = jobs(weights)[:3]
    complete(some, store, 2, silent)
    with Store(tmp_path / "alone.sqlite", "1") as alone:
        complete(some, alone, 1, silent)
        both = [sorted(one.rows(statement_at(weights).sha256), key=lambda r: r.strategy) for one in (store, alone)]

    told = [[(r.strategy, r.right_low, r.right_high, r.operations, r.bits, r.order, r.rules) for r in b] for b in both]
    assert told[0] == told[1]


def test_what_a_strategy_refuses_is_a_row_with_the_reason(data):
    """Ten to the eighteenth sequences are too many to enumerate; the sweep says so and goes on."""
    from mechproof.models import zoo

    row = execute("1", Job(str(zoo.path("max_of_10_v64_d32_seed123")), "brute_force", ()))

    assert not row.proved
    assert "1152921504606846976" in row.reason


def test_verification_runs_the_goal_s_proof_and_nothing_else(weights):
    """What the search left in the graph is not run again, and the goal is."""
    graph, goal = prove_accuracy(statement_at(weights), "subcubic/mean/mean/msub")
    fresh = verify(graph, goal)

    assert len(list(fresh.derivations())) == len(graph.proof(goal)) < len(list(graph.derivations()))


def test_verification_notices_another_conclusion(weights, monkeypatch):
    """A rule that no longer gives the goal is not passed over."""
    from mechproof.rewrites.rules.gap_count import GapCount

    graph, goal = prove_accuracy(statement_at(weights), "subcubic/mean/mean/mdx")
    conclude = GapCount.conclude
    monkeypatch.setattr(GapCount, "conclude", lambda self, premises, advice: conclude(self, premises, 0))

    assert graph.claim(goal).low > 0
    with pytest.raises(NotEstablished):
        verify(graph, goal)


def test_a_worker_that_dies_is_one_sentence(weights, store, monkeypatch):
    """Memory may run out: what is stored stays, and the sentence says how to go on."""

    class Broken:
        def __init__(self, *settings, **more):
            self.settings = settings

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def shutdown(self, **settings):
            return None

        def submit(self, work, job):
            future = running.Future()
            future.set_exception(running.BrokenProcessPool())
            return future

    monkeypatch.setattr(running, "ProcessPoolExecutor", Broken)

    with pytest.raises(WorkerDied) as caught:
        complete(jobs(weights), store, 2, silent)
    assert (caught.value.done, caught.value.waiting) == (0, len(NAMES))
