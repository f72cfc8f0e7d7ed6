"""Splits of EQKE: every option dominates every difference, exact ones are tight, and any directions will do."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
from gap_cells import leaning, split_faults, split_slack
from shares import shared_out

from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.rules.row_split import RowSplit
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.splits import attention, common
from mechproof.rewrites.strategies.splits.attention import OPTIONS, attention_split
from mechproof.rewrites.strategies.splits.common import Workbench

RANK_ONE = ("mdx", "md", "mmd", "svd", "len")
FOUR_FACTORS = ("sub", "msub", "rec", "mrec", "mmrec")


def bench_of(net: Any, *, any_row: bool = True) -> Workbench:
    graph = ProofGraph()
    paths = paths_of(graph, net.statement)
    return Workbench.of(graph, paths, any_row=any_row)


def split_of(net: Any, name: str, *, any_row: bool = True) -> tuple[RowSplit, Any]:
    """The split by an option, and the exact table that it is of."""
    bench = bench_of(net, any_row=any_row)
    return bench.graph.claim(attention_split(bench, name)), bench.graph.claim(bench.paths).tables["EQKE"]


def test_the_options_are_those_of_the_family():
    """Ten published ways and one of ours."""
    assert set(OPTIONS) == {"EQKE", *RANK_ONE, *FOUR_FACTORS} and len(OPTIONS) == 11


@pytest.mark.parametrize("seed", shared_out(range(3), kept=[0]))
@pytest.mark.parametrize("name", OPTIONS)
def test_every_difference_is_dominated(oracle, name, seed):
    """On networks with biases of every kind; noise is positive where there is some."""
    noise = 0
    for net in (leaning(oracle, seed), oracle.random_net(seed, "float16"), oracle.random_net(seed, "huge")):
        split, table = split_of(net, name)
        assert not split_faults(split, table)
        assert split.bounds.shape == (net.V, 1) and split.approximation.shape == (net.V, net.V)
        noise += split.largest > 0
    assert noise > 1 or name == "EQKE"


def test_the_table_itself_has_no_noise(oracle):
    """Exact in every difference."""
    split, table = split_of(leaning(oracle, 0), "EQKE")
    assert set(split_slack(split, table).values()) == {0}


def test_the_exact_difference_of_a_rank_one_rest_is_attained(oracle):
    """In every row some difference has no slack, and no other bound of the same rest is smaller."""
    for seed in range(4):
        net = leaning(oracle, seed)
        split, table = split_of(net, "mdx")
        slack = split_slack(split, table)
        V = range(net.V)
        assert all(min(slack[q, i, j] for i in V for j in V) == 0 for q in V)
        for name in RANK_ONE[1:]:
            other, _ = split_of(net, name)
            assert other.approximation == split.approximation
            pairs = zip(other.bounds.fractions(), split.bounds.fractions(), strict=True)
            assert all(looser >= exact for (looser,), (exact,) in pairs)


def test_the_least_break_is_no_worse_than_the_recursion(oracle):
    """Multiplying out one side of a break loses no more than bounding one factor at a time."""
    for seed in range(4):
        found = {name: split_of(leaning(oracle, seed), name)[0] for name in ("sub", "rec")}
        assert found["sub"].approximation == found["rec"].approximation
        pairs = zip(*(found[name].bounds.fractions() for name in ("sub", "rec")), strict=True)
        assert all(least <= recursion for (least,), (recursion,) in pairs)


@pytest.mark.parametrize("name", ["mmd", "msub", "mrec", "mmrec"])
def test_more_common_rows_are_no_worse(oracle, name):
    """With medians and middles tried as well the noise of a single common row is no larger; now and then smaller."""
    gained = 0
    for seed in range(6):
        net = oracle.random_net(seed, "float16")
        sums = [sum(row[0] for row in split_of(net, name, any_row=choice)[0].bounds.fractions())
                for choice in (True, False)]  # fmt: skip
        gained += sums[0] < sums[1]
        assert sums[0] <= sums[1] or name in ("msub", "mrec", "mmrec")
    assert gained > 0


def garbage() -> dict[str, Any]:
    """Directions that are no singular vectors, by what a broken search might return."""
    rng = np.random.default_rng(1)

    def filled(value: float) -> Any:
        return lambda matrix: (np.full((matrix.shape[0], 1), value), np.full((matrix.shape[1], 1), value))

    def noise(matrix: Any) -> Any:
        return rng.normal(size=(matrix.shape[0], 1)), rng.normal(size=(matrix.shape[1], 1))

    return {"nan": filled(np.nan), "inf": filled(np.inf), "zero": filled(0.0), "ones": filled(1.0),
            "huge": filled(1e300), "tiny": filled(1e-300), "random": noise}  # fmt: skip


@pytest.mark.parametrize("directions", shared_out(garbage(), kept=["nan", "huge", "random"]))
def test_garbage_only_weakens(oracle, monkeypatch, directions):
    """Any directions, and any row in place of the mean position, give a true split."""
    rng = random.Random(directions)
    net = leaning(oracle, 0, 4, 2)
    monkeypatch.setattr(attention, "leading", garbage()[directions])
    monkeypatch.setattr(attention, "mean_row", lambda matrix: matrix.row(rng.randrange(matrix.shape[0])))
    monkeypatch.setattr(common, "COMMON_ROWS", (lambda matrix: matrix.row(0) @ _scaled(matrix),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in OPTIONS:
            split, table = split_of(net, name)
            assert not split_faults(split, table)
            assert split.largest > 0 or name == "EQKE"


def test_good_directions_leave_little(oracle, monkeypatch):
    """Beside a direction that splits nothing off, the noise of singular vectors is small."""
    net = leaning(oracle, 0, 4, 2)
    good = {name: split_of(net, name)[0].largest for name in RANK_ONE}
    monkeypatch.setattr(attention, "leading", garbage()["zero"])
    assert all(0 < 8 * good[name] < split_of(net, name)[0].largest for name in RANK_ONE)


def _scaled(matrix: Any) -> Any:
    """A diagonal matrix of large powers of two."""
    columns = matrix.shape[1]
    entries = [1000 * (i == j) for i in range(columns) for j in range(columns)]
    return type(matrix).from_integers(columns, columns, entries, 3)


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1)])
def test_edge_sizes(oracle, V, K):
    """One token, one position."""
    for name in OPTIONS:
        split, table = split_of(oracle.random_net(0, "float16", V, K), name)
        assert not split_faults(split, table)


def test_a_network_without_attention(oracle):
    """Zero tables have singular vectors too, and no noise."""
    for name in OPTIONS:
        split, table = split_of(oracle.net(3, 2, 2, 2), name)
        assert not split_faults(split, table) and split.largest == 0
