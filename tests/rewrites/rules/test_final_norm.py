"""X4: a norm's denominator is at most the mixture of its values."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.final_norm import NORM

STATEMENT: Any = NORM.statement


def instances(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Sizes, sigma and eta at their limits where those are rational, else near them."""
    rng = random.Random(seed)
    for _ in range(count):
        d, K = rng.randint(1, 2), rng.randint(1, 2)
        z = [[rng.randint(-3, 3) for _ in range(d)] for _ in range(K)]
        parts = [rng.randint(-1, 3) for _ in range(K)]
        a = [Fraction(x, sum(parts) or 1) for x in parts]
        s = [Fraction(rng.randint(-1, 6), 2) for _ in range(K)]
        mixed = [sum((a[p] * z[p][i] for p in range(K)), Fraction(0)) for i in range(d)]
        epsilon = rng.choice([0, 1, Fraction(1, 4)])
        sigma = rng.choice([Fraction(rng.randint(0, 8), 2), *map(abs, mixed)])
        eta = rng.choice([Fraction(rng.randint(-2, 4), 2), Fraction(0)])
        yield {
            "K": K, "d": d, "a": a.__getitem__, "s": s.__getitem__, "z": lambda p, i, z=z: z[p][i],
            "\\sigma": sigma, "\\eta": eta, "\\varepsilon": epsilon,
        }  # fmt: skip


def test_lemma() -> None:
    report = examine(STATEMENT, list(instances(1, 3000)))
    assert report.holds and report.attained


def test_mutants_are_false() -> None:
    report = examine(STATEMENT, list(instances(2, 20000)))
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
