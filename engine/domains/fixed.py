"""Blocks of inputs in fixed-point integers, with a radius for every row.

A value is a sum of *parts*, each a table over the distinct tuples of tokens at the positions that it depends on (see
:mod:`.block`).  Linear maps act on parts, so that what papers fold by hand (an embedding times W_Q, an OV circuit, a
neuron's response to one token) is computed once a token, and not once an input.  A sum puts a part into another that
depends on more; maps that are not linear first put all parts together, over the distinct tuples of all their positions.

Error lemmas stand with the functions that use them; every one is proved for a single row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..arithmetic.fixed_point import (
    ROOM,
    Table,
    affine,
    common_exponent,
    factor,
    known_table,
    lowered,
    saturated_product,
    saturated_sum,
    times_factor,
)
from ..interpret import Domain, Known
from .block import Block, Places
from .fixed_functions import activation, entrywise, normalised
from .fixed_softmax import SHARE_BITS, shares

PAIRS_WORTH_A_TABLE = 4  # so many times the rows asked for may be computed, to have them from one matrix product
LOW_BITS = 18  # bits of the second digit of what is mixed, and of what enters products of two values
PRODUCT_SPARE = 8  # bits of a product of two values that are kept beyond those of its first digits
WIDE_ROWS = 1024  # a table of at most so many rows is multiplied with two digits in any case


@dataclass(frozen=True, eq=False)
class Part:
    """A table over the distinct tuples at ``places``."""

    places: Places
    table: Table


@dataclass(frozen=True, eq=False)
class Shares:
    """Rows of softmax weights; the table's radius bounds the *sum* of the errors of a row."""

    part: Part


Vector = tuple[Part, ...] | Shares


