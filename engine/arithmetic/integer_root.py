"""Square roots of arrays of integers, rounded up, without floating point.

>>> import numpy as np
>>> ceil_sqrt(np.array([0, 1, 2, 4, 5, 2**62 - 1])).tolist()
[0, 1, 2, 2, 3, 2147483648]
"""

from __future__ import annotations

import numpy as np

from ..errors import MagnitudeError

ROOT_BITS = 31


def ceil_sqrt(squares: np.ndarray) -> np.ndarray:
    """⌈√a⌉ for every entry 0 <= a < 2^62 of an int64 array; raises :class:`MagnitudeError` for others.

    The root's bits are found from the highest: ``root`` is always the largest multiple of the current bit with
    root² <= a, and every square that is formed is below 2^62.
    """
    if squares.size and (int(squares.min()) < 0 or int(squares.max()) >= 1 << 2 * ROOT_BITS):
        raise MagnitudeError("the square of a norm", f"{2 * ROOT_BITS} bits")
    root = np.zeros_like(squares)
    for bit in reversed(range(ROOT_BITS)):
        further = root + (1 << bit)
        root = np.where(further * further <= squares, further, root)
    return root + (root * root < squares)
