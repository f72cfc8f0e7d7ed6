"""Printed numbers never overstate: digits are those of every number enclosed."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.claims.measured import Measured, decimal_exponent, shown

fractions = st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=10**9)


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        ("1.62032", "1.62033", "0.01", "1.6203…"),
        ("1.85", "1.85", "0.01", "1.8500"),
        ("7439.871", "7439.872", "1", "7439.87…"),
        ("1.8499", "1.8501", "0.01", "[1.8499, 1.8501]"),
        ("-0.00001", "0.00001", "0.1", "[-1e-05, 1e-05]"),
        ("0", "0", None, "0"),
        ("2.11277665e-7", "2.11277666e-7", "1e-9", "2.1127…e-07"),
        ("-1234567.25", "-1234567.25", None, "-1234567…"),
        ("123454", "123457", "1000", "[123454, 123457]"),
    ],
)
def test_shown(low, high, unit, text):
    """Two digits more than were claimed; six significant ones where nothing was."""
    assert shown(Fraction(low), Fraction(high), None if unit is None else Fraction(unit)) == text


@given(fractions, st.integers(0, 6))
def test_digits_are_those_of_the_number(value, digits):
    """What is cut off is less than one unit of the last digit shown, towards zero."""
    text = shown(value, value, Fraction(1, 10**digits))
    mantissa, _, exponent = text.partition("…e" if "…e" in text else "e")
    number = Fraction(mantissa.rstrip("…")) * Fraction(10) ** int(exponent or "0")
    assert abs(number) <= abs(value) < abs(number) + Fraction(1, 10 ** (digits + 2))
    assert ("…" in text) == (number != value)


@given(fractions, fractions)
def test_an_interval_is_rounded_outward(a, b):
    """Both ends are inside what is printed."""
    low, high = min(a, b), max(a, b)
    text = shown(low, high, Fraction(1, 10))
    if text.startswith("["):
        ends = [Fraction(end) for end in text.strip("[]").split(", ")]
        assert ends[0] <= low and high <= ends[1]
    else:
        assert shown(low, low, Fraction(1, 10)).rstrip("…") == shown(high, high, Fraction(1, 10)).rstrip("…")


@given(st.fractions(min_value=Fraction(1, 10**30), max_value=10**30))
def test_decimal_exponents(value):
    """10^e <= value < 10^(e+1), exactly."""
    exponent = decimal_exponent(value)
    assert Fraction(10) ** exponent <= value < Fraction(10) ** (exponent + 1)


def test_sharp_means_that_the_digits_are_settled():
    """A wide interval is not sharp, and says so in words."""
    wide = Measured("x", Fraction(1), Fraction(2), Fraction(1, 10))
    assert not wide.sharp and str(wide) == "x in [1.000, 2.000]"
    assert Measured("x", Fraction(1), Fraction(1), None).sharp
