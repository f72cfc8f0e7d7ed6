"""X0 (e): the bound with a multiplier holds for every input whose labels' sum lies in the interval, and is attained."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Num
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.sum_extremes import SUMS

STATEMENT: Any = SUMS.statement


def instances(seed: int, count: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    for _ in range(count):
        positions, tokens = rng.randint(1, 3), rng.randint(1, 3)
        rows = [[Fraction(rng.randint(-6, 6), rng.randint(1, 2)) for _ in range(tokens)] for _ in range(positions)]
        sets = [rng.sample(range(tokens), rng.randint(1, tokens)) for _ in range(positions)]
        labels = [rng.randint(-2, 2) for _ in range(tokens)]
        b, c = rng.randint(-4, 4), rng.randint(-4, 4)
        yield {
            "K": positions, "D": lambda p, t, rows=rows: rows[p][t], "T": sets.__getitem__, "b": b, "c": c,
            "\\ell": labels.__getitem__, "\\lambda": Fraction(rng.randint(-4, 4), 2),
        }  # fmt: skip


def test_lemma() -> None:
    """It holds for every multiplier, and some instance attains it."""
    report = examine(STATEMENT, list(instances(1, 400)))
    assert report.holds and report.attained


def test_mutants_are_false() -> None:
    """A premise dropped, an inequality turned, one unit more on either end: each is refuted."""
    many = list(instances(2, 400))
    report = examine(STATEMENT, many)
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []
    conclusion = STATEMENT.body.right.right
    one_more = replace(
        conclusion,
        left=replace(conclusion.left, left=conclusion.left.left + Num(1)),
        right=replace(conclusion.right, left=conclusion.right.left + Num(1)),
    )
    body = replace(STATEMENT.body, right=replace(STATEMENT.body.right, right=one_more))
    assert not all(replace(STATEMENT, body=body).value(env) for env in many)
    # the other end is no bound: with lambda > 0 only b is, with lambda < 0 only c
    for side in (conclusion.left, conclusion.right):
        body = replace(STATEMENT.body, right=replace(STATEMENT.body.right, right=side))
        assert not all(replace(STATEMENT, body=body).value(env) for env in many)
