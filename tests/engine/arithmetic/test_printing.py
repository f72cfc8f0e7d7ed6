"""Directed printing: a printed bound never overstates."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.printing import ceil_str, count_str, floor_str

digits = st.integers(0, 30)


@given(st.fractions(), digits)
def test_floor_str_is_the_largest_decimal_below(value, digits):
    """The printed lower bound is at most the value and less than one unit of the last place away."""
    printed = Fraction(floor_str(value, digits))
    assert printed <= value < printed + Fraction(1, 10**digits)


@given(st.fractions(), digits)
def test_ceil_str_is_the_least_decimal_above(value, digits):
    """The printed upper bound is at least the value and less than one unit of the last place away."""
    printed = Fraction(ceil_str(value, digits))
    assert printed - Fraction(1, 10**digits) < value <= printed


@given(st.fractions(), digits)
def test_the_two_directions_mirror_each_other(value, digits):
    """Negation swaps the directions, so negative bounds are as safe as positive ones."""
    assert Fraction(floor_str(-value, digits)) == -Fraction(ceil_str(value, digits))


@given(st.integers(-(10**40), 10**40), st.integers(1, 30))
def test_decimals_are_printed_exactly_and_in_full(scaled, digits):
    """A value that has that many decimals comes out unchanged, with all its decimals."""
    value = Fraction(scaled, 10**digits)
    for text in (floor_str(value, digits), ceil_str(value, digits)):
        assert Fraction(text) == value
        assert len(text.split(".")[1]) == digits


@pytest.mark.parametrize(
    ("value", "digits", "low", "high"),
    [
        (Fraction(-1, 2), 0, "-1", "0"),
        (Fraction(5, 2), 0, "2", "3"),
        (Fraction(-1, 1000), 2, "-0.01", "0.00"),
        (Fraction(1, 1000), 2, "0.00", "0.01"),
        (Fraction(-7), 1, "-7.0", "-7.0"),
        (Fraction(999, 1000), 2, "0.99", "1.00"),
        (Fraction(1, 20), 2, "0.05", "0.05"),
    ],
)
def test_spot_values(value, digits, low, high):
    """No point without decimals, no minus sign before zero, zeros after the point kept."""
    assert (floor_str(value, digits), ceil_str(value, digits)) == (low, high)


def test_shares_are_not_reduced():
    """A share is printed over the number of inputs, even where it could be reduced."""
    assert count_str(2, 4) == "2/4"
