"""X2: the MLP's lines put into the mixture, and the lines of ReLU and square."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.pointwise_lines import LINES, RELU_LINES, SQUARE_LINES


def mixtures(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """A ReLU of a mixture with lines that hold, touch, or fail; weights that sometimes do not add up to 1."""
    rng = random.Random(seed)
    half = lambda: Fraction(rng.randint(-4, 4), 2)  # noqa: E731
    for _ in range(count):
        K, M = rng.randint(1, 3), rng.randint(0, 2)
        parts = [rng.randint(0, 3) for _ in range(K)]
        total = sum(parts) or 1
        a = [Fraction(x, total) for x in parts] if rng.random() < 0.8 else [half() for _ in range(K)]
        g = [[half() for _ in range(M)] for _ in range(K)]
        v, c, s = ([half() for _ in range(n)] for n in (K, M, M))
        z = [sum((a[p] * g[p][i] for p in range(K)), Fraction(0)) for i in range(M)]
        f = [max(x, Fraction(0)) for x in z]
        b = [f[i] - s[i] * z[i] - (1 if c[i] >= 0 else -1) * rng.choice([0, 0, 1, -1]) for i in range(M)]
        yield {
            "K": K, "M": M, "a": a.__getitem__, "v": v.__getitem__, "g": lambda p, i, g=g: g[p][i],
            "c": c.__getitem__, "f": f.__getitem__, "s": s.__getitem__, "b": b.__getitem__,
        }  # fmt: skip


def intervals(seed: int, count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    for _ in range(count):
        low, high = sorted(Fraction(rng.randint(-6, 6), 2) for _ in range(2))
        z = rng.choice([low, high, (low + high) / 2, Fraction(rng.randint(-6, 6), 2)])
        yield {"l": low, "u": high, "z": z, "s": Fraction(rng.randint(-2, 6), 4)}


CASES = [(LINES, mixtures), (RELU_LINES, intervals), (SQUARE_LINES, intervals)]


@pytest.mark.parametrize(("lemma", "drawn"), CASES, ids=lambda case: getattr(case, "label", ""))
def test_lemma(lemma: Any, drawn: Any) -> None:
    report = examine(lemma.statement, list(drawn(1, 600)))
    assert report.holds and report.attained


@pytest.mark.parametrize(("lemma", "drawn"), CASES, ids=lambda case: getattr(case, "label", ""))
def test_mutants_are_false(lemma: Any, drawn: Any) -> None:
    report = examine(lemma.statement, list(drawn(2, 3000)))
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
