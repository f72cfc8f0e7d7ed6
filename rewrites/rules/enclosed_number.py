"""A number of a network between two bounds, in units of 2^-UNIT_BITS: what claims on losses and margins share."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.certificate import hex_integer
from ...engine.claim import Claim
from ...models.statement import Statement

UNIT_BITS = 128


def digits_of(width: Fraction) -> int:
    """Decimals that show an interval of this width to a hundredth of it: at least 4, at most 40.

    >>> digits_of(Fraction(1, 2)), digits_of(Fraction(3, 10**6)), digits_of(Fraction(0))
    (4, 8, 4)
    """
    digits = 4
    while 0 < width * 10**digits < 100 and digits < 40:
        digits += 1
    return digits


def in_units(low: Fraction, high: Fraction) -> tuple[int, int]:
    """The bounds in units of 2^-UNIT_BITS, rounded outward.

    >>> in_units(Fraction(-1, 3), Fraction(1, 3)) == (-(2**128 // 3) - 1, 2**128 // 3 + 1)
    True
    """
    low, high = low * (1 << UNIT_BITS), high * (1 << UNIT_BITS)
    return low.numerator // low.denominator, -(-high.numerator // high.denominator)


@dataclass(frozen=True)
class EnclosedNumber(Claim):
    """low·2^-UNIT_BITS <= the number <= high·2^-UNIT_BITS; its name is the claim's kind."""

    statement: Statement
    low: int
    high: int

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        return Fraction(self.low, 1 << UNIT_BITS), Fraction(self.high, 1 << UNIT_BITS)

    @property
    def inputs(self) -> int:
        """How many inputs it is about."""
        return self.statement.inputs

    def certified(self) -> EnclosedNumber:
        """What a certificate says: the claim itself, or a little less."""
        return self

    def conclusion(self) -> dict[str, Any]:
        said = self.certified()
        return {"kind": self.kind, "low": hex_integer(said.low), "high": hex_integer(said.high)}

    def identity(self) -> str:
        return f"{self.statement.sha256}:{self.low}:{self.high}"

    def decimals(self) -> tuple[str, str]:
        """Both bounds, each rounded in its safe direction."""
        low, high = self.bounds
        digits = digits_of(high - low)
        return floor_str(low, digits), ceil_str(high, digits)

    def relation(self) -> str:
        """The theorem as the verdict line states it."""
        low, high = self.decimals()
        return f"{self.kind} in [{low}, {high}]"

    def data(self) -> dict[str, Any]:
        """The bounds as plain data."""
        low, high = self.decimals()
        return {f"{self.kind}_low": low, f"{self.kind}_high": high, "inputs": self.inputs}
