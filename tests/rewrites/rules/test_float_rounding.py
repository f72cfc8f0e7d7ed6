"""γ_n: the step lemma over fractions, and products of many factors."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.float_rounding import ROUNDING, gamma

STATEMENT: Any = ROUNDING.statement
STEPS = [Fraction(k, 2) for k in (-3, -2, -1, 1, 2, 3)]


def instances() -> list[dict[str, Any]]:
    """θ and δ at and around the ends of their ranges, some beyond."""
    units = [Fraction(1, 16), Fraction(1, 5)]
    return [
        {"u": u, "n": n, "\\theta": a * gamma(n, u), "\\delta": b * u}
        for u, n, a, b in itertools.product(units, range(4), STEPS, STEPS)
    ]


def test_lemma():
    """The step holds at the ends of all ranges, and is attained."""
    report = examine(STATEMENT, instances())
    assert report.holds and report.attained


def test_mutants_of_the_lemma():
    """A bound turned round or without its premise is noticed."""
    assert all(mutant.killed for mutant in examine(STATEMENT, instances()).mutants if mutant.required)


def test_products_of_factors_stay_within_gamma():
    """All products of up to five factors 1 ± u and their inverses; γ_n is attained only to first order."""
    u = Fraction(1, 32)
    factors = [1 + u, 1 - u, 1 / (1 + u), 1 / (1 - u)]
    for n in range(1, 6):
        products = [Fraction(1)]
        for _ in range(n):
            products = [a * b for a in products for b in factors]
        worst = max(abs(value - 1) for value in products)
        assert n * u < worst <= gamma(n, u) < worst + n * n * u * u


def test_too_many_roundings_are_refused():
    """Where n·u reaches 1 there is no bound."""
    with pytest.raises(NotEstablished, match="too many"):
        gamma(4, Fraction(1, 4))
