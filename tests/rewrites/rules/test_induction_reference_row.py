"""The reference row from its atoms: the lemma over fractions, tight, with mutants."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from induction_networks import formula

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.induction.reference_row import REFERENCE_ROW


def environment(rng: random.Random) -> dict[str, Any]:
    K = rng.randint(1, 3)
    sets = [set(range(rng.randint(1, 2))) for _ in range(K)]
    weights = [[Fraction(rng.randint(1, 3)) for _ in range(2)] for _ in range(K)]
    given = [[[Fraction(rng.randint(-4, 4)) for _ in range(2)] for _ in range(K)] for _ in range(K)]
    return {"K": K, "T": Table(sets), "w": Table(weights), "o": Table(given)}


def test_lemma_is_tight_and_its_mutants_fail():
    """True of random numbers and attained; turned round it is false."""
    rng = random.Random(4)
    report = examine(formula(REFERENCE_ROW), [environment(rng) for _ in range(120)])
    assert report.passed
