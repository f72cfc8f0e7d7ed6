"""Exact matrices: Python integers over one power of two. Sums, products, and the canonical text's hash.

>>> a = matrix([[1, 2], [3, 4]], -1)
>>> product(a, a, Budget(100)).rows
((7, 10), (15, 22))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import add

from .budget import MAX_MATRIX_BITS, Budget, within
from .packing import WORD, combined, combining_steps, offset, pack, unpack, width_for


@dataclass(frozen=True)
class Matrix:
    """The matrix with entries ``rows[i][j] * 2**exponent``; a vector is a matrix of one row."""

    rows: tuple[tuple[int, ...], ...]
    exponent: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])

    @property
    def bits(self) -> int:
        """Bits of the largest entry."""
        return max(max(map(int.bit_length, row)) for row in self.rows)


def matrix(rows: Iterable[Iterable[int]], exponent: int) -> Matrix:
    """Rows of integers in units of ``2**exponent``."""
    return Matrix(tuple(tuple(row) for row in rows), exponent)


def zeros(height: int, width: int) -> Matrix:
    """The zero matrix."""
    return matrix([[0] * width] * height, 0)


def in_units(a: Matrix, exponent: int) -> tuple[tuple[int, ...], ...]:
    """The entries of ``a`` in units of ``2**exponent``, where ``exponent <= a.exponent``."""
    shift = a.exponent - exponent
    height, width = a.shape
    within("a matrix in bits", height * width * (a.bits + shift), MAX_MATRIX_BITS)
    return tuple(tuple(v << shift for v in row) for row in a.rows)


def plus_row(a: Matrix, b: Matrix) -> Matrix:
    """a + 1 b, the one row of ``b`` added to every row of ``a``."""
    unit = min(a.exponent, b.exponent)
    (added,) = in_units(b, unit)
    return matrix((map(add, row, added) for row in in_units(a, unit)), unit)


def transpose(a: Matrix) -> Matrix:
    """The transpose of ``a``."""
    return matrix(zip(*a.rows, strict=True), a.exponent)


def product(a: Matrix, b: Matrix, budget: Budget) -> Matrix:
    """a b, exactly: each row of the product is a combination of the rows of b.

    >>> product(matrix([[1, -2]], 0), matrix([[3, 4], [5, -6]], 1), Budget(100))
    Matrix(rows=((-7, 16),), exponent=1)
    """
    (height, inner), count = a.shape, b.shape[1]
    # |field| <= inner 2**(a.bits + b.bits)
    width = width_for(a.bits + b.bits + inner.bit_length())
    within("a matrix in bits", (height + inner) * count * width, MAX_MATRIX_BITS)
    budget.spend(height * combining_steps(inner * (1 + a.bits // 60), count, width) + (height + inner) * count // 4)
    rows, half = [pack(row, width) for row in b.rows], offset(count, width)
    return matrix((unpack(combined(row, rows), count, width, half) for row in a.rows), a.exponent + b.exponent)


def beside(parts: Sequence[Matrix]) -> Matrix:
    """The matrices side by side.

    >>> beside([matrix([[1], [2]], 1), matrix([[3], [4]], 0)])
    Matrix(rows=((2, 3), (4, 4)), exponent=0)
    """
    unit = min(part.exponent for part in parts)
    rows = zip(*(in_units(part, unit) for part in parts), strict=True)
    return matrix((sum(row, ()) for row in rows), unit)


def stacked(parts: Sequence[Matrix]) -> Matrix:
    """The matrices one above the other."""
    unit = min(part.exponent for part in parts)
    return matrix((row for part in parts for row in in_units(part, unit)), unit)


def added(a: Matrix, b: Matrix) -> Matrix:
    """a + b."""
    unit = min(a.exponent, b.exponent)
    pairs = zip(in_units(a, unit), in_units(b, unit), strict=True)
    return matrix((map(add, one, other) for one, other in pairs), unit)


def identity(size: int) -> Matrix:
    """The identity."""
    within("a matrix in bits", size * size * 4 * WORD, MAX_MATRIX_BITS)
    return matrix(((int(i == j) for j in range(size)) for i in range(size)), 0)


def entry_text(value: int, exponent: int) -> str:
    """``0``, or ``MpE`` with M odd: the value M * 2**E.

    >>> entry_text(-12, 0), entry_text(0, 5)
    ('-3p2', '0')
    """
    if value == 0:
        return "0"
    zeros_below = (value & -value).bit_length() - 1
    return f"{value >> zeros_below:x}p{exponent + zeros_below}"


def tensor_hash(a: Matrix, sizes: Sequence[int]) -> str:
    """sha256 of the canonical text of ``a``, whose first line prints ``sizes``."""
    digest = hashlib.sha256(f"mechproof-tensor/1 {'x'.join(map(str, sizes))}\n".encode("ascii"))
    for row in a.rows:
        digest.update("".join(f"{entry_text(v, a.exponent)}\n" for v in row).encode("ascii"))
    return digest.hexdigest()
