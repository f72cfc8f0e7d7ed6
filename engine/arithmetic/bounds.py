"""Exact bounds of dyadic matrices: ranges, absolute values, square roots rounded up.

>>> a = DyadicMatrix.from_integers(2, 3, [1, -2, 4, 0, 0, 0], exponent=-1)
>>> row_ranges(a).fractions(), absolute(a).fraction(0, 1)
([[Fraction(3, 1)], [Fraction(0, 1)]], Fraction(1, 1))
>>> square_root_up(2, 0, 4)                   # 23·2^-4 >= sqrt(2)
(23, -4)
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from flint import fmpz_mat

from .dyadic import DyadicMatrix


def row_ranges(matrix: DyadicMatrix) -> DyadicMatrix:
    """Largest minus least entry of each row, as a column; the matrix must have columns."""
    rows = matrix.numerators.tolist()
    return DyadicMatrix(fmpz_mat(len(rows), 1, [max(row) - min(row) for row in rows]), matrix.exponent)


def absolute(matrix: DyadicMatrix) -> DyadicMatrix:
    """Absolute values, entry by entry."""
    rows, columns = matrix.shape
    entries = [abs(entry) for row in matrix.numerators.tolist() for entry in row]
    return DyadicMatrix(fmpz_mat(rows, columns, entries), matrix.exponent)


def squared_norm(matrix: DyadicMatrix) -> tuple[int, int]:
    """The sum of the squares of all entries as (numerator, exponent), exact."""
    return sum(int(entry) ** 2 for row in matrix.numerators.tolist() for entry in row), 2 * matrix.exponent


def square_root_up(numerator: int, exponent: int, bits: int) -> tuple[int, int]:
    """(n, e) with n·2^e at least the square root of numerator·2^exponent and less than 2^-bits·max(1, root) above
    it."""
    shift = 2 * bits + (exponent % 2)
    scaled = numerator << shift
    root = isqrt(scaled)
    return root + (root * root < scaled), (exponent - shift) // 2


def scaled_up(matrix: DyadicMatrix, factor: Fraction, exponent: int) -> DyadicMatrix:
    """Every entry times a factor, rounded up to a multiple of 2^exponent.

    >>> scaled_up(DyadicMatrix.from_integers(1, 2, [4, -4], exponent=-1), Fraction(1, 3), 0).fractions()
    [[Fraction(1, 1), Fraction(0, 1)]]
    """
    rows, columns = matrix.shape
    shift = matrix.exponent - exponent
    top, bottom = factor.numerator << max(shift, 0), factor.denominator << max(-shift, 0)
    entries = [-(-int(entry) * top // bottom) for row in matrix.numerators.tolist() for entry in row]
    return DyadicMatrix(fmpz_mat(rows, columns, entries), exponent)


def largest_entry(matrix: DyadicMatrix) -> Fraction:
    """The largest entry; the matrix must have one."""
    entry = max(int(entry) for row in matrix.numerators.tolist() for entry in row)
    return entry * Fraction(2) ** matrix.exponent
