"""The worst attention-weighted value of a cell, output by output, from scores known up to noise.

Fix a query q, a maximum m >= q and c free positions that hold tokens below m while the others hold m, and an output
x != m.  The logit difference is a ratio Σ_p w_p λ_p / Σ_p w_p of weights w = exp(score) > 0.

Theorem.  By :data:`RATIO` it is negative on all choices of independent tokens if and only if Σ_p max w_p λ_p < 0: the
worst ratio is found by its sign, without division.  When the weights are only known to lie in boxes, by
:data:`VERTEX` the worst ratio stands at one of K vertices: the largest weights from some value on, the least
below; for the sign that value is 0.  So let E[q,k]·[exp(-d_q/sqrt(h)), exp(d_q/sqrt(h))], E = exp(A/sqrt(h)), enclose
what the tokens k weigh in the gauge in which m weighs E[q,m] (a split of EQKE says so).  If for both ends S of what
the copies of m may weigh by position (T the sum of the free positions' weights), and every x

    E[q,m] S λ_m(x) + max_Q Q λ_q(x) + max_B B (T - S) λ_k(x) < 0                                                (*)

with Q and B at the ends of the query's and of k's box, for every k of a set N, then the network is right on all
C(K-1,c)·|N|^c sequences whose c tokens below m are in N.  The output x is the same in all three terms; the cubic
proof (:mod:`.cubic_cells`) takes each at its own worst output.

Proof.  :data:`MIXTURE` for each x makes all c tokens one token k of N, :data:`TWO_ENDS` puts the copies of m at the
least or at the largest weights, and (*) is the sum at the vertex.

Source: Vertex-Softmax, arXiv 2605.10974.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.interval import (
    LIMIT,
    IntervalTable,
    ScaledTable,
    at_scale,
    largest_product,
    scaled_table,
    times_nonnegative,
)
from ...engine.cost import Cost
from ...engine.errors import MagnitudeError
from ...engine.formula import At, ForAll, Max, Members, Num, Range, Sequences, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import AdditiveMargin
from .cell_sets import ALONE, CellSets, token_bits
from .cubic_cells import MIXTURE, TWO_ENDS, Attention
from .margin_enclosure import EXP_PRECISION, MANTISSA_BITS, WEIGHT_BITS, MarginEnclosure
from .notions import MIXED, SPLIT_TABLE
from .parts import cells
from .path_decomposition import TABLE_COSTS, K, Paths, V, exp_of_score
from .right_count import RightCount
from .row_split import RowSplit

_p, _t, _a, _i, _g = Var("p"), Var("t"), Var("a"), Var("i"), Var("\\gamma")
_positions = Range(Num(0), Var("K"))
_token = At("t", _p, subscript=True)

RATIO = Lemma(
    label="worst-ratio",
    title="The worst ratio, by its sign",
    given=(
        "For all finite non-empty sets $T_0, \\dots, T_{K-1}$ ($K \\ge 1$), weights $w(p, t) > 0$, values $v(p, t)$ "
        "and every $\\gamma$:"
    ),
    statement=ForAll(
        _t,
        Sequences("T", Var("K")),
        Total(_p, _positions, At("w", _p, _token) * At("v", _p, _token)).over(
            Total(_p, _positions, At("w", _p, _token))
        )
        <= _g,
    ).iff(
        Total(
            _p,
            _positions,
            Max(_a, Members(At("T", _p, subscript=True)), At("w", _p, _a) * (At("v", _p, _a) - _g)),
        )
        <= Num(0)
    ),
    proof=(
        "The denominator is positive, so a ratio is at most $\\gamma$ if and only if $\\sum_p w(p,t_p)\\,(v(p,t_p) - "
        "\\gamma) \\le 0$. The terms are chosen independently, so the largest such sum is the sum of the largest terms."
    ),
    source="Dinkelbach 1967 (a quotient against a bound)",
)

_n, _cut = Var("n"), Var("s")
_items = Range(Num(0), _n)
_l, _u, _w, _c = (At(name, _i, subscript=True) for name in ("l", "u", "w", "v"))


def _split(of: Any) -> Any:
    """The sum with the least weights below the cut and the largest from it on."""
    return Total(_i, Range(Num(0), _cut), of(_l)) + Total(_i, Range(_cut, _n), of(_u))


VERTEX = Lemma(
    label="vertex-softmax",
    title="A weighted mean over a box of weights is largest at one of few vertices",
    given="For all $v_0 \\le \\dots \\le v_{n-1}$ ($n \\ge 1$), $0 < l_i \\le u_i$ and all $w_i$:",
    statement=ForAll(_i, _items, (_l <= _w) & (_w <= _u)).implies(
        Total(_i, _items, _w * _c).over(Total(_i, _items, _w))
        <= Max(_cut, _items, _split(lambda weight: weight * _c).over(_split(lambda weight: weight)))
    ),
    proof=(
        "Let $\\gamma$ be the mean with the weights $w$, so $\\sum_i w_i (v_i - \\gamma) = 0$. Put $l_i$ where $v_i < "
        "\\gamma$ and $u_i$ elsewhere: no term falls, so the sum is now at least 0 and the mean at least $\\gamma$. As "
        "the $v_i$ are in order, these weights are those of one cut $s$, and $s < n$, since the largest $v_i$ is not "
        "below a mean. Each such vertex belongs to the box, so the bound is exact. All these means are negative if and "
        "only if the one cut at $v_i \\ge 0$ is, or every $v_i$ is negative."
    ),
    source="arXiv 2605.10974",
)


class SplitEnclosure(MarginEnclosure):
    """Enclosures with the split's table in place of EQKE, and the ends of what it leaves open."""

    def __init__(self, paths: Paths, split: RowSplit) -> None:
        super().__init__(paths)
        self.split = split

    @cached_property
    def exponentials(self) -> tuple[ScaledTable, ScaledTable]:
        """exp(A/sqrt(h)) by query and token, exp(EQKP/sqrt(h)) by query and position."""
        return self._exp(self.split.approximation), self._exp(self.paths.tables["EQKP"])

    @cached_property
    def ends(self) -> tuple[ScaledTable, ScaledTable]:
        """exp((A - d)/sqrt(h)) and exp((A + d)/sqrt(h))."""
        noise = self.split.bounds @ DyadicMatrix.ones(1, self.d_vocab)
        return self._exp(self.split.approximation - noise), self._exp(self.split.approximation + noise)

    def _exp(self, table: DyadicMatrix) -> ScaledTable:
        with precision(EXP_PRECISION):
            scale = Ball.dyadic(1, table.exponent).over(Ball.sqrt(self._root))
            return scaled_table(
                [[exp_of_score(Ball.dyadic(n, 0) * scale) for n in row] for row in table.integers()], MANTISSA_BITS
            )


