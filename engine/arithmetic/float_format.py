"""Formats of floating-point numbers, and rounding to them in integers.

>>> third = DyadicMatrix.from_integers(1, 2, [(1 << 60) // 3, -(1 << 60)], -60)
>>> FORMATS["bfloat16"].rounded(third).fractions()
[[Fraction(171, 512), Fraction(-1, 1)]]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from flint import fmpz_mat

from ..errors import MagnitudeError
from .dyadic import DyadicMatrix


@dataclass(frozen=True)
class FloatFormat:
    """Numbers are stored with ``stored`` significant bits and added up with ``accumulated`` (at least as many).

    Normal numbers have magnitude 2^least_exponent at least and less than 2^end_exponent.
    """

    name: str
    stored: int
    accumulated: int
    least_exponent: int
    end_exponent: int

    @property
    def unit(self) -> Fraction:
        """The largest relative error of one operation."""
        return Fraction(1, 1 << self.accumulated)

    @property
    def storage(self) -> Fraction:
        """The largest relative error of storing a result; 0 where results are stored as they are accumulated."""
        return Fraction(0) if self.stored == self.accumulated else Fraction(1, 1 << self.stored)

    @property
    def least(self) -> Fraction:
        """The least positive normal number."""
        return Fraction(2) ** self.least_exponent

    def rounded(self, matrix: DyadicMatrix) -> DyadicMatrix:
        """Every entry rounded to the nearest stored number, ties to even, subnormal numbers kept.

        Raises :class:`MagnitudeError` for an entry that has none.
        """
        rows, columns = matrix.shape
        entries = [self._nearest(int(entry), matrix.exponent) for row in matrix.numerators.tolist() for entry in row]
        return DyadicMatrix(fmpz_mat(rows, columns, entries), matrix.exponent)

    def rounded_twice(self, matrix: DyadicMatrix) -> DyadicMatrix:
        """Every entry rounded to ``accumulated`` bits, as above, and then to a stored number.

        >>> near = DyadicMatrix.from_integers(1, 1, [(1 << 40) + (1 << 32) + 1], -40)
        >>> FORMATS["bfloat16"].rounded(near).fractions(), FORMATS["bfloat16"].rounded_twice(near).fractions()
        ([[Fraction(129, 128)]], [[Fraction(1, 1)]])
        """
        return self.rounded(replace(self, stored=self.accumulated).rounded(matrix))

    def _nearest(self, numerator: int, exponent: int) -> int:
        """The numerator over 2^exponent of the stored number that is nearest to numerator·2^exponent."""
        quantum = max(numerator.bit_length() + exponent, self.least_exponent + 1) - self.stored
        shift = max(quantum - exponent, 0)
        whole, rest = divmod(numerator, 1 << shift)
        half = 1 << (shift - 1) if shift else 1
        nearest = (whole + (rest > half or (rest == half and whole % 2 == 1))) << shift
        if nearest.bit_length() + exponent > self.end_exponent:
            raise MagnitudeError(f"a weight as a {self.name} number", f"2^{self.end_exponent}")
        return nearest


FORMATS = {
    found.name: found
    for found in (
        FloatFormat("float32", 24, 24, -126, 128),
        FloatFormat("float64", 53, 53, -1022, 1024),
        FloatFormat("bfloat16", 8, 24, -126, 128),
    )
}
