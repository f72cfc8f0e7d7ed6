"""Allowances: whatever runs is ended in time and within its memory, and nothing half done is left behind."""

from __future__ import annotations

import signal
import threading
from time import monotonic

import pytest

from mechproof.engine.errors import describe
from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.advice import allowance
from mechproof.rewrites.advice.allowance import (
    GIB,
    Allowance,
    BudgetSpent,
    MemorySpent,
    begin_program,
    command_allowance,
    last_allowance,
    time_left,
)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(allowance, "monotonic", lambda: self.now)
        monkeypatch.setattr(allowance, "TICK", 3600)  # ticks come by hand

    def tick(self):
        signal.raise_signal(signal.SIGALRM)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(allowance.started, "at", None)  # that of a command that another test ran
    return Clock(monkeypatch)


def forever():
    while True:
        pass


def test_work_that_looks_at_no_clock_is_ended():
    """An endless loop of Python ends within a fraction of a second of its time; the timer is off afterwards."""
    start = monotonic()
    with pytest.raises(BudgetSpent, match=r"the budget of 0\.3 s"), Allowance(0.3):
        forever()
    assert 0.3 <= monotonic() - start < 5  # for busy machines
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_swallows_the_end_is_ended_again():
    """A handler that catches too much only delays the end to the next tick."""
    caught = []
    with pytest.raises(BudgetSpent), Allowance(0.2):
        try:
            forever()
        except BudgetSpent as error:
            caught.append(error)
        forever()
    assert caught


def test_a_tick_before_the_end_changes_nothing(clock):
    """Work within its time is not disturbed."""
    with Allowance(5, memory=1 << 60) as time:
        clock.now += 4.9
        clock.tick()
        assert time.left() == pytest.approx(0.1)
    assert not time.spent


def test_a_partial_allowance_ends_its_block_only(clock):
    """What comes after the block goes on; the outer one ends both."""
    reached = []
    with pytest.raises(BudgetSpent), Allowance(10) as outer:
        with Allowance(2, partial=True) as inner:
            clock.now += 3
            clock.tick()
            reached.append("not here")
        reached.append(inner.spent)
        with Allowance(100, partial=True) as inner:
            assert time_left() == 7
            clock.now += 8
            clock.tick()
        reached.append("nor here")
    assert reached == [True]
    assert outer.spent
    assert not inner.spent


def test_shares_of_what_is_left(clock):
    """The last allowance leaves a little for a last word; several share the rest; without limit there is none."""
    assert last_allowance().seconds is None
    with Allowance(10.3):
        assert last_allowance().seconds == pytest.approx(10)
        assert last_allowance(4).seconds == pytest.approx(2.5)


def test_no_claim_enters_a_graph_by_half(clock, monkeypatch):
    """An end that comes while a claim is being kept waits until it is; the rule's own work is cut off anywhere."""

    class Late(dict):
        def setdefault(self, key, value):
            clock.now += 10
            clock.tick()
            return super().setdefault(key, value)

    from mechproof.rewrites.rules.known_matrices import KnownWeights  # any rule
    from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

    graph = ProofGraph()
    monkeypatch.setattr(graph, "_ids", Late())
    statement = _statement()
    with pytest.raises(BudgetSpent), Allowance(5):
        network = graph.apply(NetworkFunctionDefinition(), (), statement)
        assert graph.derivations_of(network)
        clock.tick()
    monkeypatch.setattr(KnownWeights, "conclude", lambda *_: clock.tick())
    with pytest.raises(BudgetSpent), Allowance(0):
        graph.apply(KnownWeights(), [network])
    assert len(list(graph.derivations())) == 1


def test_memory_has_a_limit_and_a_sentence(clock, monkeypatch):
    """What the process holds is compared at every tick; the sentence says how much, the limit, and what to do."""
    monkeypatch.setattr(allowance, "resident", lambda: 3 * GIB)
    with pytest.raises(MemorySpent) as raised, Allowance(memory=2 * GIB):
        clock.tick()
    assert "holds 3.0 GiB" in describe(raised.value)
    assert "the limit is 2.0 GiB" in describe(raised.value)
    assert "--memory" in describe(raised.value)
    assert raised.value.exit_code == 2


def test_an_inner_limit_of_memory_replaces_the_outer_one(clock, monkeypatch):
    """So that an option of a command can raise the default of the program."""
    monkeypatch.setattr(allowance, "resident", lambda: 3 * GIB)
    with Allowance(memory=2 * GIB), Allowance(memory=4 * GIB), Allowance(5):
        clock.tick()


def test_memory_is_measured():
    """A process holds at least some megabytes, and less than the machine has."""
    assert 1 << 20 < allowance.resident() < allowance.machine_memory()


def test_other_threads_are_not_ended_and_still_know_the_time():
    """Where no signal arrives, searches stop by what time is left."""
    seen = []

    def work():
        with Allowance(100):
            seen.append(time_left())
        seen.append(time_left())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert 99 < seen[0] <= 100
    assert seen[1] is None


def _statement():
    from mechproof.models import zoo
    from mechproof.models.problem import statement_of

    return statement_of(zoo.path("max_of_2_v64_d32_seed123"))


def test_a_command_counts_from_the_start_of_its_program(clock, monkeypatch):
    """What was spent on starting is not there for proving; a process that has run for long does not count."""
    monkeypatch.setattr(allowance.started, "at", None)
    assert command_allowance(10).seconds == pytest.approx(12.4)
    for age, left in ((0.4, 11.0), (3600, 10.0)):
        monkeypatch.setattr(allowance, "since_start", lambda age=age: age)
        begin_program()
        clock.now += 1
        assert command_allowance(10).seconds == pytest.approx(left)


def test_the_sentence_has_the_budget_as_it_was_given(clock):
    """Not what is left of it after starting, with what it may be exceeded by."""
    with pytest.raises(BudgetSpent, match="the budget of 5 s ended"), command_allowance(5):
        clock.now += 60
        clock.tick()


def test_memory_of_a_command():
    """Half of the machine's, or what the option says in GiB."""
    assert command_allowance().memory == allowance.machine_memory() // 2
    assert command_allowance(None, 1.5).memory == 3 * GIB // 2
