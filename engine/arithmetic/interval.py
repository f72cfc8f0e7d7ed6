"""Bulk tables of intervals: pairs of int64 arrays on one power-of-two grid, rounded outward.

``IntervalTable(lower, upper)`` says of an array of reals v (in units of the grid): lower <= v <= upper,
entry by entry.  Every operation that could overflow proves a magnitude bound first and raises
:class:`MagnitudeError` when it cannot: an overflow is impossible, not unlikely.

>>> import numpy as np
>>> a = IntervalTable(np.array([1, -3]), np.array([2, -2]))
>>> w = IntervalTable(np.array([4, 4]), np.array([5, 5]))
>>> product = times_nonnegative(w, a)
>>> product.lower.tolist(), product.upper.tolist()
([4, -15], [10, -8])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import fmpz, fmpz_mat

from ..errors import MagnitudeError
from .ball import Ball

LIMIT = 1 << 63
EXPONENT_LIMIT = 1 << 40


@dataclass(frozen=True, eq=False)
class IntervalTable:
    """Entrywise enclosures: int64 arrays of one shape with lower <= upper."""

    lower: np.ndarray
    upper: np.ndarray

    def __getitem__(self, index: object) -> IntervalTable:
        return IntervalTable(self.lower[index], self.upper[index])  # type: ignore[index]

    def magnitude(self) -> int:
        """A bound of the absolute value of every number enclosed."""
        if self.lower.size == 0:
            return 0
        return max(-int(self.lower.min()), int(self.upper.max()), 0)


def times_nonnegative(weight: IntervalTable, value: IntervalTable) -> IntervalTable:
    """Enclosures of weight·value for weights known to be nonnegative (broadcasting as numpy does).

    For 0 <= w⁻ <= w <= w⁺ and v <= v⁺: w·v <= w⁺·max(v⁺, 0) + w⁻·min(v⁺, 0), and alike below.
    """
    if weight.lower.size and int(weight.lower.min()) < 0:
        raise ValueError("a weight may be negative")
    if weight.magnitude() * value.magnitude() >= LIMIT:
        raise MagnitudeError("a weight times a logit difference", "63 bits")
    upper = largest_product(weight, value.upper)
    lower = np.where(value.lower > 0, weight.lower, weight.upper) * value.lower
    return IntervalTable(lower, upper)


def largest_product(weight: IntervalTable, value: np.ndarray) -> np.ndarray:
    """The largest product of a nonnegative weight with a known value; the caller sees to the magnitude."""
    return np.where(value > 0, weight.upper, weight.lower) * value


def widened(table: IntervalTable, room: int, *, except_where: np.ndarray) -> IntervalTable:
    """Each endpoint moved outward by ``room``, except where the value is known to be exactly ``lower == upper``."""
    if table.magnitude() + room >= LIMIT:
        raise MagnitudeError("a widened endpoint", "63 bits")
    margin = np.where(except_where, 0, room)
    return IntervalTable(table.lower - margin, table.upper + margin)


def grid_bits(values: fmpz_mat, bits: int) -> int:
    """The right shift that leaves ``bits`` bits of the largest entry (negative: a left shift)."""
    largest = max((abs(int(entry)) for row in values.tolist() for entry in row), default=0)
    return largest.bit_length() - bits


def on_grid(values: fmpz_mat, shift: int) -> IntervalTable:
    """The integers ``values`` over 2**shift, rounded outward; exact where the division is.

    Raises :class:`MagnitudeError` when an entry leaves 62 bits.
    """
    if grid_bits(values, 62) > shift:
        raise MagnitudeError("an entry of a table on its grid", "62 bits")
    lower, upper = [], []
    for row in values.tolist():
        scaled = [int(entry) for entry in row] if shift >= 0 else [int(entry) << -shift for entry in row]
        down = max(shift, 0)
        lower.append([entry >> down for entry in scaled])
        upper.append([-(-entry >> down) for entry in scaled])
    return IntervalTable(np.array(lower, dtype=np.int64), np.array(upper, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class ScaledTable:
    """Positive reals over many orders of magnitude: mantissas in an IntervalTable, one exponent an entry.

    The value at index i lies in [mantissa.lower[i], mantissa.upper[i]]·2^exponent[i].
    """

    mantissa: IntervalTable
    exponent: np.ndarray

    def __getitem__(self, index: object) -> ScaledTable:
        return ScaledTable(self.mantissa[index], self.exponent[index])  # type: ignore[index]


def scaled_table(rows: Sequence[Sequence[Ball]], bits: int) -> ScaledTable:
    """Positive balls as mantissas of ``bits`` bits (upper endpoints may need more) with exponents.

    Raises :class:`MagnitudeError` for a ball that is not positive and finite, of an exponent beyond 2^40 in size, or
    so wide that its upper endpoint leaves 63 bits.
    """
    lower, upper, exponents = [], [], []
    for row in rows:
        for ball in row:
            low, exponent = ball.floor_mantissa(bits)
            high, high_exponent = ball.ceil_mantissa(bits)
            if low <= 0 or abs(exponent) > EXPONENT_LIMIT:
                raise MagnitudeError("the exponential of an attention score", "the exponent range ±2^40")
            normal = bits - low.bit_length()
            shift = exponent - normal - high_exponent
            high = -(-high >> shift) if shift >= 0 else high << min(-shift, 63)
            if high >= LIMIT:
                raise MagnitudeError("the upper end of an attention weight", "63 bits")
            lower.append(low << normal)
            upper.append(high)
            exponents.append(exponent - normal)
    shape = (len(rows), -1)
    mantissa = IntervalTable(
        np.array(lower, dtype=np.int64).reshape(shape), np.array(upper, dtype=np.int64).reshape(shape)
    )
    return ScaledTable(mantissa, np.array(exponents, dtype=np.int64).reshape(shape))


def outer_product(a: ScaledTable, b: ScaledTable) -> ScaledTable:
    """The table a[i]·b[j] at [j, i] for two one-dimensional scaled tables."""
    if a.mantissa.magnitude() * b.mantissa.magnitude() >= LIMIT:
        raise MagnitudeError("a product of mantissas", "63 bits")
    lower = b.mantissa.lower[:, None] * a.mantissa.lower[None, :]
    upper = b.mantissa.upper[:, None] * a.mantissa.upper[None, :]
    return ScaledTable(IntervalTable(lower, upper), b.exponent[:, None] + a.exponent[None, :])


def at_scale(table: ScaledTable, exponent: int) -> IntervalTable:
    """The values in units of 2**exponent, rounded outward; every own exponent must be at most ``exponent``.

    A shift by 63 or more leaves 0 below and 1 above, since a mantissa is below 2^63.
    """
    shift = np.minimum(exponent - table.exponent, 63)
    if shift.size and int(shift.min()) < 0:
        raise ValueError("an entry is coarser than the grid asked for")
    return IntervalTable(table.mantissa.lower >> shift, -(-table.mantissa.upper >> shift))


def exact_ids(values: fmpz_mat) -> np.ndarray:
    """Equal integers get equal ids: an int64 array of the matrix's shape, for exact comparison in bulk."""
    seen: dict[fmpz, int] = {}
    return np.array([[seen.setdefault(entry, len(seen)) for entry in row] for row in values.tolist()], dtype=np.int64)