class FixedDomain(Domain[Vector]):
    """The block's inputs; ``wide`` multiplies large tables with two digits as well: slower, smaller radii."""

    def __init__(self, block: Block, *, wide: bool) -> None:
        self.block = block
        self._wide = wide

    def constant(self, row: Known) -> Vector:
        return (Part(frozenset(), row.view("table", known_table)),)

    def selected(self, position: int, table: Known) -> Vector:
        places = self.block.places([position])
        return (Part(places, table.view("table", known_table).rows(self.block.tokens_at(places, position))),)

    def add(self, a: Vector, b: Vector) -> Vector:
        parts = list(_parts(a))
        for part in _parts(b):
            into = next((n for n, other in enumerate(parts) if part.places < other.places), None)
            if into is not None:
                parts[into] = self._sum([parts[into], part])
                continue
            absorbed = [other for other in parts if other.places <= part.places]
            parts = [other for other in parts if not other.places <= part.places]
            parts.append(self._sum([part, *absorbed]) if absorbed else part)
        return tuple(parts)

    def negative(self, a: Vector) -> Vector:
        return tuple(
            Part(part.places, Table(-part.table.values, part.table.radius, part.table.exponent)) for part in _parts(a)
        )

    def linear(self, a: Vector, matrix: Known) -> Vector:
        return tuple(Part(part.places, self._times(part.table, matrix)) for part in _parts(a))

    def joined(self, rows: Sequence[Vector]) -> Vector:
        total: Vector = ()
        widths = [_parts(row)[0].table.values.shape[1] for row in rows]
        for index, row in enumerate(rows):
            before, after = sum(widths[:index]), sum(widths[index + 1 :])
            wide = tuple(Part(part.places, _padded(part.table, before, after)) for part in _parts(row))
            total = self.add(total, wide)
        return total

    def products(self, query: Vector, keys: Sequence[Vector]) -> Vector:
        q = self.whole(query)
        return (self._side_by_side([self._dot(q, self.whole(key)) for key in keys]),)

    def softmax(self, scores: Vector, factor: Fraction, root: int) -> Vector:
        part = self.whole(scores)
        return Shares(Part(part.places, shares(part.table, factor, root)))

    def mixed(self, weights: Vector, rows: Sequence[Vector]) -> Vector:
        """Lemma.  Let a be weights with sum 1, Σ|a_m - a'_m| <= w, and |x_m - v_m| <= r_m.  Then
        |Σ a_m x_m - Σ a'_m v_m| <= max_m r_m + w·max_m |v_m|.
        *Proof.*  Σ a_m x_m - Σ a'_m v_m = Σ a_m (x_m - v_m) + Σ (a_m - a'_m) v_m, and a_m >= 0.  ∎
        """
        if not isinstance(weights, Shares):
            raise TypeError("rows are mixed with the weights of a softmax only")
        parts = [self.whole(row) for row in rows]
        places = self._union([weights.part, *parts])
        # Σ a' <= 2^SHARE_BITS and |v| <= 2^bits for its first digit: the sum stays below 2^61
        bits, low = ROOM - 1 - SHARE_BITS, LOW_BITS if self._wide else 0
        exponent = common_exponent([part.table for part in parts], bits + low, finest=not low)
        share = weights.part.table.rows(self.block.index(weights.part.places, places))
        width = parts[0].table.values.shape[1]
        total = np.zeros((self.block.rows(places), width), dtype=np.int64)
        rest = np.zeros_like(total) if low else total
        radius = np.zeros(len(total), dtype=np.int64)
        size = 0
        for m, part in enumerate(parts):
            table = part.table.at_exponent(exponent)
            size = max(size, table.size)
            table = table.rows(self.block.index(part.places, places))
            weight = share.values[:, m : m + 1]
            if low:
                rest += (table.values & (1 << low) - 1) * weight
                total += (table.values >> low) * weight
            else:
                total += table.values * weight
            radius = np.maximum(radius, table.radius)
        if low:
            total += rest >> low
        # in units of the result; the dropped part of ``rest`` is less than one of them
        spread = affine(radius, 1 << SHARE_BITS - low, affine(share.radius, (size >> low) + 1, int(low > 0)))
        return (Part(places, Table(total, spread, exponent - SHARE_BITS + low)),)

    def pointwise(self, a: Vector, function: str) -> Vector:
        if function == "square":
            return self.times(a, a)
        if function == "identity":
            return a
        part = self.whole(a)
        return (Part(part.places, activation(part.table, function)),)

    def times(self, a: Vector, b: Vector) -> Vector:
        parts = [self.whole(a), self.whole(b)]
        places = self._union(parts)
        left, right = (part.table.rows(self.block.index(part.places, places)) for part in parts)
        return (Part(places, entrywise(left, right)),)

    def normalised(self, a: Vector, centred: bool, epsilon: Fraction) -> Vector:
        part = self.whole(a)
        return (Part(part.places, normalised(part.table, centred, epsilon)),)

    def whole(self, value: Vector) -> Part:
        """All parts as one, over the tuples at all their positions."""
        parts = _parts(value)
        return parts[0] if len(parts) == 1 else self._sum(parts)

    def every_input(self, value: Vector) -> Table:
        """The value with one row for each input of the block."""
        part = self.whole(value)
        return part.table.rows(self.block.index(part.places, self.block.varying))

    def _union(self, parts: Sequence[Part]) -> Places:
        return self.block.places(frozenset().union(*(part.places for part in parts)))

    def _sum(self, parts: Sequence[Part]) -> Part:
        places = self._union(parts)
        exponent = common_exponent([part.table for part in parts], ROOM - 1 - len(parts).bit_length())
        values = np.zeros(1, dtype=np.int64)
        radius = np.zeros(1, dtype=np.int64)
        for part in parts:
            table = part.table.at_exponent(exponent).rows(self.block.index(part.places, places))
            values = values + table.values
            radius = saturated_sum(radius, table.radius)
        return Part(places, Table(values, radius, exponent))

    def _side_by_side(self, parts: Sequence[Part]) -> Part:
        places = self._union(parts)
        exponent = common_exponent([part.table for part in parts], ROOM - 1)
        tables = [part.table.at_exponent(exponent).rows(self.block.index(part.places, places)) for part in parts]
        radius = tables[0].radius
        for table in tables[1:]:
            radius = np.maximum(radius, table.radius)
        return Part(places, Table(np.concatenate([table.values for table in tables], axis=1), radius, exponent))

    def _times(self, left: Table, matrix: Known) -> Table:
        narrow = matrix.view("narrow", lambda exact: factor(exact, wide=False))
        exact = narrow.exact and left.size.bit_length() <= narrow.left_bits
        if exact or not (self._wide or len(left.values) <= WIDE_ROWS):
            return times_factor(left, narrow)
        return times_factor(left, matrix.view("wide", lambda exact: factor(exact, wide=True)))

    def _dot(self, a: Part, b: Part) -> Part:
        """Lemma.  |x·y - u·v| <= r Σ|v_i| + s Σ|u_i| + k r s for |x - u| <= r, |y - v| <= s, k terms.
        *Proof.*  x·y - u·v = (x - u)·v + u·(y - v) + (x - u)·(y - v).  ∎

        With two digits, u = 2^LOW_BITS·u1 + u0 and v alike, u·v = 4^LOW_BITS·u1·v1 + 2^LOW_BITS(u1·v0 + u0·v1) +
        u0·v0; the last term is less than k·4^LOW_BITS and dropped, the middle ones are shifted down to the units kept.
        """
        places = self._union([a, b])
        k = a.table.values.shape[1]
        exact = a.table.size.bit_length() + b.table.size.bit_length() + k.bit_length() < ROOM
        low = LOW_BITS if self._wide and not exact else 0
        bits = (ROOM - 1 - k.bit_length() - (PRODUCT_SPARE if low else 0)) >> 1
        left, right = a.table, b.table
        if not exact:
            left, right = left.within(bits), right.within(bits)
        if low:
            left, right = a.table.filling(bits + low), b.table.filling(bits + low)
        at_left, at_right = self.block.index(a.places, places), self.block.index(b.places, places)
        as_table = len(left.values) * len(right.values) <= PAIRS_WORTH_A_TABLE * self.block.rows(places)

        def dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            if as_table:
                table = x @ y.T
                rows = np.arange(len(table)) if at_left is None else at_left
                return table[rows, np.arange(table.shape[1]) if at_right is None else at_right]
            return ((x if at_left is None else x[at_left]) * (y if at_right is None else y[at_right])).sum(axis=1)

        unit = left.exponent + right.exponent
        if low:
            x, x0, y, y0 = left.values >> low, _digit(left), right.values >> low, _digit(right)
            middle = dot(x, y0) + dot(x0, y)
            product = (dot(x, y) << PRODUCT_SPARE) + (middle >> low - PRODUCT_SPARE)
            drop = 2 * low - PRODUCT_SPARE
        else:
            product, drop = dot(left.values, right.values), 0
        left_sum, right_sum = ((np.abs(table.values).sum(axis=1) >> low) + 1 for table in (left, right))
        left_radius = left.radius if at_left is None else left.radius[at_left]
        right_radius = right.radius if at_right is None else right.radius[at_right]
        crossed = saturated_sum(
            saturated_product(left_radius, right_sum if at_right is None else right_sum[at_right]),
            saturated_product(right_radius, left_sum if at_left is None else left_sum[at_left]),
        )
        both = lowered(affine(saturated_product(left_radius, right_radius), k, 0), low)
        radius = affine(lowered(saturated_sum(crossed, both), drop - low), 1, (k << PRODUCT_SPARE) + 1 if low else 0)
        return Part(places, Table(product[:, None], radius, unit + drop))


def _digit(table: Table) -> np.ndarray:
    return table.values & (1 << LOW_BITS) - 1


def _padded(table: Table, before: int, after: int) -> Table:
    rows, width = table.values.shape
    values = np.zeros((rows, before + width + after), dtype=np.int64)
    values[:, before : before + width] = table.values
    return Table(values, table.radius, table.exponent)


def _parts(value: Vector) -> tuple[Part, ...]:
    return (value.part,) if isinstance(value, Shares) else value