class VertexCells(Rule):
    """From a split of EQKE and the margin; no advice.  Nothing is shown wrong."""

    name = "vertex_cells"
    premises = (RowSplit, AdditiveMargin)
    lemmas = (RATIO, VERTEX, MIXTURE, TWO_ENDS)
    notions = (
        MIXED,
        SPLIT_TABLE,
    )
    derivation = (
        "Fix $(q, m)$, the number $n$ of free positions that hold tokens below $m$, and an output $x \\ne m$. Write "
        "$\\lambda_t = "
        "\\max_p (\\lambda_q(p,t,x) - \\lambda_q(p,t,m))$ over the free positions, $\\lambda$ for the same of the "
        "query at the last "
        "position, and $b_p = \\exp(\\mathrm{EQKP}[q,p]/\\sqrt{d_h})$; with the split $\\widehat{\\mathrm{EQKE}}$, "
        "$\\nu_{\\mathrm{EQKE}}$ of EQKE let $A = "
        "\\exp(\\widehat{\\mathrm{EQKE}}[q,m]"
        "/\\sqrt{d_h})$, and let $B_k$ and $Q$ lie between $e^{-\\nu/\\sqrt{d_h}}$ and $e^{\\nu/\\sqrt{d_h}}$ times "
        "$\\exp("
        "\\widehat{\\mathrm{EQKE}}[q,k]/\\sqrt{d_h})$ and the same of the query with its position, $\\nu = "
        "\\nu_{\\mathrm{EQKE}}(q)$. Let $S$ be "
        "the sum of $b_p$ over the copies of $m$, $R$ over the $n$ others. By [@worst-ratio] with $\\gamma = 0$ the "
        "logit gap to $x$ "
        "is negative where the sum of margins is; by [@vertex-softmax] that sum is largest with each weight at the "
        "end that "
        "the sign of its value tells. Let $N$ be the set of tokens $k < m$ with $$A S \\lambda_m + \\max_Q Q \\lambda "
        "+ \\max_{B_k} B_k R "
        "\\lambda_k < 0$$ for every $x \\ne m$, both for $S$ the sum of the least and of the largest $b_p$. By "
        "[@mixture] and "
        "[@two-ends] all sequences of the set $(q, m, n, N)$ are right. For $n = 0$ the third term is absent."
    )
    cost = sum((TABLE_COSTS[name] for name in ("UU", "EVOU", "PVOU", "EQKP")), Cost()) + Cost(
        exp=3 * V**2 + V * K, multiply=2 * V**4 * K, add=2 * V**4 * K, compare=V**4 * K / 2
    )

    def conclude(self, premises: Sequence[Any], advice: Any) -> RightCount:
        split, margin = premises
        statement = margin.paths.statement
        require_scores(self, split, margin)
        layer, enclosure = one_layer_of(statement), SplitEnclosure(margin.paths, split)
        queries = [_Query(enclosure, q) for q in range(layer.d_vocab)]
        found: dict[tuple[int, int, int], int] = {}
        for m in range(layer.d_vocab):
            values = _Values.of(enclosure, m)
            for q in range(m + 1):
                if layer.cell_size(q, m):
                    found |= queries[q].sets(m, values)
        sets = CellSets(margin.paths, found)
        right = sets.counts()
        return RightCount(cells(statement), right, dict.fromkeys(right, 0), sets)


