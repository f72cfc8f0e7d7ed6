"""Methods of coupled bounds: each is found by a backward search, and what it finds is true."""

from __future__ import annotations

from typing import Any

import pytest
from gap_cells import leaning, wrongly_certified

from mechproof.engine.graph import ProofGraph
from mechproof.rewrites.proof_cost import proof_cost
from mechproof.rewrites.rules.coupled_gap import CoupledGap
from mechproof.rewrites.rules.logit_gap import LogitGap
from mechproof.rewrites.rules.right_count import RightCount
from mechproof.rewrites.rules.vertex_cells import VertexCells
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.methods import counts, coupled
from mechproof.rewrites.strategies.search.backward import Engine, all_methods
from mechproof.rewrites.strategies.search.goals import Goal
from mechproof.rewrites.strategies.splits.common import Workbench


def engine(net: Any, methods: tuple[Any, ...]) -> Engine:
    """A search about the network with these methods and what they start from."""
    graph = ProofGraph()
    paths = paths_of(graph, net.statement)
    return Engine(Workbench.of(graph, paths, any_row=True), methods=(counts.Margin(), *methods))


def test_the_methods_are_among_those_that_auto_uses():
    """A new file needs no registration."""
    assert set(coupled.METHODS) <= set(all_methods())


@pytest.mark.parametrize("method", coupled.METHODS, ids=lambda method: method.name)
def test_each_method_finds_a_true_claim(oracle, method):
    """By its own rule, and every sequence that it counts is right."""
    for seed in range(3):
        net = leaning(oracle, seed, 4, 3)
        search = engine(net, (method, counts.CountGaps()))
        (found,) = search.solve(Goal(method.kind))
        claim = search.graph.claim(found.claim)
        rules = {type(step.rule) for step in search.graph.proof(found.claim)}
        if method.kind is LogitGap:
            assert CoupledGap in rules and claim.certified.any() and not wrongly_certified(claim, net)
        else:
            assert VertexCells in rules and oracle.encloses(claim, net)


@pytest.mark.parametrize("method", coupled.METHODS, ids=lambda method: method.name)
def test_operations_are_charged(oracle, method):
    """The order of growth is that of the rule: cubic for tokens by themselves, quartic for outputs by themselves."""
    net = leaning(oracle, 0, 9, 3)
    search = engine(net, (method, counts.CountGaps()))
    (found,) = search.solve(Goal(RightCount))
    account = proof_cost(search.graph, found.claim)
    expected = "V⁴K" if method.kind is RightCount else "V²K" if method.blocks else "V³K"
    assert account.order.split(" + ")[0] == expected and account.multiply > 0 and account.dimension is None


def test_a_count_rests_on_the_tightest_of_them(oracle):
    """All of them together reach one goal, and the vertices are at least as tight as the coupled gaps."""
    net = leaning(oracle, 1, 4, 3)
    search = engine(net, (*coupled.METHODS, counts.CountGaps()))
    found = search.solve(Goal(RightCount))
    claims = [search.graph.claim(one.claim) for one in found]
    assert all(oracle.encloses(claim, net) for claim in claims)
    best = max(found, key=lambda one: search.graph.claim(one.claim).low)
    assert VertexCells in {type(step.rule) for step in search.graph.proof(best.claim)}
