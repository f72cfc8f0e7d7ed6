r"""Matrix products of :class:`~.twofold.Twofold` numbers from exact float products of integer slices.

Each row of A (column of B) is scaled by a power of two to at most 1/2 and cut into integers of at most 2^(q - 1), so
that K products of them sum up to at most 2^53 and a float product is exact in any order, with or without fused
multiply-add.  What is left after the slices, and pairs of slices beyond the last, go to the radius; then
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

import numpy as np

from .pairs import GROW, tagged, two_sum
from .twofold import FUNCTIONS, Twofold

SLICES = 5
# Entries that are added up at once: what a processor's cache holds of a dozen arrays.
BLOCK = 16384
# Beyond so many exponents of rows and columns, products might leave the range of doubles.
RANGE = 400


def _sliced(high: np.ndarray, low: np.ndarray, bits: int, axis: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Integer slices, the exponents of rows, and a bound of what is left in units of each row (2^exponent)."""
    size = np.maximum(high.max(axis=axis, keepdims=True), -high.min(axis=axis, keepdims=True))
    exponent = np.frexp(size)[1].astype(np.int64) + 1
    scale = np.ldexp(1.0, -exponent)
    rest = high * scale
    slices, lost, unit = [], np.zeros_like(size), 1.0
    pending = bool(low.any())
    for place in range(SLICES):
        if pending and place == 2:  # now the rest of the high part is below 2^-40
            rest, error = two_sum(rest, low * scale * unit)
            lost, pending = np.abs(error).max(axis=axis, keepdims=True) / unit, False
        rest *= 2.0**bits
        part = np.rint(rest)
        rest -= part
        unit *= 2.0**bits
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
    if not (np.isfinite(a.planes[:3].sum()) and np.isfinite(b.planes[:3].sum())):
        return _with_specials(a, b)
    bits = (55 - (inner - 1).bit_length()) // 2  # K (2^(q - 1))^2 <= 2^53
    left, rows, lost_left = _sliced(a.hi, a.lo, bits, -1)
    right, columns, lost_right = _sliced(b.hi, b.lo, bits, -2)
    exponent = rows + columns
    if np.abs(exponent).max() > RANGE:
        return _with_specials(a, b)
    last = len(left) + len(right) - 2
    kept = last if max(len(left), len(right)) <= 3 else min(last, SLICES - 1)
    pairs = [(i, j) for i in range(len(left)) for j in range(len(right)) if i + j <= kept]
    pairs.sort(key=lambda pair: -sum(pair))  # the small ones first
    parts = [np.matmul(left[i], right[j]) for i, j in pairs]
    units = [2.0 ** (-bits * (i + j + 2)) for i, j in pairs]
    # entries of scaled rows are at most 1/2, what is cut off a row is at most lost, and slice i at most 2^(-q i)
    missing = inner * (lost_left + lost_right + lost_left * lost_right)
    if kept < last:
        missing = missing + inner * SLICES * 2.0 ** (-bits * (kept + 1))
    missing = np.broadcast_to(missing, parts[0].shape)
    scale, across = np.ldexp(1.0, rows), np.ldexp(1.0, columns)
    spread = np.broadcast_to(_spread(a, b), parts[0].shape) if a.rad.any() or b.rad.any() else None
    planes = np.empty((4, *parts[0].shape))
    step = max(1, BLOCK // parts[0].shape[-1])
    for start in range(0, parts[0].shape[-2], step):
        rows_here = (..., slice(start, start + step), slice(None))
        high, low, error = _summed([part[rows_here] * unit for part, unit in zip(parts, units, strict=True)])
        factor = scale[rows_here] * across
        wide = (error + missing[rows_here]) * GROW * factor
        if spread is not None:
            wide += spread[rows_here] * (1 + (inner + 8) * 2.0**-52)
        planes[0][rows_here], planes[1][rows_here] = high * factor, low * factor
        planes[2][rows_here] = wide * GROW
    return Twofold(tagged(planes))


def _summed(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sum as two doubles, and a bound of what they miss."""
    high, low, error = parts[0], np.zeros(()), np.zeros(())
    for place, part in enumerate(parts[1:]):
        high, rest = two_sum(part, high)
        if place:
            low, lost = two_sum(low, rest)
            error = error + np.abs(lost)
        else:
            low = rest
    return *two_sum(high, low), error


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
