"""Query atoms: the lemma over fractions, tight, with mutants."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from induction_networks import formula

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.induction.query_row import QUERY_ATOMS


def environment(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(1, 3)
    parts = [rng.randint(0, 3) for _ in range(n)]
    parts[0] += not sum(parts)
    mine, theirs = ([Fraction(rng.randint(-4, 4), 2) for _ in range(n)] for _ in range(2))
    one, other = Fraction(rng.randint(-4, 4)), Fraction(rng.randint(-4, 4))
    gaps = [one + a - other - b - rng.choice((0, 0, 1, -1)) for a, b in zip(mine, theirs, strict=True)]
    shares = [Fraction(part, sum(parts)) for part in parts]
    return {
        "n": n,
        "\\alpha": Table(shares),
        "x'": one,
        "x": other,
        "o'": Table(mine),
        "o": Table(theirs),
        "G": Table(gaps),
    }


def test_lemma_is_tight_and_its_mutants_fail():
    """True of random numbers, attained where every atom's gap is exact; turned round or without premise false."""
    rng = random.Random(2)
    report = examine(formula(QUERY_ATOMS), [environment(rng) for _ in range(200)])
    assert report.passed
