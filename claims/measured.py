"""Numbers as people read them: enclosed, to the digits that were claimed and two more, never overstated.

``1.6203…`` are the first digits of the number (it is cut, not rounded); ``1.85`` is exact; ``[1.84, 1.86]`` is an
interval rounded outward.

>>> shown(Fraction(1234567, 10**5), Fraction(1234568, 10**5), Fraction(1, 10))
'12.345…'
>>> shown(Fraction(5, 2), Fraction(5, 2), Fraction(1, 10)), shown(Fraction(-1, 3), Fraction(1, 3), Fraction(1, 10))
('2.500', '[-0.334, 0.334]')
>>> shown(Fraction(1, 3 * 10**7), Fraction(1, 3 * 10**7), None)
'3.33333…e-08'
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..engine.arithmetic.printing import ceil_str, floor_str

# Digits after the last one claimed; significant digits where none was.
MORE_DIGITS = 2
SIGNIFICANT = 6
# Numbers below 10^-SMALL are written with a power of ten.
SMALL = 4


@dataclass(frozen=True)
class Measured:
    """What the weights give for one expression: bounds, and the worth of the last digit that was claimed (or None).

    ``note`` is a better way to write it, such as a count over its total.
    """

    text: str
    low: Fraction
    high: Fraction
    unit: Fraction | None
    note: str = ""

    @property
    def sharp(self) -> bool:
        """Whether the bounds agree to all digits that are to be shown."""
        return not shown(self.low, self.high, self.unit).startswith("[")

    def __str__(self) -> str:
        if self.note:
            return self.note
        number = shown(self.low, self.high, self.unit)
        return f"{self.text} in {number}" if number.startswith("[") else f"{self.text} = {number}"


def shown(low: Fraction, high: Fraction, unit: Fraction | None) -> str:
    """The number between two fractions in decimals; ``unit`` is the worth of the last digit that matters."""
    if low == high == 0:
        return "0"
    magnitude = decimal_exponent(max(abs(low), abs(high)))
    step = decimal_exponent(unit) - MORE_DIGITS if unit is not None else magnitude - SIGNIFICANT + 1
    power = magnitude if magnitude < -SMALL else 0
    decimals, scale = max(power - step, 0), Fraction(10) ** power
    suffix = f"e-{-power:02d}" if power else ""
    a, b = low / Fraction(scale), high / Fraction(scale)
    ends = _cut(a, decimals), _cut(b, decimals)
    if a == b and Fraction(ends[0]) == a:
        return ends[0] + suffix
    if ends[0] == ends[1] and (a > 0) == (b > 0):
        return f"{ends[0]}…{suffix}"
    return f"[{floor_str(a, decimals)}{suffix}, {ceil_str(b, decimals)}{suffix}]"


def decimal_exponent(value: Fraction) -> int:
    """The e with 10^e <= value < 10^(e+1); 0 for zero."""
    if value == 0:
        return 0
    guess = (value.numerator.bit_length() - value.denominator.bit_length()) * 30103 // 100000
    while Fraction(10) ** guess > value:
        guess -= 1
    while Fraction(10) ** (guess + 1) <= value:
        guess += 1
    return guess


def _cut(value: Fraction, decimals: int) -> str:
    """Towards zero."""
    if value < 0:
        text = floor_str(-value, decimals)
        return f"-{text}" if Fraction(text) else text
    return floor_str(value, decimals)
