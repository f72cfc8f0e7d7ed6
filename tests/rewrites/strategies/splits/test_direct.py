"""Splits of the direct path: every option dominates every difference, exact ones are tight, any row will do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gap_cells import leaning, split_faults, split_slack
from shares import shared_out

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.splits import direct
from mechproof.rewrites.strategies.splits.common import Workbench
from mechproof.rewrites.strategies.splits.direct import OPTIONS, Sharpening, direct_split

SHARPENINGS = [Sharpening(pairs, common_row) for pairs in (True, False) for common_row in (True, False)]


def split_of(net: Any, name: str, sharpening: Sharpening = SHARPENINGS[0], *, any_row: bool = True) -> Any:
    """The split by an option, and the exact table that it is of."""
    graph = ProofGraph()
    paths = paths_of(graph, net.statement)
    split = direct_split(Workbench.of(graph, paths, any_row=any_row), name, sharpening)
    return graph.claim(split), graph.claim(paths).tables["UU"]


@pytest.mark.parametrize("seed", shared_out(range(3), kept=[0]))
@pytest.mark.parametrize("name", OPTIONS)
def test_every_difference_is_dominated(oracle, name, seed):
    """With biases, with every switch; there is noise, and one row stands for all queries."""
    for net in (leaning(oracle, seed), oracle.random_net(seed, "float16"), oracle.random_net(seed, "huge")):
        for sharpening in SHARPENINGS:
            split, table = split_of(net, name, sharpening)
            assert not split_faults(split, table)
            assert split.approximation.shape == (1, net.V) and split.largest > 0


def test_exact_options_are_attained(oracle):
    """Per target (T2), and per query without it; one bound for all queries is looser."""
    net = oracle.random_net(0, "float16", 4, 2)
    V = range(4)
    for common_row in (True, False):
        pairs = split_slack(*split_of(net, "exact", Sharpening(True, common_row)))
        rows = split_slack(*split_of(net, "exact", Sharpening(False, common_row)))
        everywhere = split_slack(*split_of(net, "glob", Sharpening(True, common_row)))
        assert all(min(pairs[q, i, j] for i in V) == 0 for q in V for j in V)
        assert all(min(rows[q, i, j] for i in V for j in V) == 0 for q in V)
        assert sum(pairs.values()) < sum(rows.values()) < sum(everywhere.values())


def test_one_query_direction_makes_the_product_bounds_exact(oracle):
    """With a residual stream of one coordinate a product bound is the exact difference of every row."""
    net = oracle.net(3, 2, 1, 1, W_E=[[3], [-5], [1]], W_U=[[2, 7, -1]])
    for name in ("md", "mean"):
        slack = split_slack(*split_of(net, name))
        assert all(min(slack[q, i, j] for i in range(3) for j in range(3)) == 0 for q in range(3))


def test_more_common_rows_are_no_worse(oracle):
    """The median and the middle are tried beside the mean, and win at times."""
    gained = 0
    for seed in range(8):
        net = oracle.random_net(seed, "float16")
        more, one = (sum(row[0] for row in split_of(net, "mean", any_row=choice)[0].bounds.fractions())
                     for choice in (True, False))  # fmt: skip
        assert more <= one
        gained += more < one
    assert gained > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e300, -1e-300])
def test_garbage_only_weakens(oracle, monkeypatch, value):
    """Any direction and any row in place of the mean give a true split."""

    def filled(matrix: Any) -> Any:
        return np.full((matrix.shape[0], 1), value), np.full((matrix.shape[1], 1), value)

    def far(matrix: DyadicMatrix) -> DyadicMatrix:
        return DyadicMatrix.from_integers(1, matrix.shape[1], [3 * i - 7 for i in range(matrix.shape[1])], 90)

    monkeypatch.setattr(direct, "leading", filled)
    monkeypatch.setattr(direct, "mean_row", far)
    monkeypatch.setattr(direct, "COMMON_ROWS", (far,))
    for seed in range(2):
        net = leaning(oracle, seed)
        for name in OPTIONS:
            split, table = split_of(net, name)
            assert not split_faults(split, table)
            assert split.largest > 2**90 or name not in ("exact", "glob", "mean")


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1)])
def test_edge_sizes(oracle, V, K):
    """One token, one position."""
    for name in OPTIONS:
        split, table = split_of(oracle.random_net(0, "float16", V, K), name)
        assert not split_faults(split, table)
