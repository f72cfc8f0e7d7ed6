"""X3: several heads jointly."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.joint_heads import HEADS

STATEMENT: Any = HEADS.statement


def instances(seed: int, count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    half = lambda low=-4: Fraction(rng.randint(low, 4), 2)  # noqa: E731
    for _ in range(count):
        H = rng.randint(1, 3)
        D = [half(1) for _ in range(H)]
        N, levels = ([half() for _ in range(H)] for _ in range(2))
        delta = -sum(levels) + rng.choice([0, 0, 0, 1, -1])
        rho = [[D[0] / D[h] - rng.choice([0, 0, 1, -1]), D[0] / D[h] + rng.choice([0, 0, 1, -1])] for h in range(H)]
        yield {
            "H": H, "D": D.__getitem__, "N": N.__getitem__, "\\gamma": levels.__getitem__,
            "\\delta": delta, "\\rho": lambda h, a, rho=rho: rho[h][a],
        }  # fmt: skip


def test_lemma() -> None:
    report = examine(STATEMENT, list(instances(1, 800)))
    assert report.holds and report.attained


def test_mutants_are_false() -> None:
    """Numbers that do not add up to -delta, a ratio outside of its bounds: each is refuted."""
    report = examine(STATEMENT, list(instances(2, 3000)))
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
