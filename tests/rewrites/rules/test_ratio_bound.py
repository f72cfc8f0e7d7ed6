"""X1: a weighted mean from a sum, for any level."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.ratio_bound import RATIO

STATEMENT: Any = RATIO.statement


def instances(seed: int, count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    for _ in range(count):
        K = rng.randint(1, 3)
        w = [Fraction(rng.randint(-1, 6), 2) for _ in range(K)]
        v = [Fraction(rng.randint(-6, 6), 2) for _ in range(K)]
        level = Fraction(rng.randint(-6, 6), 2)
        F = sum((a * (b - level) for a, b in zip(w, v, strict=True)), Fraction(0)) - rng.choice([0, 0, 1, -1])
        W = sum(w) * rng.choice([1, 1, Fraction(1, 2), Fraction(3, 2), -1])
        if sum(w):
            yield {"K": K, "w": w.__getitem__, "v": v.__getitem__, "\\gamma": level, "F": F, "W": W}


def test_lemma() -> None:
    report = examine(STATEMENT, list(instances(1, 600)))
    assert report.holds and report.attained


def test_mutants_are_false() -> None:
    report = examine(STATEMENT, list(instances(2, 1500)))
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
