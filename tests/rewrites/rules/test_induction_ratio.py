"""The least ratio of sums over independent choices: the lemma over fractions, the integers against all choices."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import Any

import numpy as np

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.induction.ratio import RATIO, Choice, least_ratio

STATEMENT: Any = RATIO.statement


def environment(rng: random.Random) -> dict[str, Any]:
    K, gamma = rng.randint(1, 3), Fraction(rng.randint(-4, 4), 2)
    sets = [set(range(rng.randint(1, 2))) for _ in range(K)]
    w = [[Fraction(rng.randint(1, 4)) for _ in some] for some in sets]
    g = [[Fraction(rng.randint(-6, 6), 2) for _ in some] for some in sets]
    tables = zip(w, g, strict=True)
    f = [[a * (b - gamma) - rng.choice((0, 0, 1, -4)) for a, b in zip(*rows, strict=True)] for rows in tables]
    bottom = sum(map(min, w)) - rng.choice((0, 0, Fraction(1, 2), -20))
    return {"K": K, "T": Table(sets), "w": Table(w), "g": Table(g), "f": Table(f), "\\gamma": gamma, "W": bottom}


def test_lemma_holds_and_its_mutants_fail():
    """True of random numbers and attained; turned round, or with a premise dropped, false."""
    rng = random.Random(3)
    instances = [environment(rng) for _ in range(300)]
    assert examine(STATEMENT, instances).passed


def test_integers_are_below_every_choice_and_near_the_least():
    """Random tables with enclosures of any width: below all ratios, and within one unit where weights are known."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        sizes = rng.integers(1, 4, size=rng.integers(1, 4))
        width = int(rng.integers(0, 3)) * 1000
        choices = []
        for size in sizes:
            least = rng.integers(0, 1 << 16, size)
            choices.append(Choice(least, least + width, rng.integers(-(1 << 20), 1 << 20, size)))
        bound = int(least_ratio(choices))
        ratios = []
        for picked in itertools.product(*(range(size) for size in sizes)):
            for ends in itertools.product((0, 1), repeat=len(sizes)):
                pairs = [(int(c[e][p]), int(c.values[p])) for c, p, e in zip(choices, picked, ends, strict=True)]
                total = sum(w for w, _ in pairs)
                if total:
                    ratios.append(Fraction(sum(w * g for w, g in pairs), total))
        assert bound <= min(ratios)
        if len(sizes) == 1 and not width:
            assert bound == min(int(g) for g in choices[0].values)


def test_two_passes_find_the_minimum_of_sharp_rows():
    """Where one position holds nearly all weight, the bound is the minimum to one unit."""
    sharp = Choice(np.array([1 << 28, 1 << 28]), np.array([1 << 28, 1 << 28]), np.array([5 << 20, 7 << 20]))
    rest = Choice(np.array([1, 3]), np.array([1, 3]), np.array([-(9 << 20), 2 << 20]))
    exact = min(
        Fraction((g << 28) * 1 + w * h, (1 << 28) + w)
        for g in (5 << 20, 7 << 20)
        for w, h in ((1, -(9 << 20)), (3, 2 << 20))
    )
    assert exact - 2 < int(least_ratio([sharp, rest])) <= exact
