"""Methods of shared positions: each is found by a backward search, and what it finds is true."""

from __future__ import annotations

import pytest
from gap_cells import leaning, wrongly_certified

from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.rules.logit_gap import LogitGap
from mechproof.rewrites.rules.position_gap import PositionGap
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.methods import counts, positions
from mechproof.rewrites.strategies.search.backward import Engine, all_methods
from mechproof.rewrites.strategies.search.goals import Goal
from mechproof.rewrites.strategies.splits.common import Workbench


@pytest.mark.parametrize("method", positions.METHODS, ids=lambda method: method.name)
def test_each_method_finds_a_true_claim(oracle, method):
    """By its own rule, every sequence of a certified cell is right; a new file of methods needs no registration."""
    assert method in all_methods()
    for seed in range(3):
        net, graph = leaning(oracle, seed, 4, 3), ProofGraph()
        paths = paths_of(graph, net.statement)
        search = Engine(Workbench.of(graph, paths, any_row=True), methods=(counts.Margin(), method))
        (found,) = search.solve(Goal(LogitGap))
        claim = search.graph.claim(found.claim)
        assert PositionGap in {type(step.rule) for step in search.graph.proof(found.claim)}
        assert claim.certified.any() and not wrongly_certified(claim, net)
