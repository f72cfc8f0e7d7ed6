"""The cubic count: tokens that are good on their own may be mixed, so counting them counts sequences.

Theorem.  Fix a query q, a maximum m >= q and c free positions that hold tokens below m while the n = K-1-c others
hold m.  Write b_p = exp(EQKP[q,p]/sqrt(h)) for the free positions, T = Σ b_p, A, B_k for exp(EQKE[q,·]/sqrt(h)) at m
and k, and Q for the query's own weight.  Let α, β, ρ_k bound the logit differences λ(x) - λ(m), x != m, at a free
position that holds m, at the query, and at a free position that holds k, wherever these positions are.  If

    A S α + Q β + B_k (T - S) ρ_k < 0      for S the sum of the n smallest and of the n largest b_p                (*)

for every k of a set N of tokens below m, then the network is right on all C(K-1,c)·|N|^c sequences whose c tokens
below m are in N.

Proof.  By :data:`POSITION` such bounds exist, whatever the positions.  Let P be the positions of the tokens t_p in N,
S the sum of the other b_p.  Σ_p D <= A S α + Q β + Σ_P b_p B_{t_p} ρ_{t_p}, which by :data:`MIXTURE` is at most
A S α + Q β + B_k (T - S) ρ_k for one k in N, which by :data:`TWO_ENDS` is at most the larger of the two values in (*).

For c = 0 there is one sequence and no k, so all outputs x are bounded jointly: A T λ_m(x) + Q λ_q(x) < 0.

Bounds.  *Separate*, as published: α = u + R_m, β = u + R_q, ρ_k = u + R_k with u = max_x (UU[q,x] - UU[q,m]) and
R_t = max_x (EVOU[t,x] - EVOU[t,m] + max_p (PVOU[p,x] - PVOU[p,m])).  *Joint*, as cheap: α and β are maxima over x of
the sum instead of sums of maxima; the query's own position is known; and ρ_k separates only outputs other than k.

The enclosures of :mod:`.margin_enclosure` are on a grid; (*) counts as holding when its upper end is negative, that
is, at most -1 unit, and a unit is at least 2^-63·(A T |α| + Q |β| + B_k T |ρ_k|).  What lies closer to zero is not
counted.

Source: arXiv 2406.11779 (the cubic proof); the division-free test and the joint bounds are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ...engine.arithmetic.interval import LIMIT, IntervalTable, ScaledTable, at_scale, times_nonnegative
from ...engine.cost import Cost
from ...engine.errors import MagnitudeError
from ...engine.formula import At, ForAll, Max, Members, Num, Range, Sequences, Total, Var, Where
from ...engine.rule import Lemma, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST, AdditiveMargin
from .cell_sets import ALONE, CellSets, token_bits
from .margin_enclosure import MANTISSA_BITS, WEIGHT_BITS, MarginEnclosure
from .notions import MIXED
from .parts import cells
from .path_decomposition import K, V
from .right_count import RightCount

# Below every table entry: the maximum over no output at all.
NOTHING = -(1 << 30)

_p, _x, _a, _j, _y, _i, _k, _t = (Var(name) for name in "pxajyikt")
_bound = Var("\\rho")
_outputs, _places = Range(Num(0), Var("V")), Range(Num(0), Var("K"))


def _raised(x: Var) -> Any:
    return At("e", x) + Max(_j, _places, At("\\pi", _j, x))


_value = At("u", _x) + At("e", _x) + At("\\pi", _p, _x)
_joint = Max(_a, _outputs, At("u", _a) + _raised(_a))
_direct = Max(_a, _outputs, At("u", _a))

POSITION = Lemma(
    label="position-bounds",
    title="Bounds that hold wherever a token stands",
    given=(
        "For all reals $u(x)$, $e(x)$ and $\\pi(j, x)$ over $V \\ge 1$ outputs $x$ and $K \\ge 1$ positions $j$, every "
        "output $k$ and every real $\\rho$:"
    ),
    statement=ForAll(
        _p,
        _places,
        ForAll(
            _x,
            _outputs,
            (_value <= _joint)
            & (_joint <= _direct + Max(_a, _outputs, _raised(_a)))
            & (
                (At("u", _k) + _raised(_k) <= _bound)
                & ForAll(_y, Where(_outputs, _y.differs(_k), _y), _direct + _raised(_y) <= _bound)
            ).implies(_value <= _bound),
        ),
    ),
    proof=(
        "A value is at most the largest over the positions and then over the outputs, and the maximum of a sum is at "
        "most the sum of the maxima. An output is $k$ or differs from $k$; in the second case $u(x)$ is at most its "
        "maximum."
    ),
    source="arXiv 2406.11779 (cubic proof); the joint bounds are of this proof",
)

_positions = Range(Num(0), Var("L"))
_weight, _mark = At("b", _p, subscript=True), At("t", _p, subscript=True)
_end = Range(_i * Var("c"), Var("L") - Var("c") + _i * Var("c"))
_held = Total(_p, _end, _weight)

TWO_ENDS = Lemma(
    label="two-ends",
    title="The least and the most attention that the maximum can get",
    given=(
        "For all reals $b_0 \\le \\dots \\le b_{L-1}$, $a$ and $F$, all $0 \\le c \\le L$, with every "
        "$T_p = \\{0, 1\\}$ ($t_p = 0$ says that position $p$ holds the maximum, $t_p = 1$ that it holds another "
        "token):"
    ),
    statement=ForAll(
        _t,
        Sequences("T", Var("L")),
        Total(_p, _positions, _mark)
        .equals(Var("c"))
        .implies(
            Var("a") * Total(_p, _positions, (Num(1) - _mark) * _weight)
            + Var("F") * Total(_p, _positions, _mark * _weight)
            <= Max(_i, Range(Num(0), Num(2)), Var("a") * _held + Var("F") * (Total(_p, _positions, _weight) - _held))
        ),
    ),
    proof=(
        "Put $S = \\sum_p (1 - t_p)\\,b_p$, a sum of $L - c$ of the $b_p$, so it lies between the sum of the $L - c$ "
        "smallest ($i = 0$) and that of the $L - c$ largest ($i = 1$). The left side is $a\\,S + F\\,(\\sum_p b_p - "
        "S)$, affine in $S$: on an interval it is at most the larger of its values at the two ends."
    ),
    source="arXiv 2406.11779 (cubic proof); an affine function is largest at an end",
)

_chosen = Range(Num(0), Var("c"))
_total = Total(_p, _chosen, _weight)

MIXTURE = Lemma(
    label="mixture",
    title="Good tokens may be mixed",
    given=(
        "For every finite non-empty set $N$, all $b_0, \\dots, b_{c-1} \\ge 0$ and all reals $a$ and $F(k)$, with "
        "every $T_p = N$:"
    ),
    statement=ForAll(
        _t,
        Sequences("T", Var("c")),
        Var("a") + Total(_p, _chosen, _weight * At("F", At("t", _p, subscript=True)))
        <= Max(_k, Members(Var("N")), Var("a") + At("F", _k) * _total),
    ),
    proof=(
        "Let $k$ be where $F$ is largest on $N$. Each $b_p\\,F(t_p) \\le b_p\\,F(k)$, as $b_p \\ge 0$; add up. So the "
        "set of good tokens need not be an interval, and no pair of them is looked at."
    ),
    source="arXiv 2406.11779 (cubic proof); a weighted sum is largest where every term is",
)


@dataclass(frozen=True)
class CellBounds:
    """Advice: whether the logit differences are bounded jointly, or separately as in the published proof."""

    joint: bool


JOINT, SEPARATE = CellBounds(joint=True), CellBounds(joint=False)


def _bounds(*, joint: bool) -> str:
    """How the logit differences are bounded."""
    return (
        "$\\rho_m = \\max_x (u + e_m + \\pi)$, $\\rho_k$ the least $\\rho$ of the third line, with $K - 1$ for $K$, "
        "and at the "
        "query $\\rho = \\max_x (\\lambda_q(K-1,q,x) - \\lambda_q(K-1,q,m))$, since its position is known"
        if joint
        else "$\\rho_k = \\max_x u + \\max_x (e_k + \\pi)$, the same for $m$, and at the query $\\rho = \\rho_q$"
    )


def _derivation(*, joint: bool) -> str:
    """When a set is right."""
    return (
        f"{setting(joint=joint)} "
        "Let $N$ be the set of tokens $k < m$ with $$B_m S \\rho_m + Q \\rho + B_k R \\rho_k < 0,$$ both for $S$ "
        "the sum of "
        "the least and of the largest $b_p$. By [@mixture] and [@two-ends] all sequences of the set $(q, m, n, N)$ are "
        "right. For $n = 0$ there is one sequence, which is right when $$B_m \\sum_{0 \\le p < K-1} b_p\\,(u(x) + "
        "e_m(x) "
        "+ \\pi(p,x)) + Q\\,(\\lambda_q(K-1,q,x) - \\lambda_q(K-1,q,m)) < 0 \\quad \\text{for every } x \\ne m.$$ "
        "Where nothing else is told, $x$ runs over the outputs other than $m$."
    )


def _setting(bounds: str) -> str:
    """What the sums over a set (q, m, n, N) are made of."""
    return (
        "Fix $(q, m)$ and the number $n$ of free positions that hold tokens below $m$. Put $u(x) = \\mathrm{UU}[q,x] - "
        "\\mathrm{UU}[q,m]$, $\\pi(p,x) = \\mathrm{PVOU}[p,x] - \\mathrm{PVOU}[p,m]$ and, for a token $k$, $e_k(x) = "
        "\\mathrm{EVOU}[k,x] - \\mathrm{EVOU}[k,m]$, for $x \\ne m$. By [@position-bounds] the logit differences at a "
        "free "
        f"position that holds $k$ are at most $\\rho_k$, and $\\rho_m$ where it holds $m$: here {bounds}. Let $b_p = "
        "\\exp(\\mathrm{EQKP}[q,p]/\\sqrt{d_h})$, $B_k = \\exp(\\mathrm{EQKE}[q,k]/\\sqrt{d_h})$, $Q = w_q(K-1, q)$, "
        "$S$ the sum of "
        "$b_p$ over the free positions that hold $m$ and $R$ over the $n$ others."
    )


def setting(*, joint: bool) -> str:
    """The same, with the bounds of logit differences in words and symbols."""
    return _setting(_bounds(joint=joint))


class CubicCells(Rule):
    """Advice: :class:`CellBounds`.  ``progress(done, cells)`` is called after each cell.  Nothing is shown wrong."""

    name = "cubic_cells"
    premises = (AdditiveMargin,)
    lemmas = (POSITION, TWO_ENDS, MIXTURE)
    notions = (MIXED,)
    derivation = _derivation(joint=True)
    cost = MARGIN_COST + Cost(
        multiply=2 * V**3 * K,
        add=2 * V**3 * K + 3 * V**3 + V**2 * K,
        compare=V**3 * K + 2 * V**3 + V**2 * K,
    )

    def derived(self, premises: Sequence[Any], advice: CellBounds) -> str:
        return _derivation(joint=advice.joint)

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: CellBounds) -> RightCount:
        (margin,) = premises
        layer, enclosure = one_layer_of(margin.paths.statement), margin.enclosure
        attention = [Attention(enclosure, q) for q in range(layer.d_vocab)]
        found: dict[tuple[int, int, int], int] = {}
        for m in range(layer.d_vocab):
            bounds = LogitBounds.of(enclosure, m, advice.joint)
            for q in range(m + 1):
                if layer.cell_size(q, m):
                    found |= attention[q].sets(q, m, bounds)
                if self._progress is not None:
                    self._progress(m * (m + 1) // 2 + q + 1, layer.d_vocab * (layer.d_vocab + 1) // 2)
        sets = CellSets(margin.paths, found)
        right = sets.counts()
        return RightCount(cells(margin.paths.statement), right, dict.fromkeys(right, 0), sets)


@dataclass(frozen=True, eq=False)
class LogitBounds:
    """Upper bounds of the logit differences of one m, in units of the enclosure's grid; rows are the queries q <= m.

    ``on_maximum`` and ``on_query`` are by output x != m; ``maximum`` (α) and ``query`` (β) by q alone; ``other``
    (ρ) by q and k < m.
    """

    on_maximum: np.ndarray
    on_query: np.ndarray
    maximum: np.ndarray
    query: np.ndarray
    other: np.ndarray

    @staticmethod
    def of(enclosure: MarginEnclosure, m: int, joint: bool) -> LogitBounds:
        parts, _ = enclosure.centred(m)
        direct, token = parts["UU"].upper[: m + 1], parts["EVOU"].upper[: m + 1]
        place = parts["PVOU"].upper
        others = np.array([x for x in range(enclosure.d_vocab) if x != m], dtype=np.int64)
        free = place[:-1] if joint and len(place) > 1 else place
        worst = free.max(axis=0)
        raised = token + worst
        on_maximum = (direct + raised[m])[:, others]
        on_query = (direct + token + (place[-1] if joint else worst))[:, others]
        straight, most = _largest(direct[:, others]), _largest(raised[:, others])
        if not joint:
            return LogitBounds(
                on_maximum, on_query, straight + most[m], straight + most, straight[:, None] + most[None, :m]
            )
        k = np.arange(m, dtype=np.int64)
        rest = np.where(np.arange(enclosure.d_vocab, dtype=np.int64) == k[:, None], NOTHING, raised[:m])
        itself = direct[:, :m] + raised[k, k]
        other = np.maximum(itself, straight[:, None] + _largest(rest[:, others])[None, :])
        return LogitBounds(on_maximum, on_query, _largest(on_maximum), _largest(on_query), other)

    def below(self, steps: int) -> LogitBounds:
        """The same for logit differences minus a number; rounded up to twice the unit, so that sums still fit."""
        parts = (getattr(self, part.name) for part in fields(self))
        return LogitBounds(*(-(-(part - steps) >> 1) for part in parts))

    @property
    def magnitude(self) -> int:
        """No bound is larger in size."""
        parts = [getattr(self, part.name) for part in fields(self)]
        return max(IntervalTable(part, part).magnitude() for part in parts)


def _largest(values: np.ndarray) -> np.ndarray:
    return values.max(axis=1, initial=NOTHING)


class Attention:
    """One query's attention weights.

    ``held`` encloses S and ``left`` T - S, both 2 × K: the n smallest and the n largest b_p, by c = K-1-n.
    """

    def __init__(self, enclosure: MarginEnclosure, q: int) -> None:
        scores, last = enclosure.paths.tables["EQKP"].numerators, enclosure.n_ctx - 1
        self.free = last
        self.tokens, places = (table[q] for table in enclosure.exponentials)
        order = np.array(sorted(range(last), key=lambda p: scores[q, p]), dtype=np.int64)
        b = ScaledTable(places.mantissa[order], places.exponent[order])
        # T, a sum of K-1 of them, has as many bits as one mantissa
        coarsest = max(b.exponent.tolist(), default=int(places.exponent[last]))
        self.exponent = coarsest + max(last - 1, 0).bit_length()
        ends = at_scale(b, self.exponent)
        low, high = (np.concatenate([[0], np.cumsum(end)]) for end in (ends.lower, ends.upper))
        n = last - np.arange(last + 1, dtype=np.int64)
        least, most = IntervalTable(low[n], high[n]), IntervalTable(low[-1] - low[last - n], high[-1] - high[last - n])
        self.held = _stacked(least, most)
        self.left = _stacked(
            IntervalTable(low[-1] - low[n], high[-1] - high[n]), IntervalTable(low[last - n], high[last - n])
        )
        self.own = times_nonnegative(self.tokens.mantissa[q], places.mantissa[last])
        self.own_exponent = self.tokens.exponent[q] + places.exponent[last]

    def sets(self, q: int, m: int, bounds: LogitBounds) -> dict[tuple[int, int, int], int]:
        """The sets of the cell that the bounds show right."""
        good = self.good_tokens(q, m, bounds)
        found = {(q, m, 0): ALONE} if self.right_alone(q, m, bounds) else {}
        for c in range(1, self.free + (q == m)):
            if tokens := token_bits(good[:, c]):
                found[q, m, c] = tokens
        return found

    def good_tokens(self, q: int, m: int, bounds: LogitBounds) -> np.ndarray:
        """Which k < m satisfy (*), by k and c."""
        mantissa, exponent = self.tokens.mantissa, self.tokens.exponent + self.exponent
        unit = np.maximum(np.maximum(exponent[:m], exponent[m]), self.own_exponent)[:, None, None]
        on_maximum = _weights(times_nonnegative(mantissa[m], self.held), exponent[m] - unit)
        on_query = _weights(self.own, self.own_exponent - unit)
        on_other = _weights(times_nonnegative(mantissa[:m, None, None], self.left), exponent[:m, None, None] - unit)
        negative = _negative(
            _times(on_maximum, bounds.maximum[q]),
            _times(on_query, bounds.query[q]),
            _times(on_other, bounds.other[q][:, None, None]),
        )
        return np.asarray(negative.all(axis=1))

    def right_alone(self, q: int, m: int, bounds: LogitBounds) -> bool:
        """Whether the sequence with m at every free position is shown right."""
        exponent = self.tokens.exponent[m] + self.exponent
        unit = max(exponent, self.own_exponent)
        everywhere = times_nonnegative(self.tokens.mantissa[m], self.held[0, 0])
        negative = _negative(
            _times(_weights(everywhere, exponent - unit), bounds.on_maximum[q]),
            _times(_weights(self.own, self.own_exponent - unit), bounds.on_query[q]),
        )
        return bool(negative.all())


def _stacked(a: IntervalTable, b: IntervalTable) -> IntervalTable:
    return IntervalTable(np.stack([a.lower, b.lower]), np.stack([a.upper, b.upper]))


def _weights(product: IntervalTable, exponent: np.ndarray) -> IntervalTable:
    """Products of two mantissas, with exponents of at most 0, as weights of WEIGHT_BITS bits."""
    return at_scale(ScaledTable(product, exponent), 2 * MANTISSA_BITS - WEIGHT_BITS)


def _times(weight: IntervalTable, bound: np.ndarray) -> IntervalTable:
    return times_nonnegative(weight, IntervalTable(bound, bound))


def _negative(*terms: IntervalTable) -> np.ndarray:
    """Where the sum of the terms is certainly negative."""
    if sum(term.magnitude() for term in terms) >= LIMIT:
        raise MagnitudeError("a sum of margins over the positions", "63 bits")
    return sum(term.upper for term in terms) < 0  # type: ignore[return-value]