def require_scores(rule: Rule, split: RowSplit, margin: AdditiveMargin) -> None:
    """Raise NotEstablished unless the split is a whole table for EQKE of the margin's network, one bound a row."""
    statement = margin.paths.statement
    size = one_layer_of(statement).d_vocab
    if split.statement.sha256 != statement.sha256 or split.name != "EQKE":
        raise NotEstablished(rule.tag, "the split is not of EQKE of the same network")
    if split.approximation.shape != (size, size) or split.bounds.shape != (size, 1):
        raise NotEstablished(rule.tag, "the split of EQKE must have a whole table and one bound a row")


@dataclass(frozen=True, eq=False)
class _Values:
    """Logit differences of one m over x != m, rounded up: at m and at the query by q, at k < m as direct + other."""

    maximum: np.ndarray
    query: np.ndarray
    direct: np.ndarray
    other: np.ndarray

    @staticmethod
    def of(enclosure: MarginEnclosure, m: int) -> _Values:
        parts, _ = enclosure.centred(m)
        keep = np.array([x for x in range(enclosure.d_vocab) if x != m], dtype=np.int64)
        direct, token, place = (parts[name].upper[:, keep] for name in ("UU", "EVOU", "PVOU"))
        direct = direct[: m + 1]
        free = place[:-1] if len(place) > 1 else place
        raised = token[: m + 1] + free.max(axis=0)
        values = _Values(direct + raised[m], direct + token[: m + 1] + place[-1], direct, raised[:m])
        largest = sum(max(abs(int(part.min(initial=0))), int(part.max(initial=0))) for part in (direct, raised, place))
        # three weights of WEIGHT_BITS bits, rounded up, times a value and its two parts
        if 3 * ((1 << WEIGHT_BITS) + 1) * 2 * largest >= LIMIT:
            raise MagnitudeError("a sum of margins over the positions", "63 bits")
        return values


class _Query:
    """One query's weights."""

    def __init__(self, enclosure: SplitEnclosure, q: int) -> None:
        self.q = q
        self._attention = Attention(enclosure, q)
        self._low, self._high = (table[q] for table in enclosure.ends)
        place = enclosure.exponentials[1][q]
        self._place = ScaledTable(place.mantissa[-1], place.exponent[-1])

    def sets(self, m: int, values: _Values) -> dict[tuple[int, int, int], int]:
        """The sets of the cell that are shown right."""
        attention, top, q = self._attention, self.q == m, self.q
        free = attention.held.lower.shape[1] - 1
        most = free if top else free - 1
        token = ScaledTable(attention.tokens.mantissa[m], attention.tokens.exponent[m])
        low, high = (token, token) if top else (_entry(self._low, q), _entry(self._high, q))
        own = [
            ScaledTable(times_nonnegative(end.mantissa, self._place.mantissa), end.exponent + self._place.exponent)
            for end in (low, high)
        ]
        shift = token.exponent + attention.exponent
        alone = np.maximum(own[1].exponent, shift)
        everywhere = ScaledTable(times_nonnegative(token.mantissa, attention.held[0, 0]), shift - alone)
        total = largest_product(_scaled(everywhere, everywhere), values.maximum[q])
        total = total + largest_product(_scaled(*(_at(end, alone) for end in own)), values.query[q])
        found = {(q, m, 0): ALONE} if (total < 0).all() else {}
        if m == 0 or most < 1:
            return found
        rest = self._high.exponent[:m] + attention.exponent
        unit = np.maximum(np.maximum(rest, shift), own[1].exponent)[:, None, None, None]
        inner = (slice(None), slice(1, most + 1))
        copies = ScaledTable(times_nonnegative(token.mantissa, attention.held[inner])[None, :, :, None], shift - unit)
        left = attention.left[inner][None, :, :, None]
        others = [
            ScaledTable(
                times_nonnegative(end.mantissa[:m][:, None, None, None], left),
                end.exponent[:m][:, None, None, None] + attention.exponent - unit,
            )
            for end in (self._low, self._high)
        ]
        total = largest_product(_scaled(copies, copies), values.maximum[q])
        total = total + largest_product(_scaled(*(_at(end, unit) for end in own)), values.query[q])
        total = total + largest_product(_scaled(*others), (values.direct[q] + values.other)[:, None, None, :])
        good = np.asarray((total < 0).all(axis=(1, 3)))
        return found | {(q, m, c): tokens for c in range(1, most + 1) if (tokens := token_bits(good[:, c - 1]))}


def _entry(row: ScaledTable, index: int) -> ScaledTable:
    return ScaledTable(row.mantissa[index], row.exponent[index])


def _at(weight: ScaledTable, unit: np.ndarray) -> ScaledTable:
    return ScaledTable(weight.mantissa, weight.exponent - unit)


def _scaled(low: ScaledTable, high: ScaledTable) -> IntervalTable:
    """Products of two mantissas, exponents at most 0, from the lower end of one to the upper end of the other."""
    scale = 2 * MANTISSA_BITS - WEIGHT_BITS
    return IntervalTable(at_scale(low, scale).lower, at_scale(high, scale).upper)
