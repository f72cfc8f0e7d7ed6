"""The workbench of the splits: names that mean one thing, and bounds carried along equations."""

from __future__ import annotations

from fractions import Fraction

import pytest
from gap_cells import leaning

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.splits.common import Workbench


@pytest.fixture
def bench(oracle) -> Workbench:
    graph = ProofGraph()
    statement = leaning(oracle, 0, 4, 3).statement
    paths = paths_of(graph, statement)
    return Workbench.of(graph, paths, any_row=True)


def test_a_name_means_one_matrix(bench):
    """A name is given once on a bench, evaluates to what was named, and is free again on a fresh one."""
    one, two = (DyadicMatrix.from_integers(1, 2, [entry, 3], 0) for entry in (1, 2))
    named = bench.name("v", one, "v")
    with pytest.raises(NotEstablished, match="is taken"):
        bench.name("v", two, "v")
    other = bench.fresh()
    assert other.value(other.name("v", two, "v")) == two and bench.value(named) == one


def test_a_product_is_bounded_around_the_best_common_row(bench):
    """The mean bound is no looser than the product bound around any of the rows, and dominates the exact one."""
    w = bench.terms.weights
    right = bench.exact(w["W_U"])
    exact = bench.graph.claim(bench.exact(w["W_O"] @ w["W_U"])).bounds.fractions()
    best = bench.graph.claim(bench.around_mean(w["W_O"], right, "O"))
    bench.any_row = False
    published = bench.graph.claim(bench.around_mean(w["W_O"], right, "O"))
    assert best.term == published.term == w["W_O"] @ w["W_U"]
    for claim in (best, published):
        assert all(bound >= truth for (bound,), (truth,) in zip(claim.bounds.fractions(), exact, strict=True))
    total = [sum((row[0] for row in claim.bounds.fractions()), Fraction()) for claim in (best, published)]
    assert total[0] <= total[1]


def test_bounds_are_carried_along_equations_that_hold(bench):
    """To a term that expands to the same words, never to another; the least of several is of all of them."""
    w = bench.terms.weights
    bound = bench.exact((w["W_E"] @ w["W_V"]) @ w["W_O"])
    moved = bench.along(bound, w["W_E"] @ (w["W_V"] @ w["W_O"]))
    assert bench.graph.claim(moved).bounds == bench.graph.claim(bound).bounds and moved != bound
    assert bench.along(bound, bench.graph.claim(bound).term) == bound
    with pytest.raises(NotEstablished, match="same words"):
        bench.along(bound, w["W_E"] @ w["W_Q"] @ w["W_O"])
    loose = bench.product(w["W_E"] @ w["W_V"], bench.exact(w["W_O"]))
    least = bench.graph.claim(bench.least([loose, bound, loose]))
    assert least.bounds == bench.graph.claim(bound).bounds
