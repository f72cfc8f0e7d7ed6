"""X0 (b), (c): the programme over numbers and ranks, and the k smallest, against every choice."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.list_extremes import LISTS, SMALLEST

PROGRAMME: Any = LISTS.statement
SMALL: Any = SMALLEST.statement


def programmes(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Exact programmes, some spoilt by one unit somewhere."""
    rng = random.Random(seed)
    for _ in range(count):
        k, N = rng.randint(0, 3), rng.randint(0, 4)
        D = [[rng.randint(-3, 3) for _ in range(N)] for _ in range(k)]
        B = [[0] * (N + 1)] + [[99] * (N + 1) for _ in range(k)]
        for n, j in itertools.product(range(N), range(k)):
            B[j + 1][n + 1] = min(B[j + 1][n], B[j][n] + D[j][n])
        if rng.random() < 0.4:
            j = rng.randint(0, k)
            B[j][rng.randint(0, N)] += rng.randint(-1, 2)
        yield {
            "k": k,
            "N": N,
            "T": lambda _, N=N: range(N),
            "D": lambda j, n, D=D: D[j][n],
            "B": lambda j, n, B=B: B[j][n],
        }


def sums(seed: int, count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    for _ in range(count):
        k, N = rng.randint(0, 3), rng.randint(0, 4)
        D = [Fraction(rng.randint(-5, 5), 2) for _ in range(N)]
        level = rng.choice([*D, Fraction(1)])
        yield {"k": k, "N": N, "T": lambda _, N=N: range(N), "D": D.__getitem__, "\\theta": level}


def test_lemmas() -> None:
    """Both hold, and are attained."""
    for statement, found in ((PROGRAMME, programmes(1, 400)), (SMALL, sums(1, 400))):
        report = examine(statement, list(found))
        assert report.holds and report.attained


def test_mutants_are_false() -> None:
    """Premises dropped and inequalities turned are noticed."""
    for statement, found in ((PROGRAMME, programmes(2, 1500)), (SMALL, sums(2, 600))):
        report = examine(statement, list(found))
        assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
