"""Sets of inputs as separable forms: what one position reads behind one layer of attention, for all inputs at once.

Fix the position r whose row is asked for.  Before the attention a row depends on the token at its own position alone: a
*table* by token.  The softmax of position r gives weights a^h_p = w_h(p, t_p)/D_h, D_h = Σ_p w_h(p, t_p), that depend
on the query token t_r too; behind it a row is

    constant(t_r) + Σ_h Σ_p a^h_p · values_h(p, t_p) + φ(row)·out,

with tables ``values_h`` by position and token, and the last summand where an MLP follows.  A norm behind that divides
by one unknown number.  :class:`SeparableDomain` evaluates a term to such a :class:`Row`; terms of another form (a
second attention, an MLP before it) raise :class:`NotSeparable`.

Tables are exact but behind a norm, where they carry a radius.  Weights are enclosed in multiples of 2^-WEIGHT_BITS, the
largest over the inputs being 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isqrt

import numpy as np
from flint import arb, fmpz, fmpz_mat

from ..arithmetic.ball import precision
from ..arithmetic.dyadic import DyadicMatrix
from ..arithmetic.function_table import INPUT, OUTPUT, exp_falling
from ..errors import MechproofError
from ..interpret import Domain, Known

WEIGHT_BITS = OUTPUT
NEVER = 1 << 40  # halvings: smaller than every weight that is told
NORM_BITS = 80  # bits behind the point of a normalised row
_SCORE_BITS = 80  # and of a difference of scores, when its exponential is taken


@dataclass(unsafe_hash=True)
class NotSeparable(MechproofError):
    """A term is no separable form: something other than one attention, then perhaps an MLP and norms."""

    what: str
    sentence = "boxes need one layer of attention, then at most one MLP and a norm before the unembedding; found {what}"


@dataclass(frozen=True, eq=False)
class Enclosed:
    """Reals, rows × k, each within ``radius`` of the matrix's entry."""

    centre: DyadicMatrix
    radius: Fraction = Fraction(0)

    def __add__(self, other: Enclosed) -> Enclosed:
        """The sum; a matrix of one row is added to every row."""
        a, b = _as_many_rows(self.centre, other.centre), _as_many_rows(other.centre, self.centre)
        return Enclosed(a + b, self.radius + other.radius)

    def __neg__(self) -> Enclosed:
        return Enclosed(-self.centre, self.radius)

    def __matmul__(self, matrix: DyadicMatrix) -> Enclosed:
        """Times an exact matrix: an entry is off by at most the radius times a column's sum of sizes."""
        return Enclosed(self.centre @ matrix, self.radius * matrix.column_sum if self.radius else Fraction(0))

    def rounded(self, bits: int) -> Enclosed:
        """The same reals about a matrix whose entries have at most so many bits."""
        flat = [entry for row in self.centre.integers() for entry in row]
        down = max(max(map(abs, flat)).bit_length() - bits, 0)
        if not down:
            return self
        exponent = self.centre.exponent + down
        centre = DyadicMatrix.from_integers(*self.centre.shape, [entry >> down for entry in flat], exponent)
        return Enclosed(centre, self.radius + Fraction(2) ** exponent)


def _as_many_rows(a: DyadicMatrix, b: DyadicMatrix) -> DyadicMatrix:
    return DyadicMatrix.ones(b.shape[0], 1) @ a if a.shape[0] == 1 < b.shape[0] else a


@dataclass(frozen=True)
class Tokens:
    """A row that depends on the token at one position: one row of ``table`` a token."""

    position: int
    table: Enclosed


@dataclass(frozen=True)
class Constant:
    """A row that is the same for all inputs."""

    table: Enclosed


@dataclass(frozen=True)
class Scores:
    """For each position p that r sees the scores, query tokens × tokens; at r itself only the diagonal counts."""

    position: int
    parts: tuple[Enclosed, ...]


@dataclass(frozen=True, eq=False)
class Weights:
    """low <= 2^(WEIGHT_BITS + halvings) w(p, t) <= high: int64, query tokens × positions × tokens.

    Numbers of WEIGHT_BITS bits, so that small weights are known as well as large ones; where no input has the token
    they are 0, with NEVER halvings.  At p = r a query token's row has one entry, its own.
    """

    position: int
    low: np.ndarray
    high: np.ndarray
    halvings: np.ndarray


