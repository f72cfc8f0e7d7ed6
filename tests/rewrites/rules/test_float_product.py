"""An inner product of two inexact vectors, over fractions."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.float_product import PRODUCT

STATEMENT: Any = PRODUCT.statement


def instances() -> list[dict[str, Any]]:
    """Vectors off by their whole errors; a fifth of them by more."""
    rng = random.Random(3)
    found = []
    for number in range(300):
        n, beyond = rng.randint(0, 3), 3 if number % 5 == 0 else 1
        x, y, e, f = ([Fraction(rng.randint(low, 3)) for _ in range(n)] for low in (-3, -3, 0, 0))
        moved = [
            [value + beyond * rng.choice([-1, 1]) * room for value, room in zip(values, rooms, strict=True)]
            for values, rooms in ((x, e), (y, f))
        ]
        tables = {"x": x, "y": y, "e": e, "f": f, "x'": moved[0], "y'": moved[1]}
        found.append({"n": n} | {name: Table(rows) for name, rows in tables.items()})
    return found


def test_lemma():
    """The bound holds for vectors off by their whole errors, and is attained."""
    report = examine(STATEMENT, instances())
    assert report.holds and report.attained


def test_mutants_of_the_lemma():
    """A bound turned round or without its premise is noticed."""
    assert all(mutant.killed for mutant in examine(STATEMENT, instances()).mutants if mutant.required)
