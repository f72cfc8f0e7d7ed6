"""Decimal strings rounded in a stated direction, and fractions printed over their own total.

A printed bound must never overstate: a lower bound is printed with :func:`floor_str`, an upper
bound with :func:`ceil_str`; each name says its direction.

>>> from fractions import Fraction
>>> floor_str(Fraction(2, 3), 4), ceil_str(Fraction(2, 3), 4)
('0.6666', '0.6667')
>>> floor_str(Fraction(-1, 3), 2), ceil_str(Fraction(3, 4), 2)
('-0.34', '0.75')
>>> count_str(16772964, 16777216)
'16772964/16777216'
"""

from __future__ import annotations

from fractions import Fraction


def floor_str(value: Fraction, digits: int) -> str:
    """``value`` with ``digits`` decimals, rounded down (towards minus infinity)."""
    return _decimal(value.numerator * 10**digits // value.denominator, digits)


def ceil_str(value: Fraction, digits: int) -> str:
    """``value`` with ``digits`` decimals, rounded up (towards plus infinity)."""
    return _decimal(-(-value.numerator * 10**digits // value.denominator), digits)


def count_str(count: int, total: int) -> str:
    """A share as an exact fraction, unreduced over its total."""
    return f"{count}/{total}"


def _decimal(scaled: int, digits: int) -> str:
    sign = "-" if scaled < 0 else ""
    whole, part = divmod(abs(scaled), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"
