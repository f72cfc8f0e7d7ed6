"""Splits of EVOU: every rank dominates every difference, a full rank leaves nothing, and any columns will do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gap_cells import leaning, split_faults, split_slack

from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.advice import directions
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.splits.common import Workbench
from mechproof.rewrites.strategies.splits.tokens import OPTIONS, low_rank


def split_of(net: Any, recipe: Any) -> Any:
    """The split by a recipe, and the exact table that it is of."""
    graph = ProofGraph()
    paths = paths_of(graph, net.statement)
    return graph.claim(recipe(Workbench.of(graph, paths, any_row=True))), graph.claim(paths).tables["EVOU"]


@pytest.mark.parametrize("name", OPTIONS)
def test_every_difference_is_dominated(oracle, name):
    """Ranks above the size included."""
    for seed in range(3):
        for net in (leaning(oracle, seed), oracle.random_net(seed, "float16"), oracle.random_net(seed, "huge")):
            split, table = split_of(net, OPTIONS[name])
            assert not split_faults(split, table)


def test_the_table_itself_has_no_noise(oracle):
    """Exact in every difference."""
    assert set(split_slack(*split_of(leaning(oracle, 0), OPTIONS["EVOU"])).values()) == {0}


def test_a_higher_rank_leaves_less(oracle):
    """Noise where the rank is too small, next to none when it is the size of the table."""
    for seed in range(4):
        net = leaning(oracle, seed, 5, 2)
        noise = []
        for rank in (1, 2, 3, 4, 5):
            split, table = split_of(net, lambda bench, rank=rank: low_rank(bench, rank))
            assert not split_faults(split, table)
            noise.append(split.largest)
        assert noise[0] > 1 and noise[-1] * 2**10 < noise[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e300])
def test_garbage_only_weakens(oracle, monkeypatch, value):
    """Columns that are not singular vectors give a true split, with more noise."""
    net = leaning(oracle, 0, 5, 2)
    good, _ = split_of(net, OPTIONS["r6"])
    monkeypatch.setattr(
        directions, "dyadic", lambda values, dyadic=directions.dyadic: dyadic(np.full(values.shape, value))
    )
    for rank in (1, 6):
        split, table = split_of(net, lambda bench, rank=rank: low_rank(bench, rank))
        assert not split_faults(split, table)
        assert split.largest > good.largest
