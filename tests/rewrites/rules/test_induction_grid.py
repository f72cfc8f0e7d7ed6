"""The grid: the lemma over fractions, tables and weights against exact numbers, the table of falls against mpmath."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import induction_networks as small
import mpmath
import numpy as np
import pytest
from induction_networks import formula

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.layers.attention import Scale
from mechproof.rewrites.rules.induction.form import TwoLayers
from mechproof.rewrites.rules.induction.grid import (
    FALL_BITS,
    GRID,
    LOWEST,
    STEPS,
    WEIGHT_BITS,
    Grid,
    falls,
    floored,
    penalties,
)


def environment(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(1, 3)
    parts = [rng.randint(0, 3) for _ in range(n)]
    parts[0] += not sum(parts)
    down = [Fraction(rng.randint(-3, 3)) for _ in range(n)]
    up = [x + rng.choice((0, Fraction(1, 2), 1, 1, -1, 2)) for x in down]
    return {"n": n, "A": Table([Fraction(part, sum(parts)) for part in parts]), "X": Table(down), "x": Table(up)}


def test_lemma_is_tight_and_its_mutants_fail():
    """True of random numbers, attained at both ends; turned round or without a premise false."""
    rng = random.Random(8)
    assert examine(formula(GRID), [environment(rng) for _ in range(400)]).passed


@pytest.mark.parametrize("scale", [Scale(), Scale(Fraction(3, 7)), Scale(root=2), Scale(root=9)])
def test_tables_are_rounded_down(scale):
    """Entries of any sign and size; a scale that is a root is compared by squares."""
    entries = [0, 1, -1, 7, -7, 123456789, -987654321, 3 << 40, -(3 << 40)]
    for exponent, bits in ((-20, 20), (-30, 4), (3, 2)):
        found = floored(DyadicMatrix.from_integers(3, 3, entries, exponent), bits, scale).reshape(-1).tolist()
        for entry, value in zip(entries, found, strict=True):
            exact = entry * Fraction(2) ** (exponent + bits) * scale.factor
            for bound, sign in ((value, 1), (value + 1, -1)):
                # value <= exact/sqrt(root) < value + 1, by the squares of what has one sign
                left, right = bound * abs(bound) * scale.root, exact * abs(exact)
                assert left <= right if sign > 0 else left > right


def test_weights_and_falls_enclose(tmp_path):
    """exp of every score of layer 1 of a small network, and e^{-j/64}, against fifty digits."""
    made = small.layers(11, 3, 4, sharp=3.0, scale="1/sqrt(5)")
    grid = Grid.of(TwoLayers.of(small.statement(made, tmp_path, "induction"), "test"), "test")
    embed, one = made[0], made[1]
    with mpmath.workdps(50):
        rows = [
            [mpmath.mpf(float(a)) + float(b) for a, b in zip(e, p, strict=True)] for p in embed["P"] for e in embed["E"]
        ]
        stream = mpmath.matrix(rows)
        q, k = (stream * mpmath.matrix(one[f"W_{name}"][0].astype(float).tolist()) for name in "QK")
        scores = (q * k.T) / mpmath.sqrt(5)
        for row in range(12):
            seen = range((row // 3 + 1) * 3)
            top = max(scores[row, column] for column in seen)
            for column in seen:
                exact = mpmath.ldexp(mpmath.exp(scores[row, column] - top), WEIGHT_BITS)
                least, most = (int(w.reshape(12, 12)[row, column]) for w in (grid.least, grid.most))
                assert least - mpmath.mpf(10) ** -30 <= exact <= most + mpmath.mpf(10) ** -30 and most - least <= 1
        for j, value in enumerate(falls().tolist()):
            exact = mpmath.ldexp(mpmath.exp(mpmath.mpf(-(j + LOWEST * STEPS)) / STEPS), FALL_BITS)
            assert value - 1 < exact <= value


def test_penalties_are_above_the_exact_ones():
    """e^{-g}·max(0, deficit) with g four units less than said, for gaps inside and beyond the table."""
    rng = np.random.default_rng(5)
    gaps = rng.integers(-(3 << 20), 30 << 20, 50)
    deficits = rng.integers(-(1 << 20), 1 << 26, (50, 3))
    found = penalties(gaps, deficits, 20)
    with mpmath.workdps(40):
        for gap, row, upper in zip(gaps.tolist(), deficits.tolist(), found.tolist(), strict=True):
            for deficit, bound in zip(row, upper, strict=True):
                assert mpmath.exp(-mpmath.ldexp(gap - 4, -20)) * max(0, deficit) <= bound


def test_numbers_beyond_the_grid_are_refused(tmp_path):
    """A network whose logits leave no bits behind the point is refused in a sentence."""
    made = small.layers(1, 3, 4)
    made[3]["W_U"] = made[3]["W_U"] * np.float32(1e8)
    with pytest.raises(NotEstablished, match="exceed the grid"):
        Grid.of(TwoLayers.of(small.statement(made, tmp_path, "induction"), "test"), "test")
