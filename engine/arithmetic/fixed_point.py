"""Tables of reals in fixed point: int64 arrays over a power of two, and for each row how far off it may be.

``Table(values, radius, exponent)`` says of reals x (rows × k): |x_ij - 2^exponent·values_ij| <= 2^exponent·radius_i.
|values| < 2^ROOM always; a radius of ``LOST`` says nothing about the row.  Sums of radii saturate at LOST, so that no
radius ever overflows into a smaller one.

>>> t = Table(np.array([[5, -7]]), np.array([0]), -2)         # (5/4, -7/4), exactly
>>> coarse = t.at_exponent(-1)
>>> coarse.values.tolist(), coarse.radius.tolist()            # (3/2, -3/2) up to 1/2
([[3, -3]], [1])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import MagnitudeError
from .dyadic import DyadicMatrix
from .integer_product import PARTIAL_SUM_BITS, integer_product, largest, largest_column

ROOM = 61
LOST = 1 << ROOM
KNOWN_BITS = 52  # bits of a known matrix's entries, as a table
SPARE = 7  # bits of a wide product that are kept beyond those of an integer product


@dataclass(frozen=True, eq=False)
class Table:
    """values: rows × k; radius: one a row; see the module."""

    values: np.ndarray
    radius: np.ndarray
    exponent: int

    @cached_property
    def size(self) -> int:
        """max |values|."""
        return largest(self.values)

    def at_exponent(self, exponent: int) -> Table:
        """The same reals over another power of two.

        A coarser one rounds: values move by at most half a unit.  Raises :class:`MagnitudeError` where a finer one
        leaves the room.
        """
        shift = exponent - self.exponent
        if shift == 0:
            return self
        if shift < 0:
            if self.size and self.size.bit_length() - shift > ROOM:
                raise MagnitudeError("a table in finer units", f"{ROOM} bits")
            up = min(-shift, ROOM)  # from there on every value is 0, and every radius but 0 is lost
            return Table(self.values << up, affine(self.radius, 1 << up, 0), exponent)
        if shift > ROOM:  # |values|·2^-shift < 1/2: every entry is 0 up to half a unit
            return Table(np.zeros_like(self.values), lowered(self.radius, ROOM) + 1, exponent)
        values = self.values + (1 << shift - 1)
        values >>= shift
        return Table(values, lowered_by_half(self.radius, shift), exponent)

    def within(self, bits: int) -> Table:
        """The same reals in units that leave |values| <= 2^bits; unchanged where they do already."""
        return self.at_exponent(self.exponent + max(self.size.bit_length() - bits, 0))

    def filling(self, bits: int) -> Table:
        """The same reals in the finest units that leave |values| <= 2^bits."""
        return self.at_exponent(self.exponent + self.size.bit_length() - bits) if self.size else self

    def rows(self, index: np.ndarray | None) -> Table:
        """The rows at these indices; all of them for None."""
        return self if index is None else Table(self.values[index], self.radius[index], self.exponent)


def affine(radius: np.ndarray, factor: int, extra: np.ndarray | int) -> np.ndarray:
    """min(LOST, radius·factor + extra), without overflow; everything is at least zero."""
    extra = min(extra, LOST) if isinstance(extra, int) else extra
    most = (LOST - 1) // factor if factor else LOST
    grown = np.minimum(radius, most) * min(factor, LOST)
    return np.where((radius > most) & (factor > 0), LOST, np.minimum(grown + np.minimum(extra, LOST), LOST))


def saturated_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """min(LOST, a·b), without overflow, for 0 <= a, b <= LOST."""
    return np.where(a > LOST // np.maximum(b, 1), LOST, a * b)


def saturated_sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """min(LOST, a + b), for 0 <= a, b <= LOST."""
    return np.minimum(a + b, LOST)


def lowered(radius: np.ndarray, shift: int) -> np.ndarray:
    """At least radius/2^shift; LOST stays."""
    return np.where(radius >= LOST, LOST, -(-radius >> shift))


def lowered_by_half(radius: np.ndarray, shift: int) -> np.ndarray:
    """At least radius/2^shift + 1/2, for shift >= 1; LOST stays."""
    return np.where(radius >= LOST, LOST, -(-(radius + (1 << shift - 1)) >> shift))


def common_exponent(tables: Sequence[Table], bits: int, *, finest: bool = True) -> int:
    """The finest exponent that leaves every table ``bits`` bits; no finer than all of theirs, if ``finest``."""
    filling = [table.exponent + table.size.bit_length() - bits for table in tables if table.size]
    least = min(table.exponent for table in tables)
    return max([least, *filling]) if finest or not filling else max(filling)


def known_table(matrix: DyadicMatrix) -> Table:
    """The matrix with entries of at most KNOWN_BITS bits; exact where they suffice."""
    integers, shift = rounded_integers(matrix, KNOWN_BITS)
    radius = np.full(integers.shape[0], int(shift > 0), dtype=np.int64)
    return Table(integers, radius, matrix.exponent + shift)


def rounded_integers(matrix: DyadicMatrix, bits: int) -> tuple[np.ndarray, int]:
    """(integers, shift): the matrix's integers over 2^shift, shift >= 0, to the nearest; at most ``bits`` bits and one
    unit."""
    entries = matrix.integers()
    most = max((abs(entry) for row in entries for entry in row), default=0)
    return shifted_integers(entries, max(most.bit_length() - bits, 0)), max(most.bit_length() - bits, 0)


def shifted_integers(entries: Sequence[Sequence[int]], shift: int) -> np.ndarray:
    """entries·2^-shift to the nearest integers (halves upward)."""
    if shift <= 0:
        return np.array([[entry << -shift for entry in row] for row in entries], dtype=np.int64)
    half = 1 << shift - 1
    return np.array([[entry + half >> shift for entry in row] for row in entries], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Factor:
    """A known matrix M (k × m) as a right factor: |M - 2^exponent·(2^low·high + rest)| <= 2^exponent·error, entrywise.

    |rest| <= 2^(low - 1); ``error`` is 0 or 1/2, as ``exact`` says.  ``column`` is the largest column's sum of |high|.
    """

    high: np.ndarray
    rest: np.ndarray
    low: int
    exponent: int
    exact: bool
    column: int

    @property
    def left_bits(self) -> int:
        """|left| <= 2^left_bits has an integer product with ``high``."""
        return PARTIAL_SUM_BITS - self.column.bit_length()


def factor(matrix: DyadicMatrix, *, wide: bool) -> Factor:
    """The matrix as a right factor of products, ``wide`` with a second digit ``rest``.

    Bits are dealt so that both roundings count alike: a left entry's half unit meets a column's sum, half a unit of an
    entry of M the sum of a left row, which is some k/4 of its largest entry.
    """
    entries = matrix.integers()
    k = len(entries)
    sums = [sum(abs(row[j]) for row in entries) for j in range(len(entries[0]))]
    bits = (PARTIAL_SUM_BITS + max(k.bit_length() - 3, 0)) // 2
    shift = max(sums, default=0).bit_length() - bits
    if not wide:
        shift = max(shift, 0)
        high = shifted_integers(entries, shift)
        return Factor(high, high, 0, matrix.exponent + shift, shift == 0, largest_column(high))
    low = min(18, PARTIAL_SUM_BITS - 1 - (PARTIAL_SUM_BITS - bits + 1) - k.bit_length())
    whole = shifted_integers(entries, shift - low)
    high = whole + (1 << low - 1) >> low
    exact = shift - low <= 0
    return Factor(high, whole - (high << low), low, matrix.exponent + shift - low, exact, largest_column(high))


def times_factor(left: Table, right: Factor) -> Table:
    """left @ M.

    Lemma.  Let |x - v| <= r entrywise in a row, |M - M'| <= η entrywise, both with k terms.  Then
    |xM - vM'| <= r(max_j Σ_i |M'_ij| + kη) + η Σ_i |v_i|.
    *Proof.*  xM - vM' = (x - v)M + v(M - M'), and |M_ij| <= |M'_ij| + η.  ∎

    With one digit the product vM' is exact.  With two, v = 2^low·v1 + v0 and M' = 2^low·high + rest, |v0|, |rest| <=
    2^(low-1): vM' = 4^low·v1 high + 2^low·(v1 rest + v0 high) + v0 rest, of which the last is at most k·4^(low-1)
    and is dropped.  In units of 2^(2low - SPARE) that is k·2^(SPARE - 2), and rounding the middle term half a unit
    more.
    """
    k = right.high.shape[0]
    if not right.column:  # a factor of zeros, exactly
        zeros = np.zeros((left.values.shape[0], right.high.shape[1]), dtype=np.int64)
        return Table(zeros, np.zeros_like(left.radius), left.exponent)
    if not right.low:
        left = left.within(right.left_bits)
        extra: np.ndarray | int = 0 if right.exact else np.abs(left.values).sum(axis=1) + 1 >> 1
        growth = right.column + (0 if right.exact else k + 1 >> 1)
        product = integer_product(left.values, right.high)
        return Table(product, affine(left.radius, growth, extra), left.exponent + right.exponent)
    low, unit = right.low, 2 * right.low - SPARE
    left = left.filling(right.left_bits + low)
    v1 = left.values + (1 << low - 1) >> low
    v0 = left.values - (v1 << low)
    middle = integer_product(v1, right.rest)
    middle += integer_product(v0, right.high)
    middle += 1 << low - SPARE - 1
    middle >>= low - SPARE
    product = integer_product(v1, right.high)
    product <<= SPARE
    product += middle
    column = (right.column << low) + (k << low - 1) + k
    extra = (k << SPARE - 2) + 2
    if not right.exact:
        extra = extra + (np.abs(v1).sum(axis=1) + k >> low + 1 - SPARE)
    return Table(product, affine(left.radius, -(-column >> unit), extra), left.exponent + right.exponent + unit)
