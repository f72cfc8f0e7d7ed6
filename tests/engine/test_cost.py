"""Costs: sums, leading terms, numbers."""

from __future__ import annotations

import pytest
from sympy import Integer, Rational, Symbol, symbols

from mechproof.engine.cost import Cost

V, K, d = symbols("V K d", positive=True, integer=True)
n = Symbol("n", positive=True, integer=True)


@pytest.mark.parametrize(
    ("cost", "leading"),
    [
        (Cost(), 1),
        (Cost(add=Integer(7)), 1),
        (Cost(add=V * K + 7), V * K),
        (Cost(multiply=5 * V**3, add=V**2 + V), V**3),
        (Cost(multiply=V**2 * d, add=V * d**2, compare=V * d), V**2 * d + V * d**2),
        (Cost(multiply=V * (V + 1) * Rational(1, 2)), V**2),
        (Cost(add=V**3 * K, compare=V * n), V**3 * K + V * n),
        (Cost(add=V ** (K + 1), compare=V**K + V), V ** (K + 1)),
        (Cost(add=V**K, exp=V**2 * K), V**K + V**2 * K),
        (Cost(add=(V + K) * (V - K) + K**2), V**2),
    ],
    ids=str,
)
def test_leading_terms(cost, leading):
    """Exactly the monomials that no other is known to exceed remain; exponents may be symbols."""
    assert cost.leading() == leading


def test_costs_add_by_kind():
    """Each kind of operation is counted on its own; the total is their sum."""
    cost = Cost(multiply=V, exp=Integer(2)) + Cost(multiply=3 * V, add=K, compare=d)
    assert cost.terms() == (4 * V, K, 2, d)
    assert cost.total == 4 * V + K + 2 + d
    assert sum([cost, cost], Cost()).total == 2 * cost.total


def test_numbers_for_given_sizes():
    """Sizes are put in by name; a symbol without a size stays a symbol, an exact half stays exact."""
    cost = Cost(multiply=V**3 * K, add=V * (V - 1) * Rational(1, 2), compare=V * n)
    numbers = cost.evaluate({"V": 5, "K": 4, "d": 99})
    assert numbers == Cost(Integer(500), Integer(10), Integer(0), 5 * n)
    assert numbers.evaluate({"n": 2}).total == 520
    assert all(term.is_Integer for term in numbers.evaluate({"n": 2}).terms())
