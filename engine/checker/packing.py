"""Vectors of integers inside one Python integer: sum over k of v_k 2**(width k), ``width`` a multiple of 64.

Sums and integer multiples of such numbers are those of the vectors, exactly. As long as every |v_k| < 2**(width - 1),
adding 2**(width - 1) to each field leaves each in [0, 2**width), its top bit says v_k >= 0, and the fields can be read
off again. Every caller says why its fields stay that small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import mul

WORD = 64


def offset(count: int, width: int) -> int:
    """2**(width - 1) in each field: their top bits."""
    return int.from_bytes((1 << width - 1).to_bytes(width >> 3, "little") * count, "little")


def width_for(bits: int) -> int:
    """A width for numbers of so many bits, and one for the sign."""
    return (bits // WORD + 1) * WORD


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
    if width == WORD:
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
    if width == WORD:
        return list(struct.unpack(f"<{count}q", octets))
    return [int.from_bytes(octets[i : i + size], "little", signed=True) for i in range(0, len(octets), size)]


def maximum(first: int, others: Iterable[int], top: int, width: int) -> int:
    """The field-wise maximum; ``top`` is the ``offset`` of the vectors, whose differences stay below 2**(width-1).

    best + (field of other - best) where that is nonnegative: the top bit of other - best + top selects it.

    >>> maximum(pack([1, -5], 64), [pack([0, 3], 64)], offset(2, 64), 64) == pack([1, 3], 64)
    True
    """
    best = first
    for other in others:
        excess = other - best + top
        chosen = excess & top
        best += excess & (chosen - (chosen >> (width - 1)))
    return best


def nonnegative(vector: int, top: int, width: int) -> list[int]:
    """The fields that are at least zero, in ascending order.

    >>> nonnegative(pack([-1, 0, 7], 64), offset(3, 64), 64)
    [1, 2]
    """
    left = (vector + top) & top
    found: list[int] = []
    while left:
        lowest = left & -left
        found.append(lowest.bit_length() // width - 1)
        left ^= lowest
    return found


def combined(scalars: Sequence[int], rows: Iterable[int], start: int = 0) -> int:
    """``start`` plus the sum of scalar times row; rows of scalar 0 are passed over."""
    return sum(map(mul, filter(None, scalars), compress(rows, scalars)), start)


def combining_steps(rows: int, fields: int, width: int) -> int:
    """What it takes to combine so many rows."""
    return 1 + rows * (fields * width + 2000) // 14000
