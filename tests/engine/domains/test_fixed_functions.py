"""Softmax, norms, activations and products of fixed-point tables, at sizes that networks do not have every day."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from plain_network import FUNCTIONS

from mechproof.engine.arithmetic.fixed_point import LOST, Table
from mechproof.engine.domains.fixed_functions import activation, bit_lengths, entrywise, normalised
from mechproof.engine.domains.fixed_softmax import shares

SEEDS = pytest.mark.parametrize("seed", range(60))


def table(rng: random.Random, columns: int) -> tuple[Table, list[list[Any]]]:
    """A table of any size in any unit, and reals that it stands for: at the ends of the radius, or anywhere in it."""
    bits, exponent = rng.choice([0, 1, 10, 30, 50, 59]), rng.choice([-70, -58, -40, -30, -8, 0, 4])
    rows = [[rng.choice([0, 1, rng.randint(-(1 << bits), 1 << bits)]) for _ in range(columns)] for _ in range(4)]
    rows[1] = [rows[1][0]] * columns
    radius = [rng.choice([0, 1, rng.randint(0, 1 << rng.choice([3, 20, 40]))]) for _ in range(4)]
    reals = [
        [mpmath.ldexp(mpmath.mpf(v + rng.choice([-r, r, rng.randint(-r, r)])), exponent) for v in row]
        for row, r in zip(rows, radius, strict=True)
    ]
    return Table(np.array(rows), np.array(radius), exponent), reals


def within(found: Table, truth: list[list[Any]], *, in_sum: bool = False) -> bool:
    unit = mpmath.ldexp(mpmath.mpf(1), found.exponent)
    for row, values, radius in zip(truth, found.values.tolist(), found.radius.tolist(), strict=True):
        errors = [abs(v * unit - x) for x, v in zip(row, values, strict=True)]
        if radius < LOST and (mpmath.fsum(errors) if in_sum else max(errors)) > radius * unit:
            return False
    return found.size < LOST


@SEEDS
def test_softmax(seed):
    """The sum of a row's errors is within its radius: one key, equal scores, giant and tiny scores."""
    rng = random.Random(seed)
    factor, root = rng.choice([(Fraction(1), 1), (Fraction(1, 8), 1), (Fraction(1), 7), (Fraction(3, 10**6), 1)])
    with mpmath.workprec(300):
        scores, reals = table(rng, rng.choice([1, 2, 5, 30]))
        if scores.size.bit_length() + scores.exponent > 40:
            return  # beyond what the table of exp takes, which is refused: the ladder's business
        scale = mpmath.mpf(factor.numerator) / factor.denominator / mpmath.sqrt(root)
        truth = []
        for row in reals:
            powers = [mpmath.exp((x - max(row)) * scale) for x in row]
            truth.append([power / mpmath.fsum(powers) for power in powers])
        found = shares(scores, factor, root)
        assert within(found, truth, in_sum=True)
        exact = [r for r, given in zip(found.radius.tolist(), scores.radius.tolist(), strict=True) if given == 0]
        assert all(r < 1 << 13 for r in exact) or scores.size.bit_length() + scores.exponent > 20


@SEEDS
@pytest.mark.parametrize("centred", [False, True])
def test_norms(seed, centred):
    """Rows that are constant, tiny, or wide; epsilon that matters and epsilon that does not."""
    rng = random.Random(seed)
    epsilon = rng.choice([Fraction(1, 1 << 20), Fraction(1, 1 << 80), Fraction(5, 4)])
    with mpmath.workprec(400):
        rows, reals = table(rng, rng.choice([1, 2, 5, 96]))
        truth = []
        for row in reals:
            mean = mpmath.fsum(row) / len(row) if centred else 0
            z = [x - mean for x in row]
            sigma = mpmath.sqrt(
                mpmath.fsum(x * x for x in z) / len(z) + mpmath.mpf(epsilon.numerator) / epsilon.denominator
            )
            truth.append([x / sigma for x in z])
        found = normalised(rows, centred, epsilon)
        assert within(found, truth)
        large = (np.abs(rows.values).max(axis=1) >= rows.size >> 8) & (rows.radius == 0) & (not centred)
        exact = found.radius[large].tolist() if rows.size > 1 << 20 and epsilon > Fraction(1, 1 << 30) else []
        # 2^-26 of the largest entry of a normalised row, which is at most 10 here
        assert all(r * mpmath.ldexp(mpmath.mpf(1), found.exponent) < mpmath.mpf(10) / 2**26 for r in exact)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("bits", range(40, 61))
def test_norms_of_numbers_that_round_up_to_a_power_of_two(columns, bits):
    """All bits ones: the largest entry rounds up to one bit more, and products with the root must have room for it."""
    for entry in ((1 << bits) - 1, 1 - (1 << bits), 1 << bits):
        row = [entry] + [0] * (columns - 1)
        with mpmath.workprec(400):
            x = mpmath.mpf(entry)
            truth = [x / mpmath.sqrt(x * x / columns + mpmath.ldexp(mpmath.mpf(1), -20)), *row[1:]]
            found = normalised(Table(np.array([row]), np.array([0]), 0), False, Fraction(1, 1 << 20))
            assert within(found, [truth])
            assert found.radius[0] < 1 << 12


@SEEDS
@pytest.mark.parametrize("function", ["relu", "gelu", "gelu_new", "silu"])
def test_activations(seed, function):
    """In the table, behind it on both sides, and where the unit itself is coarser than the table's end."""
    rng = random.Random(seed)
    with mpmath.workprec(300):
        entries, reals = table(rng, 6)
        assert within(activation(entries, function), [[FUNCTIONS[function](x) for x in row] for row in reals])


@SEEDS
def test_products(seed):
    """Entry by entry, with both factors off by their radii."""
    rng = random.Random(seed)
    with mpmath.workprec(300):
        (a, x), (b, y) = table(rng, 5), table(rng, 5)
        truth = [[s * t for s, t in zip(row, other, strict=True)] for row, other in zip(x, y, strict=True)]
        assert within(entrywise(a, b), truth)


def test_bit_lengths():
    """Powers of two and their neighbours, up to the room."""
    numbers = [n for k in range(61) for n in ((1 << k) - 1, 1 << k, (1 << k) + 1)] + [1 << 61]
    assert bit_lengths(np.array(numbers)).tolist() == [n.bit_length() for n in numbers]
