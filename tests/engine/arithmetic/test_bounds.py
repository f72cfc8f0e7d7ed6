"""Ranges, absolute values and roots of dyadic matrices against fractions."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.bounds import absolute, row_ranges, square_root_up, squared_norm
from mechproof.engine.arithmetic.dyadic import DyadicMatrix

entries = st.lists(st.integers(-(2**70), 2**70), min_size=6, max_size=6)
exponents = st.integers(-80, 20)


@given(entries, exponents)
def test_ranges_norms_and_absolute_values(values, exponent):
    """Each equals its definition over fractions."""
    matrix = DyadicMatrix.from_integers(2, 3, values, exponent)
    rows = matrix.fractions()
    numerator, unit = squared_norm(matrix)

    assert row_ranges(matrix).fractions() == [[max(row) - min(row)] for row in rows]
    assert absolute(matrix).fractions() == [[abs(value) for value in row] for row in rows]
    assert numerator * Fraction(2) ** unit == sum(value**2 for row in rows for value in row)


@given(st.integers(0, 2**90), st.integers(-90, 30), st.integers(0, 40))
def test_a_root_is_rounded_up_by_less_than_one_unit(numerator, exponent, bits):
    """n·2^e is at least the root, and (n-1)·2^e is below it."""
    root, unit = square_root_up(numerator, exponent, bits)
    square = numerator * Fraction(2) ** exponent

    assert (root * Fraction(2) ** unit) ** 2 >= square
    assert root == 0 or ((root - 1) * Fraction(2) ** unit) ** 2 < square
    assert 2 * unit <= exponent - 2 * bits
