"""Fixed-point tables enclose what they stand for through every change of unit, product and saturation."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.fixed_point import (
    LOST,
    Table,
    affine,
    common_exponent,
    factor,
    known_table,
    lowered,
    saturated_product,
    saturated_sum,
    times_factor,
)
from mechproof.engine.errors import MagnitudeError

radii = st.lists(st.one_of(st.integers(0, 2**20), st.integers(0, LOST), st.just(LOST)), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(radii, st.integers(0, 2**70), st.integers(0, 2**70))
def test_radii_saturate(numbers, times, extra):
    """Sums and products of radii are the true ones, or LOST; never smaller, never beyond."""
    array = np.array(numbers)
    assert affine(array, times, extra).tolist() == [min(LOST, r * times + extra) for r in numbers]
    other = np.array(numbers[::-1])
    pairs = list(zip(numbers, numbers[::-1], strict=True))
    assert saturated_sum(array, other).tolist() == [min(LOST, a + b) for a, b in pairs]
    for found, (a, b) in zip(saturated_product(array, other).tolist(), pairs, strict=True):
        assert found == min(LOST, a * b) or (found == LOST and a * b > LOST - max(a, b))


@given(radii, st.integers(0, 61))
def test_lowered_radii_round_up_and_lost_stays(numbers, shift):
    """A radius in coarser units is not smaller; one that says nothing goes on saying nothing."""
    found = lowered(np.array(numbers), shift).tolist()
    assert found == [LOST if r >= LOST else -(-r >> shift) for r in numbers]


def table(rng: random.Random, rows: int, columns: int, bits: int, exponent: int) -> tuple[Table, list[list[Fraction]]]:
    """A table, and reals that it stands for, at the very ends of its radius as often as not."""
    values = [[rng.randint(-(1 << bits), 1 << bits) for _ in range(columns)] for _ in range(rows)]
    radius = [rng.choice([0, 1, rng.randint(0, 1 << 10)]) for _ in range(rows)]
    unit = Fraction(2) ** exponent
    reals = [
        [(v + rng.choice([-r, r, Fraction(rng.randint(-r, r))])) * unit for v in row]
        for row, r in zip(values, radius, strict=True)
    ]
    return Table(np.array(values), np.array(radius), exponent), reals


def holds(found: Table, reals: list[list[Fraction]]) -> bool:
    unit = Fraction(2) ** found.exponent
    return found.size < LOST and all(
        r >= LOST or abs(v * unit - x) <= r * unit
        for row, values, r in zip(reals, found.values.tolist(), found.radius.tolist(), strict=True)
        for x, v in zip(row, values, strict=True)
    )


@pytest.mark.parametrize("seed", range(40))
def test_changes_of_unit(seed):
    """Coarser, finer, within and filling: the same reals."""
    rng = random.Random(seed)
    bits, exponent = rng.randint(0, 40), rng.randint(-80, 20)
    given_table, reals = table(rng, 3, 4, bits, exponent)
    assert holds(given_table, reals)
    for shift in (-15, -1, 1, 2, 30, 61, 62, 90):
        assert holds(given_table.at_exponent(exponent + shift), reals)
    for most in (1, 8, 59):
        assert holds(given_table.within(most), reals) and given_table.within(most).size <= 1 << most
        assert holds(given_table.filling(most), reals) and given_table.filling(most).size <= 1 << most
    with pytest.raises(MagnitudeError):
        Table(np.array([[1 << 60]]), np.array([0]), 0).at_exponent(-1)


def matrix(rng: random.Random, rows: int, columns: int) -> DyadicMatrix:
    bits = rng.choice([1, 3, 24, 60, 200])
    entries = [rng.choice([0, rng.randint(-(1 << bits), 1 << bits)]) for _ in range(rows * columns)]
    return DyadicMatrix.from_integers(rows, columns, entries, rng.randint(-60, 10))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_products_with_known_matrices(seed, wide):
    """left @ M encloses every product of what left may be; M of any number of bits, zeros, one column."""
    rng = random.Random(seed)
    inner, columns = rng.choice([1, 2, 7, 40]), rng.randint(1, 4)
    known = matrix(rng, inner, columns)
    left, reals = table(rng, 3, inner, rng.randint(0, 45), rng.randint(-60, 5))
    M = known.fractions()
    product = [[sum((x * M[i][j] for i, x in enumerate(row)), Fraction(0)) for j in range(columns)] for row in reals]
    found = times_factor(left, factor(known, wide=wide))
    assert holds(found, product)
    assert holds(known_table(known), M)
    if wide and left.size and any(any(row) for row in M) and not left.radius.any():
        scale = left.size * Fraction(2) ** left.exponent * max(sum(abs(row[j]) for row in M) for j in range(columns))
        assert int(found.radius.max()) * Fraction(2) ** found.exponent <= scale * inner / (1 << 34)


def test_products_of_small_integers_are_exact():
    """Integers that fit have radius zero: exact ties stay exact."""
    known = DyadicMatrix.from_integers(2, 1, [3, -5], -1)
    found = times_factor(Table(np.array([[5, 3]]), np.array([0]), 0), factor(known, wide=False))
    assert found.values.tolist() == [[0]] and found.radius.tolist() == [0]


def test_common_units():
    """The finest unit of all that leaves each table its bits."""
    fine, coarse = Table(np.array([[5]]), np.array([0]), -40), Table(np.array([[1 << 30]]), np.array([0]), -10)
    assert common_exponent([fine, coarse], 60) == -39
    assert common_exponent([fine, coarse], 100) == -40
    assert common_exponent([fine, coarse], 100, finest=False) == -79
