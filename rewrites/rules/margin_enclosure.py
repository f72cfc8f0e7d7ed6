"""Fixed-point enclosures of the margin tables D, in bulk.

Theorem (what the tables guarantee).  For a cell (q, m) there is one power of two u > 0 such that for every position p,
token t <= m and output x

    lower(p,t,x)·u  <=  D_{q,m,x}(p,t)  <=  upper(p,t,x)·u,

with int64 tables; where the logit difference is exactly zero part by part (UU, EVOU and PVOU each contribute zero,
decided exactly), both endpoints are 0; elsewhere each endpoint leaves at least ROOM units to spare.  Any sum of one
entry a position fits 63 bits.

Proof.  exp(EQKE[q,t]/sqrt(h)) and exp(EQKP[q,p]/sqrt(h)) come as Arb balls; their endpoints are rounded outward to
31-bit mantissas, products of two such are exact in 63 bits, and the shift to the cell's common exponent rounds down
below and up above. Each table of logit parts is first centred at its column 0 (exactly; differences do not change),
then rounded outward to one grid. An interval difference and the interval product of
:mod:`..engine.arithmetic.interval` enclose; widening moves outward.  The bit budget WEIGHT_BITS + logit bits +
ceil(log2 K) <= 62 is asserted from the tables' real magnitudes before any product.

Two endpoints are carried instead of a tolerance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpz_mat

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.interval import (
    IntervalTable,
    ScaledTable,
    at_scale,
    exact_ids,
    grid_bits,
    on_grid,
    outer_product,
    scaled_table,
    times_nonnegative,
    widened,
)
from ...engine.errors import MagnitudeError
from ...models.one_layer import one_layer_of
from .path_decomposition import Paths, exp_of_score

MANTISSA_BITS = 31
WEIGHT_BITS = 30
ROOM = 1 << 8
EXP_PRECISION = 128


@dataclass(frozen=True, eq=False)
class LogitPart:
    """One of UU, EVOU, PVOU: enclosures of its rows, and ids that are equal where entries are exactly equal."""

    enclosure: IntervalTable
    ids: np.ndarray

    def centred(self, m: int) -> tuple[IntervalTable, np.ndarray]:
        """Enclosures of entry[·, x] - entry[·, m], and where that is exactly zero."""
        low, high = self.enclosure.lower, self.enclosure.upper
        zero = self.ids == self.ids[:, m : m + 1]
        lower = np.where(zero, 0, low - high[:, m : m + 1])
        upper = np.where(zero, 0, high - low[:, m : m + 1])
        return IntervalTable(lower, upper), zero


@dataclass(frozen=True, eq=False)
class CellTable:
    """Enclosures of D for one cell: ``free`` is (K-1) × (m+1) × V, ``base`` is V (the query's own position).

    ``unit`` is the exponent of the grid: entries are in units of 2^unit.
    """

    free: IntervalTable
    base: IntervalTable
    unit: int


@dataclass(frozen=True, eq=False)
class AttentionTable:
    """What Σ_p D is divided by in one cell, and what no quotient exceeds.

    ``free`` and ``base`` enclose the weights w_q(p, t) of D, (K-1) × (m+1) and one number, in units such that
    (Σ_p D)/(Σ_p w) is the quotient of the sums of entries times 2^exponent.  ``least`` and ``largest`` (V numbers, in
    units of 2^exponent) bound the logit differences of the cell, whatever the attention.
    """

    free: IntervalTable
    base: IntervalTable
    least: np.ndarray
    largest: np.ndarray
    exponent: int


class MarginEnclosure:
    """All cells' tables for one network; cells are computed on demand.

    Raises :class:`MagnitudeError` for attention scores so large that exp leaves the exponent range.
    """

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        network = one_layer_of(paths.statement)
        self.n_ctx, self.d_vocab = network.n_ctx, network.d_vocab
        self._root = network.d_head
        # Outputs that may win, by cell; found by :mod:`.box_extremes`, kept because rules ask again.
        self.active: dict[tuple[int, int], list[int]] = {}

    @cached_property
    def exponentials(self) -> tuple[ScaledTable, ScaledTable]:
        """exp(EQKE/sqrt(h)) by query and token, exp(EQKP/sqrt(h)) by query and position, mantissas of 31 bits."""
        with precision(EXP_PRECISION):
            root = Ball.sqrt(self._root)
            tokens = scaled_table(exponentials_of(self.paths.tables["EQKE"], root), MANTISSA_BITS)
            positions = scaled_table(exponentials_of(self.paths.tables["EQKP"], root), MANTISSA_BITS)
        return tokens, positions

    @cached_property
    def _weights(self) -> list[ScaledTable]:
        """exp of the scores, one K × V table a query."""
        tokens, positions = self.exponentials
        return [outer_product(tokens[q], positions[q]) for q in range(self.d_vocab)]

    @cached_property
    def _parts(self) -> tuple[dict[str, LogitPart], int]:
        exponent = self.paths.logit_exponent
        values = {name: centred_rows(self.paths.tables[name].at_exponent(exponent)) for name in ("UU", "EVOU", "PVOU")}
        budget = 62 - WEIGHT_BITS - (self.n_ctx - 1).bit_length()
        # a difference has at most twice the magnitude of its part, and three parts are added: 2·3 < 2^3
        shift = max(grid_bits(value, budget - 4) for value in values.values())
        return {
            name: LogitPart(on_grid(value, shift), exact_ids(value)) for name, value in values.items()
        }, exponent + shift

    @cached_property
    def _by_token(self) -> dict[int, tuple[dict[str, IntervalTable], dict[str, np.ndarray]]]:
        return {}

    def centred(self, m: int) -> tuple[dict[str, IntervalTable], dict[str, np.ndarray]]:
        """UU, EVOU and PVOU minus their columns m, on one grid, and where the differences are exactly zero."""
        if m not in self._by_token:
            self._by_token.clear()  # cells come grouped by m
            both = {name: part.centred(m) for name, part in self._parts[0].items()}
            self._by_token[m] = {n: b[0] for n, b in both.items()}, {n: b[1] for n, b in both.items()}
        return self._by_token[m]

    def cell(self, q: int, m: int) -> CellTable:
        """The enclosures of D for query q and maximum m (columns x = m are zero)."""
        last = self.n_ctx - 1
        free_weight, own_weight, scale = self._attention(q, m)
        part, zero = self.centred(m)
        uu, evou, pvou = (part[name] for name in ("UU", "EVOU", "PVOU"))
        uu0, evou0, pvou0 = (zero[name] for name in ("UU", "EVOU", "PVOU"))
        base_value = times_nonnegative(own_weight, _sum(_sum(uu[q], evou[q]), pvou[last]))
        base = widened(base_value, ROOM, except_where=uu0[q] & evou0[q] & pvou0[last])
        difference = _sum(_sum(uu[q], pvou[:last])[:, None, :], evou[None, : m + 1, :])
        table = times_nonnegative(free_weight[:, :, None], difference)
        table = widened(table, ROOM, except_where=(uu0[q] & pvou0[:last])[:, None, :] & evou0[None, : m + 1, :])
        if self.n_ctx * max(base.magnitude(), table.magnitude()) >= 1 << 62:
            raise MagnitudeError("a sum of margins over the positions", "62 bits")
        return CellTable(table, base, scale + self._parts[1])

    def attention(self, q: int, m: int) -> AttentionTable:
        """The weights of :meth:`cell`, and the range of its logit differences (columns x = m are zero)."""
        free, base, _ = self._attention(q, m)
        part, _ = self.centred(m)
        uu, evou, pvou = (part[name] for name in ("UU", "EVOU", "PVOU"))
        largest = uu.upper[q] + evou.upper[: m + 1].max(axis=0) + pvou.upper.max(axis=0)
        least = uu.lower[q] + evou.lower[: m + 1].min(axis=0) + pvou.lower.min(axis=0)
        return AttentionTable(free, base, least, largest, self._parts[1])

    def _attention(self, q: int, m: int) -> tuple[IntervalTable, IntervalTable, int]:
        """The cell's weights at the free positions and at the last one, and the exponent of their unit."""
        last, raw = self.n_ctx - 1, self._weights[q]
        own, free = raw[last, q], raw[:last, : m + 1]
        scale = int(free.exponent.max(initial=int(own.exponent))) + 2 * MANTISSA_BITS - WEIGHT_BITS
        return at_scale(free, scale), at_scale(own, scale), scale


def exponentials_of(table: DyadicMatrix, root: Ball) -> list[list[Ball]]:
    """exp(entry/root) for every entry."""
    scale = Ball.dyadic(1, table.exponent).over(root)
    return [[exp_of_score(Ball.dyadic(entry, 0) * scale) for entry in row] for row in table.numerators.tolist()]


def _sum(a: IntervalTable, b: IntervalTable) -> IntervalTable:
    return IntervalTable(a.lower + b.lower, a.upper + b.upper)


def centred_rows(values: fmpz_mat) -> fmpz_mat:
    """Each row minus its entry in column 0: differences within a row stay, common offsets go."""
    matrix = DyadicMatrix(values, 0)
    rows, columns = matrix.shape
    first = fmpz_mat(rows, 1, [values[i, 0] for i in range(rows)])
    return (matrix - DyadicMatrix(first, 0) @ DyadicMatrix.ones(1, columns)).numerators
