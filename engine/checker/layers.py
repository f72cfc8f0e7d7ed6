"""A sum from layers: so many members are at most this, so many more at most that.

If at least n_i of some numbers are at most u_i, for growing n_i up to all of them, the numbers add up to at most the
sum of (n_i - n_(i-1)) u_i: in ascending order, those from number n_(i-1) on up to number n_i are at most u_i.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_LAYERS = 1 << 8


def layered(layers: Iterable[tuple[int, int]]) -> int:
    """What numbers add up to at most: of each (u, n), at least n of them are at most u; the largest n is their number.

    >>> layered([(5, 2), (1, 1), (9, 4), (7, 2)])
    24
    """
    total = most = 0
    for bound, number in sorted(layers):
        total += max(number - most, 0) * bound
        most = max(number, most)
    return total
