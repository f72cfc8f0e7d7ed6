"""A sum in any order: the lemma over fractions, and sums in all orders with rounded additions."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.float_rounding import gamma
from mechproof.rewrites.rules.float_sum import SUM

STATEMENT: Any = SUM.statement


def instances() -> list[dict[str, Any]]:
    """Random terms with errors at the ends of their ranges; a fifth of them beyond."""
    rng = random.Random(1)
    found = []
    for number in range(300):
        n, g, s = rng.randint(0, 3), Fraction(rng.randint(0, 2), 8), Fraction(rng.randint(0, 2), 8)
        beyond = 3 if number % 5 == 0 else 1

        def end(bound: Fraction, beyond: int = beyond) -> Fraction:
            return bound * beyond * rng.choice([-1, 1])

        found.append(
            {
                "n": n, "g": g, "s": s, "b": rng.randint(-2, 2), "\\phi": end(g), "\\sigma": end(s), "\\sigma'": end(s),
                "a": Table([rng.randint(-3, 3) for _ in range(n)]), "\\theta": Table([end(g) for _ in range(n)]),
            }
        )  # fmt: skip
    return found


def test_lemma():
    """The bound holds for errors at the ends of their ranges, and is attained."""
    report = examine(STATEMENT, instances())
    assert report.holds and report.attained


def test_mutants_of_the_lemma():
    """A bound turned round or without its premise is noticed."""
    assert all(mutant.killed for mutant in examine(STATEMENT, instances()).mutants if mutant.required)


def test_sums_in_every_order_stay_within_gamma():
    """Inner products added up along random trees, every operation rounded by ±u, fused or not: γ_n is not exceeded."""
    rng, u = random.Random(2), Fraction(1, 64)
    worst = Fraction(0)
    for _ in range(300):
        n = rng.randint(1, 5)
        exact = [Fraction(rng.randint(1, 9) * rng.choice([1, 1, -1])) for _ in range(n)]
        sign = rng.choice([None, 1])
        parts = [value * (1 + u * (sign or rng.choice([-1, 1]))) for value in exact]
        while len(parts) > 1:
            a, b = parts.pop(rng.randrange(len(parts))), parts.pop(rng.randrange(len(parts)))
            parts.append((a + b) * (1 + u * (sign or rng.choice([-1, 1]))))
        error = abs(parts[0] - sum(exact))
        bound = gamma(n, u) * sum(map(abs, exact))
        assert error <= bound
        worst = max(worst, error / bound)
    assert worst > Fraction(9, 10)
