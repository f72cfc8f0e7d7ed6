"""Exact matrices over the dyadic rationals: integers over one power of two.

A stored float is M·2^E, so every polynomial in the weights is again dyadic: one ``fmpz_mat`` of
numerators and one exponent per matrix hold it without rounding and without common denominators
(general rationals in a matrix are some hundred times slower and their entries explode).

>>> a = DyadicMatrix.from_integers(1, 2, [3, -1], exponent=-1)     # (3/2, -1/2)
>>> (a @ a.T).fraction(0, 0)
Fraction(5, 2)
>>> (a + a).fractions()
[[Fraction(3, 1), Fraction(-1, 1)]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from flint import fmpz, fmpz_mat


@dataclass(frozen=True, eq=False)
class DyadicMatrix:
    """The matrix ``numerators * 2**exponent`` (rows × columns, exact).

    ``==`` is equality of real numbers, whatever the exponents; shapes must agree for every
    operation, or :class:`ValueError` says which two met.
    """

    numerators: fmpz_mat
    exponent: int

    @staticmethod
    def from_integers(rows: int, columns: int, integers: Sequence[int], exponent: int) -> DyadicMatrix:
        """The rows × columns matrix with row-major entries ``integers[i] * 2**exponent``."""
        return DyadicMatrix(fmpz_mat(rows, columns, list(integers)), exponent)

    @staticmethod
    def ones(rows: int, columns: int) -> DyadicMatrix:
        return DyadicMatrix.from_integers(rows, columns, [1] * (rows * columns), 0)

    @staticmethod
    def zero(rows: int, columns: int) -> DyadicMatrix:
        return DyadicMatrix(fmpz_mat(rows, columns), 0)

    @property
    def shape(self) -> tuple[int, int]:
        return self.numerators.nrows(), self.numerators.ncols()

    @property
    def T(self) -> DyadicMatrix:
        return DyadicMatrix(self.numerators.transpose(), self.exponent)

    @cached_property
    def column_sum(self) -> Fraction:
        """The largest sum of sizes of a column: how much larger errors of a row may be, times this matrix.

        >>> DyadicMatrix.from_integers(2, 2, [1, -3, 2, 1], -1).column_sum
        Fraction(2, 1)
        """
        columns = zip(*self.integers(), strict=True)
        return max(sum(map(abs, column)) for column in columns) * Fraction(2) ** self.exponent

    @cached_property
    def row_sum(self) -> Fraction:
        """The largest sum of sizes of a row."""
        return max(sum(map(abs, row)) for row in self.integers()) * Fraction(2) ** self.exponent

    def at_exponent(self, exponent: int) -> fmpz_mat:
        """The numerators over 2**exponent; ``exponent`` must not exceed the matrix's own."""
        if exponent > self.exponent:
            raise ValueError(f"2^{self.exponent} is not a multiple of 2^{exponent}")
        return self.numerators * (fmpz(1) << (self.exponent - exponent))

    def _aligned(self, other: DyadicMatrix) -> tuple[fmpz_mat, fmpz_mat, int]:
        if self.shape != other.shape:
            raise ValueError(f"shapes {self.shape} and {other.shape} do not agree")
        exponent = min(self.exponent, other.exponent)
        return self.at_exponent(exponent), other.at_exponent(exponent), exponent

    def __add__(self, other: DyadicMatrix) -> DyadicMatrix:
        a, b, exponent = self._aligned(other)
        return DyadicMatrix(a + b, exponent)

    def __sub__(self, other: DyadicMatrix) -> DyadicMatrix:
        a, b, exponent = self._aligned(other)
        return DyadicMatrix(a - b, exponent)

    def __neg__(self) -> DyadicMatrix:
        return DyadicMatrix(-self.numerators, self.exponent)

    def __matmul__(self, other: DyadicMatrix) -> DyadicMatrix:
        if self.shape[1] != other.shape[0]:
            raise ValueError(f"cannot multiply shapes {self.shape} and {other.shape}")
        return DyadicMatrix(self.numerators * other.numerators, self.exponent + other.exponent)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DyadicMatrix):
            return NotImplemented
        if self.shape != other.shape:
            return False
        a, b, _ = self._aligned(other)
        return bool(a == b)

    __hash__ = None  # type: ignore[assignment]  # equal values may have different exponents

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"DyadicMatrix({rows} × {columns}, over 2^{self.exponent})"

    def row(self, index: int) -> DyadicMatrix:
        """Row ``index`` as a 1 × columns matrix."""
        columns = self.shape[1]
        entries = [self.numerators[index, j] for j in range(columns)]
        return DyadicMatrix(fmpz_mat(1, columns, entries), self.exponent)

    def fraction(self, i: int, j: int) -> Fraction:
        """Entry (i, j) as an exact fraction, for tests and for people."""
        numerator = int(self.numerators[i, j])
        if self.exponent >= 0:
            return Fraction(numerator << self.exponent)
        return Fraction(numerator, 1 << -self.exponent)

    def fractions(self) -> list[list[Fraction]]:
        rows, columns = self.shape
        return [[self.fraction(i, j) for j in range(columns)] for i in range(rows)]

    def integers(self) -> list[list[int]]:
        """The numerators as Python integers, row by row."""
        return [[int(entry) for entry in row] for row in self.numerators.tolist()]
