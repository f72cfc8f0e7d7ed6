"""Decimals of a worked example: lower ends are cut off downwards, upper ends upwards, and which it is stands beside
them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...engine.arithmetic.ball import Ball
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.transcript import Prose, prose

PLACES = 6
MOST_PLACES = 60
# So many entries of a row are listed, with so many decimals each.
LISTED, SHORT = 32, 4
# The bits to which balls are evaluated, and to which their ends are rounded outward.
BITS = 192


def ends(ball: Ball) -> tuple[Fraction, Fraction]:
    """A number at most, and one at least, every member of the ball."""
    return dyadic(*ball.floor_mantissa(BITS)), dyadic(*ball.ceil_mantissa(BITS))


def dyadic(numerator: int, exponent: int) -> Fraction:
    """numerator·2^exponent."""
    return Fraction(numerator << max(exponent, 0), 1 << max(-exponent, 0))


def places(value: Fraction) -> int:
    """So many decimals that a number away from zero shows two digits of it, PLACES at least."""
    digits = PLACES
    while value and digits < MOST_PLACES and abs(value) * 10**digits < 10:
        digits += 1
    return digits


def down(value: Fraction, digits: int = PLACES) -> Prose:
    return prose(f"${floor_str(value, digits)}$")


def up(value: Fraction, digits: int = PLACES) -> Prose:
    return prose(f"${ceil_str(value, digits)}$")


def row(numbers: Sequence[Fraction]) -> str:
    """A row in a sentence; each entry is a formula of its own, between which a line may break."""
    return "(" + ", ".join(f"${floor_str(number, SHORT)}$" for number in numbers) + ")"
