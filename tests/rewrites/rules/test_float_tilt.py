"""How far an average moves when its weights are tilted, over fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.float_tilt import TILT

STATEMENT: Any = TILT.statement


def instances() -> list[dict[str, Any]]:
    """Weights tilted by all of r; a fifth of them by more; and the case in which nothing is lost."""
    rng = random.Random(6)
    found = []
    for number in range(300):
        K, r = rng.randint(1, 3), Fraction(rng.randint(2, 6), 2)
        f, w = ([Fraction(rng.randint(low, 4)) for _ in range(K)] for low in (-4, 1))
        by = r**3 if number % 5 == 0 else r
        tilted = [value * rng.choice([by, 1 / by]) for value in w]
        found.append({"K": K, "r": r, "f": Table(f), "w": Table(w), "w'": Table(tilted)})
    r = Fraction(3)
    worst = {"f": Table([1, 0]), "w": Table([1, r]), "w'": Table([r, Fraction(1)])}
    return [*found, {"K": 2, "r": r} | worst]


def test_lemma():
    """The bound holds for weights tilted by all of r, and is attained."""
    report = examine(STATEMENT, instances())
    assert report.holds and report.attained


def test_mutants_of_the_lemma():
    """A bound turned round or without its premise is noticed."""
    assert all(mutant.killed for mutant in examine(STATEMENT, instances()).mutants if mutant.required)
