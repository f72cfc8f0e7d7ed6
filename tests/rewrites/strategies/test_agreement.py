"""The strategies agree with each other and with the definition, on small networks and on the published ones."""

from __future__ import annotations

import pytest
from shares import halved, shared_out

from mechproof.engine.certificate import emit
from mechproof.models.problem import statement_of
from mechproof.rewrites.rules.accuracy import Accuracy
from mechproof.rewrites.strategies import (
    DEFAULT,
    Options,
    UnknownStrategy,
    branch_and_bound,
    names,
    prove_accuracy,
    strategy,
)

FLAVOURS = [
    "float16",
    "eighths",
    "huge",
    "twin outputs",
    "uniform attention",
    "nearly twin outputs",
    "cancelling paths",
]


DEFAULTS = Options()


def theorem(statement, name, options=DEFAULTS) -> Accuracy:
    graph, goal = prove_accuracy(statement, name, options)
    return graph.claim(goal)


@pytest.mark.parametrize("seeds", shared_out([range(20, 21), range(21, 25)], kept=[range(20, 21)]), ids=str)
@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_small_random_networks(oracle, flavour, seeds):
    """Brute force and branch and bound are exact, and every option of every strategy gives an interval around it."""
    for seed in seeds:
        net = oracle.random_net(seed, flavour)
        for name in ("brute_force", "branch_and_bound"):
            accuracy = theorem(net.statement, name)
            assert (accuracy.low, accuracy.high, accuracy.inputs) == (net.truth.right, net.truth.right, net.V**net.K)
        for name, options in (
            ("separable", Options()),
            ("separable", Options(grid=1)),
            ("separable", Options(grid=7)),
            ("branch_and_bound", Options(cut=3)),
            ("branch_and_bound", Options(cut=10**9)),
            ("branch_and_bound", Options(seconds=0)),
            ("cubic", Options()),
        ):
            accuracy = theorem(net.statement, name, options)
            assert 0 <= accuracy.low <= net.truth.right <= accuracy.high <= accuracy.inputs


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (3, 1), (4, 2), (2, 8)])
@pytest.mark.parametrize("name", ["branch_and_bound", "brute_force", "separable", "cubic"])
def test_edge_sizes(oracle, name, V, K):
    """One token, one position, two positions and many positions."""
    net = oracle.random_net(1, "eighths", V, K)
    accuracy = theorem(net.statement, name)
    assert accuracy.low <= net.truth.right <= accuracy.high
    assert accuracy.low == accuracy.high or name in ("separable", "cubic")


PUBLISHED = {
    "max_of_2_coq/simpler.npz": ("L0_attn_", 4096, 4096),
    "unsound_averaging/total_v8_k4.npz": ("", 513, 4096),
    "unsound_averaging/cell_v3_k3.npz": ("", 16, 27),
}


@pytest.mark.parametrize("file", shared_out(PUBLISHED, kept=list(PUBLISHED)[1:]))
def test_published_networks(oracle, data, file):
    """The two-sided strategies give the published counts, and so does an enumeration from the definition."""
    prefix, right, inputs = PUBLISHED[file]
    statement = statement_of(data / file)
    net = oracle.stored(data / file, prefix)
    assert net.statement.sha256 == statement.sha256
    assert (net.truth.right, len(net.sequences)) == (right, inputs)
    for name in ("branch_and_bound", "brute_force", "separable"):
        assert theorem(statement, name).relation() == f"accuracy = {right}/{inputs}"


def test_max_of_4(data):
    """The trained max-of-4 network: exact by branch and bound, enclosed by generating functions."""
    statement = statement_of(data / "max_of_4_seed123/weights.npz")
    assert theorem(statement, "branch_and_bound").relation() == "accuracy = 16772964/16777216"
    accuracy = theorem(statement, "separable", Options(grid=256))
    assert accuracy.low <= 16772964 <= accuracy.high
    assert accuracy.high - accuracy.low < 2000


def test_brute_force_is_certified_by_the_tree(oracle):
    """A proof by brute force carries, as its certificate, the same bytes as branch and bound."""
    statement = oracle.random_net(3, "eighths", 4, 3).statement
    certificates = []
    for name in ("brute_force", "branch_and_bound"):
        graph, goal = prove_accuracy(statement, name)
        certificates.append(emit(graph, goal, statement.sha256))
    assert certificates[0] == certificates[1]
    assert b"token_order_tree/1" in certificates[0]


def test_large_input_sets_give_up_small_nodes(oracle, monkeypatch):
    """Above the limit for exact counts, nodes below a share of the inputs are given up unless a cut is asked for."""
    net = oracle.random_net(0, "cancelling paths", 4, 4)
    exact = theorem(net.statement, "branch_and_bound")
    monkeypatch.setattr(branch_and_bound, "EXACT_INPUTS", 10)
    monkeypatch.setattr(branch_and_bound, "GIVEN_UP_SHARE", 10)
    cut = theorem(net.statement, "branch_and_bound")
    assert cut.low <= exact.low == exact.high <= cut.high
    assert cut.high > cut.low
    assert theorem(net.statement, "branch_and_bound", Options(cut=0)).identity() == exact.identity()


def test_strategies_are_found_by_file():
    """The folder is the list; each has a summary, the default is among them, and no other name is accepted."""
    assert set(names()) == {
        *("auto", "branch_and_bound", "brute_force", "cubic", "low_rank_values"),
        *("separable", "story", "subcubic", "vertex"),
    }
    assert DEFAULT in names()
    assert all("\n" not in strategy(name).SUMMARY for name in names())
    for name in ("quartic", "", "os", "..rules.accuracy", "branch_and_bound ", "cubic/fast"):
        with pytest.raises(UnknownStrategy, match="branch_and_bound"):
            strategy(name)
    for name in ("subcubic/", "subcubic/exact", "subcubic/exact/chord/EQKF"):
        with pytest.raises(UnknownStrategy, match=r"subcubic/[a-z]+/[a-z]+/"):
            strategy(name)


@pytest.mark.parametrize("name", ["branch_and_bound", "brute_force", "separable", "cubic"])
def test_progress(oracle, name):
    """Every stage reports each of its cells once, in order, up to the last."""
    seen: dict[str, list[tuple[int, int]]] = {}
    prove_accuracy(
        oracle.random_net(0, "eighths", 3, 3).statement,
        name,
        progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)),
    )
    assert seen
    for steps in seen.values():
        assert steps == [(n, 6) for n in range(1, 7)]
