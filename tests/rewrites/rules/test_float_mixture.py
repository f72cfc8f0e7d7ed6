"""Values averaged with inexact attention, over fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.float_mixture import MIXTURE

STATEMENT: Any = MIXTURE.statement


def instances() -> list[dict[str, Any]]:
    """Attention and values off by their whole errors; a fifth of them by more."""
    rng = random.Random(5)
    found = []
    for number in range(300):
        K, beyond = rng.randint(1, 3), 3 if number % 5 == 0 else 1
        eta, beta, g, s = (Fraction(rng.randint(0, 2), 8) for _ in range(4))
        turned = rng.choice([-1, 1, 0])

        def end(bound: Fraction, beyond: int = beyond, turned: int = turned) -> Fraction:
            return bound * beyond * (turned or rng.choice([-1, 1]))

        exact = [Fraction(rng.randint(0, 4), 4) for _ in range(K)]
        values, errors = ([Fraction(rng.randint(0, 3)) for _ in range(K)] for _ in range(2))
        found.append(
            {
                "K": K, "\\eta": eta, "\\beta": beta, "g": g, "s": s, "\\sigma": end(s), "a'": Table(exact),
                "a": Table([value + end(eta * value + beta) for value in exact]), "v": Table(values),
                "e": Table(errors),
                "v'": Table([value + end(room) for value, room in zip(values, errors, strict=True)]),
                "\\theta": Table([end(g) for _ in range(K)]),
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
