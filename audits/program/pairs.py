"""Pairs of doubles as planes of arrays (hi, lo, rad, tag): error-free sums and products, tags, and their range.

Sources: Knuth, The Art of Computer Programming 2, 4.2.2; Dekker, Numer. Math. 18 (1971).

>>> total, lost = two_sum(np.array(1.0), np.array(2.0**-60))
>>> float(total), float(lost) == 2.0**-60
(1.0, True)
"""

from __future__ import annotations

from itertools import count

import numpy as np

LARGE, SMALL = 2.0**480, 2.0**-480
# Covers the rounding of a few additions and products of radii.
GROW = 1 + 2.0**-48
# Of a product or quotient of pairs, relative: their analyses give 8 and 10 times 2^-106.
PAIRS = 2.0**-100
SPLITTER = 134217729.0

_tags = count(1)


def two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a + b rounded, and what rounding lost, exactly."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _halves(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = a * SPLITTER
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """a b rounded, and what rounding lost, exactly."""
    product = a * b
    (ah, al), (bh, bl) = _halves(a), _halves(b)
    return product, ((ah * bh - product) + ah * bl + al * bh) + al * bl


def fresh(shape: tuple[int, ...]) -> np.ndarray:
    """Tags that nothing else has, as the bits of doubles."""
    start = next(_tags) << 32
    size = 1
    for length in shape:
        size *= length
    return np.arange(start, start + size, dtype=np.int64).reshape(shape).view(np.float64)


def tagged(planes: np.ndarray) -> np.ndarray:
    """With tags of their own, and within range."""
    planes[3] = fresh(planes.shape[1:])
    return within_range(planes)


def within_range(planes: np.ndarray) -> np.ndarray:
    """Midpoints and radii within their range; what is too large for it is unknown."""
    hi, rad = planes[0, ...], planes[2, ...]
    size = np.abs(hi)
    if not np.isfinite(size.max(initial=0.0)) or size.max(initial=0.0) > LARGE or not np.isfinite(rad).all():
        own = ~np.isfinite(hi) & (rad == 0)
        unknown = ~own & ~((size <= LARGE) & (rad < np.inf))
        planes[:2, unknown] = 0.0
        rad[unknown] = np.inf
        planes[1, own] = 0.0
    least = (size < SMALL) & (hi != 0)
    if least.any():
        rad[least] += 2 * SMALL
        planes[:2, least] = 0.0
    np.maximum(rad, SMALL, out=rad, where=rad > 0)
    return planes
