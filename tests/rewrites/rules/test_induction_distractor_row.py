"""Shares' ends and the box around a row's previous token: lemmas over fractions, integers against exact numbers."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import Any

import numpy as np
from induction_networks import formula

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.induction.distractor_row import DISTRACTOR_ROW, SHARE_ENDS, box_floor, share_ends
from mechproof.rewrites.rules.induction.grid import SHARE_BITS


def of_shares(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(1, 3)
    w = [Fraction(rng.randint(2, 5)) for _ in range(n)]
    some = (0, 0, 1, Fraction(1, 2))
    u, v = [a + rng.choice(some) for a in w], [a - rng.choice(some) for a in w]
    return {"n": n, "w": Table(w), "u": Table(u), "v": Table(v)}


def of_rows(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(1, 3)
    parts = [rng.randint(0, 3) for _ in range(n)]
    parts[0] += not sum(parts)
    shares = [Fraction(part, sum(parts)) for part in parts]
    given, p = [Fraction(rng.randint(-4, 4)) for _ in range(n)], rng.randrange(n)
    off = [o - given[p] - rng.choice((0, 0, 1, -1)) for o in given]
    ends = [
        [share * rng.choice((1, Fraction(1, 2))) for share in shares],
        [share * rng.choice((1, 2)) for share in shares],
    ]
    return {"n": n, "A": Table(shares), "o": Table(given), "p": p, "h": Table(off), "b": Table(ends)}


def test_lemmas_are_tight_and_their_mutants_fail():
    """True of random numbers and attained; turned round, or without their premise, false."""
    rng = random.Random(6)
    assert examine(formula(SHARE_ENDS), [of_shares(rng) for _ in range(200)]).passed
    assert examine(formula(DISTRACTOR_ROW), [of_rows(rng) for _ in range(400)]).passed


def test_integer_ends_hold_every_share():
    """All corners of random enclosures, zeros included; the ends are within a unit of the corners' extremes."""
    rng = np.random.default_rng(2)
    for _ in range(60):
        least = rng.integers(0, 4, 3) * rng.integers(0, 1 << 20, 3)
        most = least + rng.integers(0, 1 << 16, 3)
        low, high = (ends.tolist() for ends in share_ends(least, most))
        corners = [pick for pick in itertools.product(*zip(least.tolist(), most.tolist(), strict=True)) if sum(pick)]
        for m in range(3):
            shares = [Fraction(pick[m] << SHARE_BITS, sum(pick)) for pick in corners]
            if shares:
                assert low[m] <= min(shares) < low[m] + 1 or not least.any()
                assert high[m] - 1 < max(shares) <= high[m] or not least.any()


def test_integer_box_is_below_the_row():
    """Random shares inside of the ends, and exact where the ends meet."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        share = rng.integers(0, 1 << SHARE_BITS - 2, 2)
        off = rng.integers(-(1 << 20), 1 << 20, 2)
        wide = int(rng.integers(0, 1 << 10))
        members = [
            (np.array(max(0, a - wide)), np.array(a + wide), np.array(h)) for a, h in zip(share, off, strict=True)
        ]
        exact = Fraction(int((share * off).sum()), 1 << SHARE_BITS)
        bound = int(box_floor(np.array(7), members)) - 7
        assert bound <= exact and (wide or bound > exact - 1)
