"""The smaller of two bounds, row by row; bounds about different things do not mix."""

from __future__ import annotations

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Tensor
from mechproof.engine.whatif import merge
from mechproof.rewrites.rules.known_matrices import NameMatrix
from mechproof.rewrites.rules.row_difference import RowDifferenceExact
from mechproof.rewrites.rules.row_difference_least import RowDifferenceLeast
from mechproof.rewrites.rules.row_difference_product import RowDifferenceMean, RowDifferenceProduct

A, B = Tensor("W_E", (3, 2)), Tensor("W_Q", (2, 2))


def two_bounds(seed: int):
    """A product bound and one around an odd common row, for the same term, and the exact bound."""
    graph, known = small_known(seed)
    right = graph.apply(RowDifferenceExact(), [known], B)
    plain = graph.apply(RowDifferenceProduct(), [known, right], A)
    named = graph.apply(NameMatrix(), [known], ("row", DyadicMatrix.from_integers(1, 2, [7, -5], -3)))
    row = Tensor("row", (1, 2))
    common = graph.apply(RowDifferenceExact(), [named], row @ B)
    around = graph.apply(RowDifferenceMean(), [named, right, common], (A, row))
    return graph, known, (plain, around), graph.apply(RowDifferenceExact(), [known], A @ B)


def test_each_row_takes_its_smaller_bound():
    """The least is either bound in every row, never below the exact difference, and mixes both in some networks."""
    mixed = 0
    for seed in range(20):
        graph, _, bounds, exact = two_bounds(seed)
        for first, second in (bounds, bounds[::-1]):
            least = graph.claim(graph.apply(RowDifferenceLeast(), [first, second]))
            columns = [[row[0] for row in graph.claim(c).bounds.fractions()] for c in (first, second, exact)]
            found = [row[0] for row in least.bounds.fractions()]
            assert found == [min(a, b) for a, b in zip(*columns[:2], strict=True)]
            assert all(bound >= truth for bound, truth in zip(found, columns[2], strict=True))
            assert least.term == A @ B
        mixed += found not in columns[:2]
    assert mixed > 0


def test_bounds_about_different_things_are_refused():
    """Another term, another network, and one name with two values."""
    graph, known, (plain, _), _ = two_bounds(0)
    with pytest.raises(NotEstablished, match="the bounds are about"):
        graph.apply(RowDifferenceLeast(), [plain, graph.apply(RowDifferenceExact(), [known], A)])
    other, _, (foreign, _), _ = two_bounds(1)
    ids = merge(graph, other)
    with pytest.raises(NotEstablished, match="the bounds are about"):
        graph.apply(RowDifferenceLeast(), [plain, ids[foreign]])
    bounds = []
    for size in (1, 1000):
        named = graph.apply(NameMatrix(), [known], ("v", DyadicMatrix.from_integers(1, 2, [0, size], 0)))
        bounds.append(graph.apply(RowDifferenceExact(), [named], Tensor("v", (1, 2))))
    with pytest.raises(NotEstablished, match="the bounds are about"):
        graph.apply(RowDifferenceLeast(), bounds)
