r"""Matrix products of :class:`~.twofold.Twofold` numbers from exact float products of integer slices.

Each row of A (column of B) is scaled by a power of two to at most 1 and cut into integers of q bits, so that a sum of
K products of them stays below 2^53 and a float product is exact in any order, with or without fused multiply-add.  What
is left after the slices, and pairs of slices beyond the last, go to the radius; then
\|A B - A' B'\| <= \|A\| R_B + R_A (\|B\| + R_B).

Trusted: the library's float64 product sums products, in any order; no fast products of Strassen's kind, no reduced
precision.

Source: Ozaki, Ogita, Oishi, Rump, Numer. Algorithms 59 (2012).

>>> a = Twofold.of([[1.0, 2.0**-80]])
>>> b = Twofold.of([[1.0], [1.0]])
>>> found = product(a, b)
>>> found.hi.item(), found.lo.item() == 2.0**-80, found.rad.item()
(1.0, True, 0.0)
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from .twofold import FUNCTIONS, GROW, Twofold, two_sum

SLICES = 5
# Beyond so many exponents of rows and columns, products might leave the range of doubles.
RANGE = 400


def _sliced(high: np.ndarray, low: np.ndarray, bits: int, axis: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Integer slices, the exponents of rows, and a bound of what is left in units of each row (2^exponent)."""
    size = np.abs(high).max(axis=axis, keepdims=True, initial=0.0)
    exponent = np.frexp(size)[1].astype(np.int64) + 1
    scale = np.ldexp(1.0, -exponent)
    rest, low = high * scale, low * scale
    slices, lost, unit = [], np.zeros_like(size), 1.0
    pending = bool(low.any())
    for place in range(SLICES):
        if pending and place == 2:  # now the rest of the high part is below 2^-40
            rest, error = two_sum(rest, low * unit)
            lost, pending = np.abs(error).max(axis=axis, keepdims=True) / unit, False
        scaled = rest * 2.0**bits
        part = np.rint(scaled)
        rest, unit = scaled - part, unit * 2.0**bits
        slices.append(part)
        if not pending and not rest.any():
            break
    lost = lost + np.abs(rest).max(axis=axis, keepdims=True) / unit
    return slices, exponent, lost


def product(a: Twofold, b: Twofold) -> Twofold:
    """(..., M, K) times (..., K, N)."""
    inner = a.shape[-1]
    if not inner or not a.planes.size or not b.planes.size:
        shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return Twofold.of(np.zeros((*shape, a.shape[-2], b.shape[-1])))
    if not (np.isfinite(a.planes[:3]).all() and np.isfinite(b.planes[:3]).all()):
        return _with_specials(a, b)
    bits = (53 - int(inner * SLICES - 1).bit_length()) // 2
    left, rows, lost_left = _sliced(a.hi, a.lo, bits, -1)
    right, columns, lost_right = _sliced(b.hi, b.lo, bits, -2)
    exponent = rows + columns
    if np.abs(exponent).max() > RANGE:
        return _with_specials(a, b)
    last = len(left) + len(right) - 2
    kept = last if max(len(left), len(right)) <= 3 else min(last, SLICES - 1)
    high: np.ndarray | None = None
    low: np.ndarray | None = None
    error = np.zeros(())
    for level in range(kept, -1, -1):
        pairs = [(i, level - i) for i in range(len(left)) if 0 <= level - i < len(right)]
        part = reduce(np.add, (np.matmul(left[i], right[j]) for i, j in pairs))
        part *= 2.0 ** (-bits * (level + 2))
        if high is None:
            high = part
            continue
        high, rest = two_sum(part, high)
        if low is None:
            low = rest
            continue
        low, lost = two_sum(low, rest)
        error = error + np.abs(lost)
    assert high is not None
    # entries of scaled rows are at most 1/2, what is cut off a row is at most lost, and slice i at most 2^(-q i)
    missing = inner * (lost_left + lost_right + lost_left * lost_right)
    if kept < last:
        missing = missing + inner * SLICES * 2.0 ** (-bits * (kept + 1))
    high, low = two_sum(high, np.zeros(()) if low is None else low)
    scale, across = np.ldexp(1.0, rows), np.ldexp(1.0, columns)
    wide = (error + missing) * GROW * scale * across
    high, low = high * scale * across, low * scale * across
    if a.rad.any() or b.rad.any():
        wide = wide + _spread(a, b) * (1 + (inner + 8) * 2.0**-52)
    return Twofold.made(high, low, wide * GROW)


def _spread(a: Twofold, b: Twofold) -> np.ndarray:
    """\\|A\\| R_B + R_A (\\|B\\| + R_B), before rounding."""
    found = np.zeros(())
    grown = 1 + 2.0**-50
    if b.rad.any():
        found = found + np.matmul(np.abs(a.hi) * grown, b.rad)
    if a.rad.any():
        found = found + np.matmul(a.rad, np.abs(b.hi) * grown + b.rad)
    return found


def _with_specials(a: Twofold, b: Twofold) -> Twofold:
    """Entry by entry, for what does not fit doubles."""
    every = a.reshape((*a.shape, 1)) * b.reshape((*b.shape[:-2], 1, *b.shape[-2:]))
    return every.total(-2)


FUNCTIONS["matmul"] = product