@dataclass(frozen=True, eq=False)
class Hidden:
    """φ of a row, entry by entry."""

    inner: Row
    function: str


@dataclass(frozen=True, eq=False)
class Row:
    """constant (one row a query token) + Σ over heads of mixtures of tables (one a position) + φ(row)·out, at r."""

    position: int
    constant: Enclosed
    heads: Mapping[Weights, tuple[Enclosed, ...]] = field(default_factory=dict)
    hidden: Hidden | None = None
    out: DyadicMatrix | None = None


@dataclass(frozen=True, eq=False)
class Normed:
    """(z/σ)·matrix + shift: z the row, centred if the norm centres; σ² = |z|²/d + ε."""

    row: Row
    centred: bool
    epsilon: Fraction
    matrix: DyadicMatrix
    shift: Enclosed


Vector = Tokens | Constant | Scores | Weights | Hidden | Row | Normed


class SeparableDomain(Domain[Vector]):
    """All inputs whose tokens at p are among ``sets[p]``."""

    def __init__(self, sets: Sequence[Sequence[int]]) -> None:
        self._sets = sets

    def constant(self, row: Known) -> Vector:
        return Constant(Enclosed(row.exact))

    def selected(self, position: int, table: Known) -> Vector:
        return Tokens(position, Enclosed(table.exact))

    def add(self, a: Vector, b: Vector) -> Vector:
        match a, b:
            case (Constant(), Constant()):
                return Constant(a.table + b.table)
            case (Tokens(), Tokens()) if a.position == b.position:
                return Tokens(a.position, a.table + b.table)
            case (Tokens(), Constant()):
                return Tokens(a.position, a.table + b.table)
            case (Constant(), Tokens() | Row() | Normed()) | (Tokens(), Row()):
                return self.add(b, a)
            case (Tokens(), Tokens()):
                raise NotSeparable("positions that are added up without attention")
            case (Normed(), Constant()):
                return replace(a, shift=a.shift + b.table)
            case (Row(), Constant() | Tokens() | Row()):
                return self._sum(a, _behind_attention(b, a))
        raise NotSeparable(f"a sum of {_named(a)} and {_named(b)}")

    def negative(self, a: Vector) -> Vector:
        return self.linear(a, Known(DyadicMatrix(fmpz_mat([[-1]]), 0))) if isinstance(a, Scores) else self._negated(a)

    def _negated(self, a: Vector) -> Vector:
        match a:
            case Constant():
                return Constant(-a.table)
            case Tokens():
                return Tokens(a.position, -a.table)
        raise NotSeparable(f"the negative of {_named(a)}")

    def linear(self, a: Vector, matrix: Known) -> Vector:
        exact = matrix.exact
        match a:
            case Constant():
                return Constant(a.table @ exact)
            case Tokens():
                return Tokens(a.position, a.table @ exact)
            case Row():
                heads = {w: tuple(table @ exact for table in tables) for w, tables in a.heads.items()}
                out = None if a.out is None else a.out @ exact
                return Row(a.position, a.constant @ exact, heads, a.hidden, out)
            case Hidden():
                inner = a.inner
                nothing = DyadicMatrix.zero(inner.constant.centre.shape[0], exact.shape[1])
                return Row(inner.position, Enclosed(nothing), {}, a, exact)
            case Normed():
                return replace(a, matrix=a.matrix @ exact, shift=a.shift @ exact)
        raise NotSeparable(f"a linear map of {_named(a)}")

    def joined(self, rows: Sequence[Vector]) -> Vector:
        raise NotSeparable("positions joined side by side")

    def products(self, query: Vector, keys: Sequence[Vector]) -> Vector:
        if not isinstance(query, Tokens):
            raise NotSeparable(f"a query that is {_named(query)}")
        return Scores(query.position, tuple(self._scores(query.table, key) for key in keys))

    def _scores(self, query: Enclosed, key: Vector) -> Enclosed:
        if not isinstance(key, Tokens):
            raise NotSeparable(f"a key that is {_named(key)}")
        a, b = query, key.table
        radius = Fraction(0)
        if a.radius or b.radius:  # |x·y - u·v| <= r Σ|v| + s Σ|u| + k r s
            k = a.centre.shape[1]
            radius = a.radius * b.centre.row_sum + b.radius * a.centre.row_sum + k * a.radius * b.radius
        return Enclosed(a.centre @ b.centre.T, radius)

    def softmax(self, scores: Vector, factor: Fraction, root: int) -> Vector:
        if not isinstance(scores, Scores):
            raise NotSeparable(f"a softmax of {_named(scores)}")
        return _Exponentials(scores, self._sets, factor, root).weights()

    def mixed(self, weights: Vector, rows: Sequence[Vector]) -> Vector:
        if not isinstance(weights, Weights):
            raise NotSeparable("a mixture with other weights than those of a softmax")
        tables: list[Enclosed] = []
        for row in rows:
            if not isinstance(row, Tokens):
                raise NotSeparable(f"a mixture of what is {_named(row)}")
            tables.append(row.table)
        width = tables[0].centre.shape[1]
        nothing = DyadicMatrix.zero(weights.low.shape[0], width)
        return Row(weights.position, Enclosed(nothing), {weights: tuple(tables)})

    def pointwise(self, a: Vector, function: str) -> Vector:
        if isinstance(a, Normed):
            raise NotSeparable("a norm between the attention and the MLP")
        if isinstance(a, Tokens):
            raise NotSeparable("a pointwise map before any attention")
        if not isinstance(a, Row) or a.hidden is not None:
            raise NotSeparable(f"a pointwise map of {_named(a)}")
        return Hidden(a, function)

    def times(self, a: Vector, b: Vector) -> Vector:
        if isinstance(a, Hidden) or isinstance(b, Hidden):
            raise NotSeparable("a gated MLP")
        if isinstance(a, Constant):
            a, b = b, a
        if not isinstance(b, Constant) or b.table.radius or not isinstance(a, Tokens | Normed):
            raise NotSeparable(f"a product of {_named(a)} and {_named(b)}")
        return self.linear(a, Known(diagonal(b.table.centre)))

    def normalised(self, a: Vector, centred: bool, epsilon: Fraction) -> Vector:
        if isinstance(a, Tokens):
            return Tokens(a.position, normalised_rows(a.table, centred, epsilon))
        if not isinstance(a, Row):
            raise NotSeparable(f"a norm of {_named(a)}")
        d = a.constant.centre.shape[1]
        one = diagonal(DyadicMatrix.ones(1, d))
        return Normed(a, centred, epsilon, one, Enclosed(DyadicMatrix.zero(1, d)))

    @staticmethod
    def _sum(a: Row, b: Row) -> Row:
        if a.hidden is not None and b.hidden is not None:
            raise NotSeparable("two MLPs side by side")
        heads = dict(a.heads)
        for weights, tables in b.heads.items():
            mine = heads.get(weights)
            heads[weights] = tables if mine is None else tuple(x + y for x, y in zip(mine, tables, strict=True))
        with_mlp = b if a.hidden is None else a
        return Row(a.position, a.constant + b.constant, heads, with_mlp.hidden, with_mlp.out)


