"""Separable forms in int64: tables of one read position from which margins over sets of inputs are bounded.

A :class:`Form` is made of the row that :class:`~.domains.separable.SeparableDomain` finds for the logits.  Heads hold
weights w_h(p, t) (one table a query token) and *values*; the constant part of the row belongs to head 0.  Behind an MLP
there are also pre-activations, and behind a norm sizes of what is normalised.

>>> import numpy as np
>>> F = np.array([[[3, 1, 2], [5, 4, 9]]])                       # one table of two positions and three tokens
>>> allowed = np.array([[[True, False, True], [True, True, True]]])
>>> least_over_product(F, allowed).tolist()
[6]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt

import numpy as np

from .arithmetic.dyadic import DyadicMatrix
from .domains.separable import Enclosed, Normed, NotSeparable, Row, Vector, Weights, diagonal
from .errors import MagnitudeError

TABLE_BITS = 40  # of the largest entry of a table of values
SIZE_BITS, SIZE_MOST = 32, 14  # bits behind the point, and before it, of the length of a row
ROW_BITS = 64  # of a row's tables, before they are multiplied by what follows
FAR = 1 << 61  # beyond every entry of a table that is summed


@dataclass(frozen=True, eq=False)
class Fixed:
    """Reals within ``error`` units of int64 ``values``, in units of 2^exponent."""

    values: np.ndarray
    exponent: int
    error: int


@dataclass(frozen=True, eq=False)
class Values:
    """What heads hold of some columns: ``tables[h]``: positions × tokens × columns; ``constant``: queries × columns."""

    tables: tuple[np.ndarray, ...]
    constant: np.ndarray
    exponent: int
    error: int


@dataclass(frozen=True, eq=False)
class Hidden:
    """An MLP: pre-activations, the function, and rows of logits that a unit writes (units × outputs)."""

    pre: Values
    function: str
    out: Fixed


@dataclass(frozen=True, eq=False)
class Size:
    """Upper ends for σ behind a norm, in units of 2^exponent: σ <= fixed + Σ_h Σ_p a^h_p sizes_h(p, t_p)
    + Σ_i |φ(z_i)| out_i.  sizes[0]: queries × positions × tokens, the others positions × tokens.
    """

    first: np.ndarray
    others: tuple[np.ndarray, ...]
    out: np.ndarray
    fixed: int
    exponent: int


@dataclass(frozen=True, eq=False)
class Form:
    """σ·logit_z = ⟨row, ·⟩ + σ·kappa_z, by query token; σ = 1 (and ``size`` None) where no norm ends the network."""

    position: int
    weights: tuple[Weights, ...]
    logits: Values
    kappa: Fixed | None
    hidden: Hidden | None
    size: Size | None

    @property
    def heads(self) -> int:
        return len(self.weights)


def form_of(logits: Vector, position: int) -> Form:
    """The form of a row of logits; raises :class:`~.domains.separable.NotSeparable`."""
    if isinstance(logits, Normed):
        row, width = logits.row, logits.matrix.shape[0]
        through, parts = (_centring(width) @ logits.matrix, width) if logits.centred else (logits.matrix, 1)
        kappa = fixed(logits.shift)
    elif isinstance(logits, Row):
        row, through, parts, kappa = logits, None, 1, None
    else:
        raise NotSeparable("logits without attention")
    weights = tuple(row.heads)
    if not weights:
        raise NotSeparable("logits without attention")
    tables = {w: tuple(table.rounded(ROW_BITS) for table in row.heads[w]) for w in weights}
    row = replace(row, constant=row.constant.rounded(ROW_BITS), heads=tables)
    hidden = None
    if row.hidden is not None:
        inner = row.hidden.inner
        if row.out is None or tuple(inner.heads) != weights:
            raise NotSeparable("an MLP that reads other heads than the unembedding")
        out = row.out if through is None else row.out @ through
        hidden = Hidden(_values(inner, None, 1, weights), row.hidden.function, fixed(Enclosed(out), parts))
    size = _size(row, logits, weights) if isinstance(logits, Normed) else None
    return Form(position, weights, _values(row, through, parts, weights), kappa, hidden, size)


def _centring(d: int) -> DyadicMatrix:
    """d·P for the projection P = I - 11ᵀ/d."""
    flat = [-1] * (d * d)
    flat[:: d + 1] = [d - 1] * d
    return DyadicMatrix.from_integers(d, d, flat, 0)


def fixed(table: Enclosed, divisor: int = 1, exponent: int | None = None) -> Fixed:
    """table/divisor, in units that leave its largest entry TABLE_BITS bits unless they are given."""
    entries = np.array(table.centre.integers(), dtype=object).reshape(table.centre.shape)
    if exponent is None:
        exponent = _unit(entries, table.centre.exponent, divisor)
    shift = table.centre.exponent - exponent
    top, bottom = (entries << shift, divisor) if shift >= 0 else (entries, divisor << -shift)
    off = table.radius * Fraction(2) ** -exponent / Fraction(divisor)
    values = (top // bottom).astype(np.int64)
    return Fixed(values, exponent, 1 + off.numerator // off.denominator + 1 if off else 1)


def _unit(entries: np.ndarray, exponent: int, divisor: int) -> int:
    """The exponent that leaves the largest of entries·2^exponent/divisor at most TABLE_BITS bits."""
    most = max((abs(entry) for entry in entries.reshape(-1).tolist()), default=0)
    return exponent + most.bit_length() - divisor.bit_length() + 1 - TABLE_BITS


def _values(row: Row, through: DyadicMatrix | None, divisor: int, weights: Sequence[Weights]) -> Values:
    """The row times a matrix, over a divisor: constants and tables in one unit."""
    parts = [row.constant, *(table for w in weights for table in row.heads[w])]
    if through is not None:
        parts = [part @ through for part in parts]
    exponent = max(
        _unit(np.array(part.centre.integers(), dtype=object), part.centre.exponent, divisor) for part in parts
    )
    found = [fixed(part, divisor, exponent) for part in parts]
    constant, *tables = found
    positions = len(row.heads[weights[0]])
    heads = [_stacked([t.values for t in tables[h * positions :][:positions]]) for h in range(len(weights))]
    return Values(tuple(heads), constant.values, exponent, max(part.error for part in found))


def _stacked(tables: Sequence[np.ndarray]) -> np.ndarray:
    """positions × tokens × columns, zero where a position has fewer tokens."""
    tokens = max(len(table) for table in tables)
    found = np.zeros((len(tables), tokens, tables[0].shape[1]), dtype=np.int64)
    for p, table in enumerate(tables):
        found[p, : len(table)] = table
    return found


def _size(row: Row, normed: Normed, weights: Sequence[Weights]) -> Size:
    """√d·σ is the length of (z, √(dε)), z the row, centred or not; so σ is at most √ε plus the lengths over √d of
    the summands of z.  The constant part belongs to the first head's tables."""
    d = normed.matrix.shape[0]
    project = _centring(d) if normed.centred else diagonal(DyadicMatrix.ones(1, d))
    lengths = _Lengths(d, d if normed.centred else 1)
    constant = row.constant @ project
    first, *others = ([table @ project for table in row.heads[w]] for w in weights)
    with_constant = [lengths.of_sums(constant, table) for table in first]
    alone = [[lengths.of_rows(table) for table in tables] for tables in others]
    out = np.zeros(0, dtype=np.int64) if row.out is None else lengths.of_rows(Enclosed(row.out @ project))
    epsilon = normed.epsilon * (1 << 2 * SIZE_BITS)
    tokens = max(table.shape[1] for table in with_constant)
    found = np.zeros((len(constant.centre.integers()), len(with_constant), tokens), dtype=np.int64)
    for p, table in enumerate(with_constant):
        found[:, p, : table.shape[1]] = table
    stacked = tuple(_stacked([table[:, None] for table in tables])[:, :, 0] for tables in alone)
    return Size(found, stacked, out, isqrt(epsilon.numerator // epsilon.denominator) + 1, -SIZE_BITS)


class _Lengths:
    """Upper ends of |row|/(√d·divisor), in units of 2^-SIZE_BITS; beyond SIZE_MOST they are said to be that far and
    refused."""

    def __init__(self, d: int, divisor: int) -> None:
        self._d, self._divisor = d, divisor

    def of_rows(self, table: Enclosed) -> np.ndarray:
        return self._upper(squares(table.centre), table.centre.exponent, table.radius)

    def of_sums(self, a: Enclosed, b: Enclosed) -> np.ndarray:
        """Of every row of a plus every row of b: |x + y|² = |x|² + 2x·y + |y|²."""
        e = min(a.centre.exponent, b.centre.exponent)
        x, y = (DyadicMatrix(c.centre.at_exponent(e), e) for c in (a, b))
        crossed = np.array((x @ y.T).integers(), dtype=object)
        return self._upper(squares(x)[:, None] + 2 * crossed + squares(y)[None, :], e, a.radius + b.radius)

    def _upper(self, total: np.ndarray, exponent: int, radius: Fraction) -> np.ndarray:
        unit = Fraction(4) ** (exponent + SIZE_BITS) / Fraction(self._d * self._divisor**2)
        off = radius * (1 << SIZE_BITS) / Fraction(self._divisor)
        room = 1 + -(-off.numerator // off.denominator)
        flat = [isqrt(t * unit.numerator // unit.denominator) + room for t in total.reshape(-1).tolist()]
        if max(flat, default=0) >= 1 << SIZE_BITS + SIZE_MOST:
            raise MagnitudeError("the length of a row before a norm", f"{SIZE_MOST} bits")
        return np.array(flat, dtype=np.int64).reshape(total.shape)


def squares(matrix: DyadicMatrix) -> np.ndarray:
    """The squared length of every row, in units of 4^exponent, as Python integers."""
    return np.array([sum(x * x for x in row) for row in matrix.integers()], dtype=object)


def least_over_product(table: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Σ_p min over the allowed tokens; tables and masks are … × positions × tokens."""
    return np.where(allowed, table, FAR).min(axis=-1).sum(axis=-1)


def slope(table: np.ndarray, allowed: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(a, b), b > 0: a/b is the multiplier λ = Σ_p (F(p, t+) - F(p, t-)) / Σ_p (label of t+ - label of t-), t+ and t-
    the allowed tokens of largest and of smallest label; 0/1 where no position has two labels."""
    above = np.where(allowed, labels, -FAR).argmax(axis=-1)[..., None]
    below = np.where(allowed, labels, FAR).argmin(axis=-1)[..., None]
    rise = np.take_along_axis(table, above, -1) - np.take_along_axis(table, below, -1)
    run = labels[above] - labels[below]
    run = np.broadcast_to(run, rise.shape).sum(axis=(-1, -2))
    return np.where(run > 0, rise.sum(axis=(-1, -2)), 0), np.maximum(run, 1)


def least_with_sum(
    table: np.ndarray, allowed: np.ndarray, labels: np.ndarray, bounds: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """Min(λa, λb) + Σ_p min (F - λ·label), for sums of labels in [a, b] = bounds[..., 0], bounds[..., 1]."""
    tilted = table - factor[..., None, None] * labels
    ends = np.minimum(factor * bounds[..., 0], factor * bounds[..., 1])
    return least_over_product(tilted, allowed) + ends


@dataclass(frozen=True, eq=False)
class ProductTables:
    """Products in arrays: ``allowed`` (sets × positions × tokens); with labels also bounds of their sums (sets × 2),
    and which of the sets are cut by them."""

    allowed: np.ndarray
    labels: np.ndarray | None = None
    bounds: np.ndarray | None = None
    cut: np.ndarray | None = None

    def take(self, index: np.ndarray) -> ProductTables:
        if self.bounds is None or self.cut is None:
            return ProductTables(self.allowed[index])
        return ProductTables(self.allowed[index], self.labels, self.bounds[index], self.cut[index])

    def least(self, table: np.ndarray) -> np.ndarray:
        """The least sum over each set, or less."""
        if self.labels is None or self.bounds is None or self.cut is None:
            return least_over_product(table, self.allowed)
        above, below = slope(table, self.allowed, self.labels)
        return least_with_sum(table, self.allowed, self.labels, self.bounds, np.where(self.cut, above // below, 0))


@dataclass(frozen=True, eq=False)
class ListTables:
    """List sets in arrays: before, next (one a set), and by number whether it is free or known to be in the list, below
    ``before`` and above ``next``; ``step`` and ``length`` are those of all sets."""

    length: int
    step: int
    before: np.ndarray
    next: np.ndarray
    free: np.ndarray
    known: np.ndarray

    def take(self, index: np.ndarray) -> ListTables:
        before, following, free, known = (a[index] for a in (self.before, self.next, self.free, self.known))
        return ListTables(self.length, self.step, before, following, free, known)

    @property
    def allowed(self) -> np.ndarray:
        """sets × positions × tokens that may occur: the separator is the token behind the numbers."""
        n, values = self.free.shape
        found = np.zeros((n, self.length + 1 + self.step, values + 1), dtype=np.bool_)
        here = self.free | self.known
        rows = np.arange(n)
        here[rows, self.next] = True
        if self.step:
            here[rows, self.before] = True
            found[:, self.length + 1 :, :values] = (here & (np.arange(values) <= self.before[:, None]))[:, None, :]
        found[:, : self.length, :values] = here[:, None, :]
        found[:, self.length, values] = True
        return found

    def least(self, table: np.ndarray) -> np.ndarray:
        """The least sum over each set, or less."""
        return least_over_lists(table, self)


def least_over_lists(table: np.ndarray, sets: ListTables) -> np.ndarray:
    """A number of the list is counted once at the cheapest of the unsorted places, and once at its
    place in the sorted part; at step i that part holds the i smallest, the last of them at the position that is
    read."""
    n, L, step = len(table), sets.length, sets.step
    rows = np.arange(n)
    values = sets.free.shape[1]
    anywhere = table[:, :L, :values].min(axis=1)
    total = table[rows, L, values] + anywhere[rows, sets.next]
    if step:
        total = total + anywhere[rows, sets.before] + table[rows, L + step, sets.before]
        total = total + _least_below(anywhere, table[:, L + 1 : L + step, :values], sets)
    number = np.arange(values)
    above = number > sets.next[:, None]
    known = sets.known & above
    cost = np.sort(np.where(sets.free & above, anywhere, FAR), axis=1)
    needed = L - 1 - step - known.sum(axis=1)
    taken = np.arange(values) < needed[:, None]
    return total + np.where(known, anywhere, 0).sum(axis=1) + np.where(taken, cost, 0).sum(axis=1)


def _least_below(anywhere: np.ndarray, placed: np.ndarray, sets: ListTables) -> np.ndarray:
    """The numbers smaller than ``before``, ascending: the k-th chosen also stands at place k.  A programme over
    numbers and how many are chosen so far; known numbers must be.  What cannot be is as dear as FAR, which stays beyond
    all sums (least sums stay below FAR/4)."""
    n, needed = len(anywhere), placed.shape[1]
    below = np.arange(placed.shape[2]) < sets.before[:, None]
    may, must = ((sets.free | sets.known) & below).T, (sets.known & below).T
    cost = np.where(may[:, None], placed.transpose(2, 1, 0) + anywhere.T[:, None], FAR)
    best = np.full((needed + 1, n), FAR, dtype=anywhere.dtype)
    best[0] = 0
    for number in range(int(sets.before.max(initial=0))):
        chosen = best[:-1] + cost[number]
        if must[number].any():
            best[:, must[number]] = FAR
        np.minimum(best[1:], chosen, out=best[1:])
    return best[needed]
