"""Linear combinations of vectors of integers, each vector inside one Python integer.

The vector v is sum over k of v_k 2**(width k). Sums and integer multiples of such numbers are those of the vectors; as
long as every |v_k| < 2**(width - 1), adding 2**(width - 1) to each field leaves each in [0, 2**width), and the fields
can be read off again. ``width`` is a multiple of 64. Every caller says why its fields stay that small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import mul

from ..budget import MAX_MATRIX_BITS, Budget, within
from ..dyadic import Matrix, in_units, matrix

_WORD = 64


def offset(count: int, width: int) -> int:
    """2**(width - 1) in each field."""
    return int.from_bytes((1 << width - 1).to_bytes(width >> 3, "little") * count, "little")


def pack(values: Sequence[int], width: int) -> int:
    """The vector as one integer; what does not fit into its field goes on into the next.

    >>> pack([1, -1], 64) == 1 - (1 << 64), pack([1 << 70, 0], 64) == 1 << 70
    (True, True)
    """
    top = 1 << width - 1
    packed = place = 0
    while max(map(int.bit_length, values)) >= width:
        low = [((v + top) & (2 * top - 1)) - top for v in values]
        packed += _fitting(low, width) << place
        values = [v - here >> width for v, here in zip(values, low, strict=True)]
        place += width
    return packed + (_fitting(values, width) << place)


def _fitting(values: Sequence[int], width: int) -> int:
    """The same of values that fit into their fields."""
    half, top = offset(len(values), width), 1 << width - 1
    if width == _WORD:
        return (int.from_bytes(struct.pack(f"<{len(values)}q", *values), "little") ^ half) - half
    return int.from_bytes(b"".join([(v + top).to_bytes(width >> 3, "little") for v in values]), "little") - half


def unpack(packed: int, count: int, width: int, half: int) -> list[int]:
    """The fields; ``half`` is ``offset(count, width)``. A field plus 2**(width-1), its top bit flipped, is its two's
    complement.

    >>> unpack(pack([5, -7, 0], 64), 3, 64, offset(3, 64)), unpack(pack([5, -7], 192), 2, 192, offset(2, 192))
    ([5, -7, 0], [5, -7])
    """
    size = width >> 3
    octets = ((packed + half) ^ half).to_bytes(count * size, "little")
    if width == _WORD:
        return list(struct.unpack(f"<{count}q", octets))
    return [int.from_bytes(octets[i : i + size], "little", signed=True) for i in range(0, len(octets), size)]


def combined(scalars: Sequence[int], rows: Iterable[int], start: int = 0) -> int:
    """``start`` plus the sum of scalar times row; rows of scalar 0 are passed over."""
    return sum(map(mul, filter(None, scalars), compress(rows, scalars)), start)


def combining_steps(rows: int, fields: int, width: int) -> int:
    """What it takes to combine so many rows."""
    return 1 + rows * (fields * width + 2000) // 14000


def product(a: Matrix, b: Matrix, budget: Budget) -> Matrix:
    """a b, exactly: each row of the product is a combination of the rows of b.

    >>> product(matrix([[1, -2]], 0), matrix([[3, 4], [5, -6]], 1), Budget(100))
    Matrix(rows=((-7, 16),), exponent=1)
    """
    (height, inner), count = a.shape, b.shape[1]
    # |field| <= inner 2**(a.bits + b.bits) < 2**(width - 1)
    width = -(-(a.bits + b.bits + inner.bit_length() + 1) // _WORD) * _WORD
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
    return matrix((map(int.__add__, one, other) for one, other in pairs), unit)


def identity(size: int) -> Matrix:
    """The identity."""
    within("a matrix in bits", size * size * 4 * _WORD, MAX_MATRIX_BITS)
    return matrix(((int(i == j) for j in range(size)) for i in range(size)), 0)
