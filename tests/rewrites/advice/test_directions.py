"""Directions from floating point: near what they are named after; nothing depends on them but tightness."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.rewrites.advice.directions import (
    BITS,
    dyadic,
    leading,
    mean_row,
    median_row,
    middle_row,
    peeled,
    projection,
    weighted_row,
)

ROWS = DyadicMatrix.from_integers(4, 2, [8, -1, 0, 2, 4, 6, 0, -7], -2)


def test_rounding_is_to_half_a_unit():
    """Each entry within half a unit of 2^-24 of the largest, and short numbers exactly."""
    values = np.array([[1 / 3, -5.0], [1e-9, 0.125]])
    matrix = dyadic(values)
    unit = Fraction(8, 2**BITS)
    for row, exact in zip(matrix.fractions(), values, strict=True):
        assert all(abs(a - Fraction(float(b))) <= unit / 2 for a, b in zip(row, exact, strict=True))
    assert matrix.fraction(0, 1) == -5 and matrix.fraction(1, 1) == Fraction(1, 8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_what_is_not_finite_becomes_zero(value):
    """Alone or beside other numbers."""
    assert dyadic(np.array([[value, value]])) == DyadicMatrix.zero(1, 2)
    assert dyadic(np.array([[value, 2.0]])).fractions() == [[0, 2]]


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 1e-300])
def test_the_largest_and_the_least_floats(value):
    """Neither end of the range of a float loses the number."""
    assert abs(dyadic(np.array([[value]])).fraction(0, 0) / Fraction(value) - 1) <= Fraction(1, 2**BITS)


def test_common_rows():
    """The mean, the median and the middle of every column."""
    assert mean_row(ROWS).fractions() == [[Fraction(3, 4), 0]]
    assert median_row(ROWS).fractions() == [[Fraction(1, 2), Fraction(1, 8)]]
    assert middle_row(ROWS).fractions() == [[1, Fraction(-1, 8)]]


def test_weighted_rows():
    """Weights that do not add up to one are scaled; what cannot be scaled gives the plain mean."""
    assert weighted_row(ROWS, np.array([[2.0], [0], [2], [0]])).fractions() == [[Fraction(3, 2), Fraction(5, 8)]]
    for weights in ([1.0, -1, 1, -1], [0.0, 0, 0, 0], [np.nan, 1, 1, 1], [np.inf, 1, 1, 1]):
        assert weighted_row(ROWS, np.array([weights]).T) == mean_row(ROWS)


def test_leading_vectors_of_a_product_of_vectors():
    """Up to sign, the two vectors, normalised; the rest after peeling the left one off is nothing."""
    column, row = np.array([[3.0], [4.0]]), np.array([[0.0, 5.0, 12.0]])
    left, right = leading(column @ row)
    assert np.abs(np.abs(left) - column / 5).max() < 1e-12
    assert np.abs(np.abs(right) - row.T / 13).max() < 1e-12
    u, z, rest = peeled(column @ row, left)
    assert u.shape == (2, 1) and z.shape == (1, 3)
    assert np.abs(rest).max() < 1e-4


def test_a_direction_of_nothing_peels_nothing_off():
    """Zero and not-a-number directions leave the matrix as it is."""
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    for direction in (np.zeros((2, 1)), np.full((2, 1), np.nan)):
        u, z, rest = peeled(matrix, direction)
        assert u == DyadicMatrix.zero(2, 1) and z == DyadicMatrix.zero(1, 2)
        assert (rest == matrix).all()


def test_a_projection_is_the_nearest_row():
    """Along a coordinate it is the row of that coordinate, whatever the length."""
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.allclose(projection(matrix, np.array([[0.0], [10.0]])) * 10, matrix[1:])


def test_numbers_beyond_a_float_do_not_overflow():
    """Entries of five thousand bits are cut, and products of four such matrices are finite."""
    huge = DyadicMatrix.from_integers(2, 2, [3, -5, 1, 2], 5000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mean_row(huge).shape == (1, 2)
        _, _, rest = peeled(np.array([[2.0**200, -(2.0**200)]] * 2), np.array([[1e308], [1.0]]))
        assert np.isfinite(rest).all()
