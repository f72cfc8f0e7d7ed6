"""Searching for bounds of row differences: sound, in the graph, and worth it on a real network."""

from __future__ import annotations

import pytest
from small_network import small_known

from mechproof.engine.explain import blame
from mechproof.engine.graph import ProofGraph
from mechproof.engine.term import Tensor, factors, product
from mechproof.models import zoo
from mechproof.models.one_layer import one_layer_of
from mechproof.models.one_layer_terms import OneLayerTerms
from mechproof.models.problem import statement_of
from mechproof.rewrites.rules.known_matrices import KnownWeights
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.strategies.search.products import curve, row_difference_bounds

A, B, C = Tensor("W_E", (3, 2)), Tensor("W_Q", (2, 2)), Tensor("W_U", (2, 3))


def test_factors_and_product_are_inverse_up_to_brackets():
    """Brackets do not matter for the factors."""
    assert factors(A @ (B @ C)) == factors((A @ B) @ C) == (A, B, C)
    assert product((A, B, C)) == (A @ B) @ C


@pytest.mark.parametrize("term", [A @ B @ C, A @ (B @ C)])
@pytest.mark.parametrize("seed", range(5))
def test_all_bounds_are_true_and_about_the_term(term, seed):
    """Every bound dominates the exact range of every row, and the exact one is among them."""
    graph, known = small_known(seed)
    rows = term.evaluate(graph.claim(known).values).fractions()
    exact = [max(row) - min(row) for row in rows]

    found = row_difference_bounds(graph, known, term)

    assert len(found) >= 6
    for bound in found:
        claim = graph.claim(bound.claim)
        assert claim.term == term
        assert all(b[0] >= e for b, e in zip(claim.bounds.fractions(), exact, strict=True))
        assert bound.price == sum(cost for _, cost in blame(graph, bound.claim, {})) > 0
    assert min(bound.largest for bound in found) == max(exact)


def test_everything_found_replays_from_the_rules():
    """The search is not needed again: the graph is the proof."""
    graph, known = small_known()
    found = row_difference_bounds(graph, known, A @ B @ C)

    again = graph.replay()

    assert all(again.find(graph.claim(bound.claim)) is not None for bound in found)


def test_two_searches_find_the_same():
    """A fixed order, and nothing applied twice."""
    first, second = (small_known() for _ in range(2))
    found = [row_difference_bounds(*pair, A @ B @ C) for pair in (first, second)]

    assert found[0] == found[1]
    size = first[0].network.number_of_nodes()
    assert row_difference_bounds(*first, A @ B @ C) == found[0]
    assert first[0].network.number_of_nodes() == size


def test_a_real_network_has_a_curve_from_cheap_to_tight():
    """EQKE of the K = 4 network: several non-dominated bounds."""
    statement = statement_of(zoo.path("max_of_4_v64_d32_seed50"))
    graph = ProofGraph()
    known = graph.apply(KnownWeights(), [graph.apply(NetworkFunctionDefinition(), (), statement)])
    w = OneLayerTerms.of(one_layer_of(statement)).weights

    found = row_difference_bounds(graph, known, w["W_E"] @ w["W_Q"] @ w["W_K"].T @ w["W_E"].T)
    best = curve(found)

    assert len(best) >= 3
    assert [b.price for b in best] == sorted({b.price for b in best})
    assert [b.largest for b in best] == sorted({b.largest for b in best}, reverse=True)
