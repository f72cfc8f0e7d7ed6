"""Sums from layers: the lemma over fractions, and the function against sorted numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.rewrites.rules.loss_layers import LAYERS, layered

STATEMENT: Any = LAYERS.statement


def instances() -> Iterator[dict[str, Any]]:
    """Up to four members and three levels; counts that are true, too large, or fall."""
    rng = random.Random(1)
    for _ in range(1500):
        members, levels = rng.randint(1, 4), rng.randint(1, 3)
        c = [Fraction(rng.randint(-3, 3), rng.choice((1, 2))) for _ in range(members)]
        u = [Fraction(rng.randint(-3, 3)) for _ in range(levels - 1)] + [max(c) + rng.choice((0, 0, 1, -1))]
        n = [0, *(sum(value <= bound for value in c) + rng.choice((0, 0, 0, -1, 1)) for bound in u)]
        yield {"N": members, "J": levels, "c": Table(c), "u": Table(u), "n": Table(n)}


def test_lemma_holds_and_its_mutants_fail():
    """True of all instances, tight on one, false of one when turned round or without its premise."""
    report = examine(STATEMENT, list(instances()))
    assert report.passed, report.counterexample
    assert any(mutant.required for mutant in report.mutants)


def test_mutants_without_a_part_of_the_premise_are_false():
    """Counts must not fall, must be true, and must end with all members."""
    every, whole = STATEMENT.left.left, STATEMENT.left.right
    rising, counted = every.body.left, every.body.right
    for kept in (every, replace(every, body=rising) & whole, replace(every, body=counted) & whole):
        assert fails(replace(STATEMENT, left=kept), list(instances()))


def test_the_function_is_never_below_the_sum():
    """For true counts in any order, with a level that holds of all: at least the sum, and equal for all levels."""
    rng = random.Random(2)
    for _ in range(300):
        numbers = [rng.randint(0, 9) for _ in range(rng.randint(1, 6))]
        levels = [rng.randint(0, 9) for _ in range(3)] + [max(numbers)]
        rng.shuffle(levels)
        pairs = [(u, max(0, sum(value <= u for value in numbers) - rng.randint(0, 1) * (u < max(numbers))))
                 for u in levels]  # fmt: skip
        assert layered(pairs) >= sum(numbers)
        assert layered([(u, sum(value <= u for value in numbers)) for u in range(10)]) == sum(numbers)
