"""Vectors of signed integers inside one Python integer: sum over k of value_k * 2**(width k).

Sums and integer multiples of such integers are those of the vectors, exactly. As long as every |value_k| is below
2**(width-1), adding 2**(width-1) to each field leaves each in [0, 2**width), and its top bit says value_k >= 0.
Every caller chooses a width for which this cannot fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def pack(values: Sequence[int], width: int) -> int:
    """The vector as one integer.

    >>> pack([1, -1], 8)
    -255
    """
    packed = 0
    for value in reversed(values):
        packed = (packed << width) + value
    return packed


def ones(count: int, width: int) -> int:
    """The vector of ``count`` ones."""
    return pack([1] * count, width)


def tops(count: int, width: int) -> int:
    """The top bit of each of ``count`` fields."""
    return ones(count, width) << (width - 1)


def maximum(first: int, others: Iterable[int], top: int, width: int) -> int:
    """The field-wise maximum; ``top`` is ``tops`` of the vectors, whose differences stay below 2**(width-1).

    best + (field of other - best) where that is nonnegative: the top bit of other - best + top selects it.

    >>> maximum(pack([1, -5], 8), [pack([0, 3], 8)], tops(2, 8), 8) == pack([1, 3], 8)
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

    >>> nonnegative(pack([-1, 0, 7], 8), tops(3, 8), 8)
    [1, 2]
    """
    left = (vector + top) & top
    found: list[int] = []
    while left:
        lowest = left & -left
        found.append(lowest.bit_length() // width - 1)
        left ^= lowest
    return found


def unpack(vector: int, count: int, width: int) -> list[int]:
    """The values of ``count`` fields.

    >>> unpack(pack([1, -1, 5], 8), 3, 8)
    [1, -1, 5]
    """
    half, mask = 1 << width - 1, (1 << width) - 1
    raised = vector + tops(count, width)
    return [(raised >> width * k & mask) - half for k in range(count)]
