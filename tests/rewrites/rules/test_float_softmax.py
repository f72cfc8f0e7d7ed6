"""A softmax in floats, over fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.float_softmax import SOFTMAX

STATEMENT: Any = SOFTMAX.statement


def instances() -> list[dict[str, Any]]:
    """Exponentials that sum to 1/2 or more, with errors at the ends of their ranges; others break a premise."""
    rng = random.Random(4)
    found = []
    for number in range(400):
        K = rng.randint(1, 3)
        t, g, f = Fraction(rng.randint(0, 1), 64), Fraction(rng.randint(0, 2), 8), Fraction(rng.randint(0, 2), 8)
        beyond = 3 if number % 5 == 0 else 1

        def end(bound: Fraction, beyond: int = beyond) -> Fraction:
            return bound * beyond * rng.choice([-1, 1])

        c = [Fraction(1, 2) if p == 0 else Fraction(rng.randint(0, 4), 8) for p in range(K)]
        found.append(
            {
                "K": K, "g": g, "f": f, "\\tau": t, "c": Table(c), "e": Table([value + end(t) for value in c]),
                "\\theta": Table([end(g) for _ in range(K)]), "\\sigma": end(2 * K * t), "\\phi": end(f),
                "\\zeta": end(t),
            }
        )  # fmt: skip
    return found


def test_lemma():
    """The bound holds at the ends of all ranges, and is attained."""
    report = examine(STATEMENT, instances())
    assert report.holds and report.attained


def test_mutants_of_the_lemma():
    """A bound turned round or without its premise is noticed."""
    assert all(mutant.killed for mutant in examine(STATEMENT, instances()).mutants if mutant.required)
