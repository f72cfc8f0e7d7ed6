"""Exact products of integer matrices at the speed of floating-point ones: the one place where a float array may appear.

Theorem.  Let a (u × k) and b (k × m) be integers with max |a| · max_j Σ_i |b_ij| <= 2^53.  Then the float64 product of
BLAS, whatever its order of summation, its blocking and its fused operations, is the integer product a b.

Proof.  Both factors are converted exactly, since |a_li| <= 2^53 and |b_ij| <= 2^53 (a factor that is zero has a zero
product, and is handled alone).  What a matrix product computes on its way to entry (l, j) are products a_li·b_ij and
sums of some of them.  Each is an integer of size at most Σ_i |a_li|·|b_ij| <= max |a| · Σ_i |b_ij| <= 2^53, and
every such integer is a float64: so each operation, fused or not, has an exact result that is representable, and
returns it (IEEE 754, any rounding mode).  ∎

The theorem needs a product that adds up products of entries, as OpenBLAS, MKL, BLIS and numpy's own loops do; a
Strassen-like scheme would need another bound.

>>> import numpy as np
>>> a = np.array([[3, -(2 ** 26)]]); b = np.array([[1], [2 ** 26 - 4]])
>>> int(integer_product(a, b)[0, 0]) == 3 - 2 ** 26 * (2 ** 26 - 4)
True
>>> integer_product(a, b * 4)               # doctest: +ELLIPSIS
Traceback (most recent call last):
mechproof.engine.errors.MagnitudeError: a partial sum of an integer product may not fit 53 bits: ...
"""

from __future__ import annotations

import numpy as np

from ..errors import MagnitudeError

PARTIAL_SUM_BITS = 53
CACHED_ENTRIES = 1 << 17  # so many entries of the result are computed at a time: large arrays cost more than products


def integer_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a @ b`` for int64 matrices, exactly, as int64; raises :class:`MagnitudeError` unless the theorem applies."""
    if a.dtype != np.int64 or b.dtype != np.int64:
        raise TypeError(f"integer_product needs int64, found {a.dtype} and {b.dtype}")
    most, column = largest(a), largest_column(b)
    if most == 0 or column == 0:
        return np.zeros((a.shape[0], b.shape[1]), dtype=np.int64)
    if most * column > 1 << PARTIAL_SUM_BITS:
        raise MagnitudeError("a partial sum of an integer product", f"{PARTIAL_SUM_BITS} bits")
    result, right = np.empty((a.shape[0], b.shape[1]), dtype=np.int64), b.astype(np.float64)
    rows = max(CACHED_ENTRIES // b.shape[1], 1)
    for first in range(0, len(a), rows):
        result[first : first + rows] = a[first : first + rows].astype(np.float64) @ right
    return result


def largest(a: np.ndarray) -> int:
    """max |a|, as a Python integer (so that -2^63 has one)."""
    return max(int(a.max()), -int(a.min())) if a.size else 0


def largest_column(b: np.ndarray) -> int:
    """max_j Σ_i |b_ij|; raises :class:`MagnitudeError` where the sum could leave 63 bits."""
    if not b.size:
        return 0
    if largest(b) * b.shape[0] >= 1 << 63:
        raise MagnitudeError("a column's sum", "63 bits")
    return int(np.abs(b).sum(axis=0).max())