def _behind_attention(a: Vector, beside: Row) -> Row:
    """What is added to a row, as one of the same position."""
    match a:
        case Row() if a.position == beside.position:
            return a
        case Constant():
            rows = DyadicMatrix.ones(beside.constant.centre.shape[0], 1)
            return Row(beside.position, Enclosed(_as_many_rows(a.table.centre, rows), a.table.radius))
        case Tokens() if a.position == beside.position:
            return Row(a.position, a.table)
    raise NotSeparable(f"{_named(a)} behind the attention")


def _named(vector: Vector) -> str:
    return {
        Tokens: "a function of one token",
        Constant: "a constant",
        Scores: "scores",
        Weights: "weights",
        Hidden: "a pointwise map",
        Row: "a row behind attention",
        Normed: "a normalised row",
    }[type(vector)]


def diagonal(row: DyadicMatrix) -> DyadicMatrix:
    """The diagonal matrix with the entries of a row."""
    (entries,) = row.integers()
    k = len(entries)
    flat = [0] * (k * k)
    flat[:: k + 1] = entries
    return DyadicMatrix.from_integers(k, k, flat, row.exponent)


def normalised_rows(table: Enclosed, centred: bool, epsilon: Fraction) -> Enclosed:
    """z/σ of every row, up to 2^-NORM_BITS.

    z = x - mean x or x; with X = k z (centred) or z, integers in units 2^e, and T = ΣX²·4^e/k + ε·(k² or 1), an entry
    is X·2^e/√T: its size is the root of X²·4^e/T, floored.
    """
    if table.radius:
        raise NotSeparable("a norm of a normalised row before the attention")
    k, e = table.centre.shape[1], table.centre.exponent
    found: list[int] = []
    for row in table.centre.integers():
        mean = sum(row)
        z = [k * x - mean for x in row] if centred else row
        unit = Fraction(4) ** e
        T = sum(x * x for x in z) * unit / Fraction(k) + epsilon * (k * k if centred else 1)
        scale = unit * (1 << 2 * NORM_BITS) / Fraction(T)
        for x in z:
            size = isqrt(x * x * scale.numerator // scale.denominator)
            found.append(size if x >= 0 else -size)
    return Enclosed(DyadicMatrix.from_integers(*table.centre.shape, found, -NORM_BITS), Fraction(2) ** -NORM_BITS)


class _Exponentials:
    """exp(c·(s - max s)) for all scores of a head, c = factor/√root.

    Let x = c·(max s - s) >= 0.  Scores are exact multiples of one unit up to a radius; c is floored to so many bits
    that the product is off by less than 2^-_SCORE_BITS of 1.  With j = ⌊x/log 2⌋ and f = x - j·log 2, exp(-x) is
    2^-j·exp(-f).  The floors of x and of log 2 (j < 2^40 times) and the cut of f to 2^-INPUT leave f within [f' - 1,
    f' + 2] units of its integer f', and the radius of the scores adds as much on both sides.  exp falls with slope at
    most 1 on f >= 0, and the table's own error is added.
    """

    def __init__(self, scores: Scores, sets: Sequence[Sequence[int]], factor: Fraction, root: int) -> None:
        self._scores, self._sets, self._at = scores, sets, scores.position
        self._factor, self._root = factor, root

    def weights(self) -> Weights:
        parts = self._scores.parts
        unit = min(part.centre.exponent for part in parts)
        queries, tokens = parts[0].centre.shape[0], max(part.centre.shape[1] for part in parts)
        shape = (queries, len(parts), tokens)
        s = np.zeros(shape, dtype=object)
        held = np.zeros(shape, dtype=np.bool_)
        for p, part in enumerate(parts):
            entries = np.array(DyadicMatrix(part.centre.at_exponent(unit), unit).integers(), dtype=object)
            s[:, p, : entries.shape[1]] = entries
            allowed = list(self._sets[p])
            if p == self._at:
                held[allowed, p, allowed] = True
            else:
                held[:, p, allowed] = True
        low, high = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        halvings = np.full(shape, NEVER, dtype=np.int64)
        radius = max(part.radius for part in parts)
        for q in self._sets[self._at]:
            mine = held[q]
            values = s[q][mine]
            low[q][mine], high[q][mine], halvings[q][mine] = self._falling(values.max() - values, unit, radius)
        return Weights(self._at, low, high, halvings)

    def _falling(self, apart: np.ndarray, unit: int, radius: Fraction) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Enclosures of exp(-c·apart·2^unit) for integers apart >= 0, with their halvings."""
        bits = int(apart.max()).bit_length() + max(unit, 0) + _SCORE_BITS + 2
        c = isqrt((self._factor.numerator**2 << 2 * bits) // (self._factor.denominator**2 * self._root))
        down = bits - unit - _SCORE_BITS
        x = apart * c >> down if down >= 0 else apart * c << -down
        halvings = x // _LOG_2
        f = (x - halvings * _LOG_2 >> _SCORE_BITS - INPUT).astype(np.int64)
        off = 2 * radius * self._factor * (1 << INPUT)  # c <= factor
        extra = -(-off.numerator // off.denominator)
        table = exp_falling()
        value, room = table.at(f), 1 << OUTPUT - INPUT
        lower = np.maximum(value - table.error - (2 + extra) * room, 0)
        upper = value + table.error + (1 + extra) * room
        gone = halvings > NEVER
        return np.where(gone, 0, lower), upper, np.minimum(halvings, NEVER).astype(np.int64)


def _log_2() -> int:
    with precision(_SCORE_BITS + 40):
        found = (arb.const_log2() * arb((fmpz(1), fmpz(_SCORE_BITS)))).floor().unique_fmpz()
    assert found is not None, "log 2 is known to more bits"
    return int(found)


_LOG_2 = _log_2()
