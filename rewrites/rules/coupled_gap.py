"""Logit gaps in which the token with the best score need not be the one with the worst values.

Fix a cell (q, m, c) with reach j, and b_x, r_x, g as in :mod:`.logit_gap`, which bounds what the other tokens k <= j
add by their largest score *and*, independently, by their largest value w.  Here both belong to the same token, by a
Lagrange multiplier γ.

Theorem.  Let the tokens k <= j weigh e_k in [x, y] in the gauge in which m weighs e_m, v_k = max_{x != m} (A[k,x] -
A[k,m]) + d[k] from EVOU's split, and S, Q, R what the copies of m, the query (if q < m, else 0) and the other
positions weigh, R without its e_k.  The gap to x is negative on all sequences within the reach if, for both ends of S,

    S (z + r_x) + Q (z + v_q) + R (C + max((z - γ) x, (z - γ) y)) < 0,     z = b_x + g,  C = max_{k<=j} e_k (v_k + γ),

for any γ.  As S/(S + Q + R e) is between 0 and 1, the outputs x may be replaced by N lines above f(α) = max_x (b_x + α
r_x): one line's b and r for those of x.  And C may be bounded block of tokens by block: the largest e_k times the
largest v_k + γ of each, in place of every k by itself.

Proof.  e_k (z + v_k) = e_k (v_k + γ) + e_k (z - γ); the first is at most C, the second is affine in e_k.  The sum is
affine in Q and in S, so it is largest at their ends.  Divided by its weights it is z + α r_x plus what does not depend
on x, hence at most f(α) plus that, and f lies below its chords.

With γ = -w the bound is at most that of :mod:`.logit_gap`; the cost is that of one product a token (or block) and
cell.

Source: Lagrange duality; Vertex-Softmax, arXiv 2605.10974.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ...engine.arithmetic.interval import IntervalTable, ScaledTable, at_scale, largest_product
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Max, Num, Range, Sequences, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from .additive_margin import AdditiveMargin
from .attention_range import AttentionRange
from .cubic_cells import TWO_ENDS, Attention
from .logit_gap import LogitGap, LogitTables, against_target, require_splits
from .margin_enclosure import MANTISSA_BITS
from .notions import LOGIT_GAP, SCORE_GAPS
from .path_decomposition import TABLE_COSTS, K, V
from .row_split import SPLIT, RowSplit
from .vertex_cells import SplitEnclosure

# Weights of tokens and of positions have this many bits; products of two are brought back to as many.
BITS = 28
# The number of lines above f.
LINES = 16
# Multipliers are below this, in units of the logits' grid.
MULTIPLIER_LIMIT = 1 << 26

_p, _t, _k, _i, _g, _z = Var("p"), Var("t"), Var("k"), Var("i"), Var("\\gamma"), Var("z")
_tokens, _places, _two = Range(Num(0), Var("n")), Range(Num(0), Var("c")), Range(Num(0), Num(2))
_token = At("t", _p, subscript=True)
_weight, _value = At("e", _k), At("v", _k)
_end = Var("x") + _i * (Var("y") - Var("x"))
_box = (Var("x") <= _weight) & (_weight <= Var("y"))

COUPLED = Lemma(
    label="coupled-tokens",
    title="One token for the score and for the value",
    given=(
        "For all weights $e(k)$ and values $v(k)$ of $n \\ge 1$ tokens, all $b_p \\ge 0$, $x$, $y$, $z$ and every "
        "multiplier $\\gamma$, with every $T_p = \\{0, \\dots, n-1\\}$:"
    ),
    statement=ForAll(_k, _tokens, _box).implies(
        ForAll(
            _t,
            Sequences("T", Var("c")),
            Total(_p, _places, At("b", _p, subscript=True) * At("e", _token) * (_z + At("v", _token)))
            <= Total(_p, _places, At("b", _p, subscript=True))
            * (Max(_k, _tokens, _weight * (_value + _g)) + Max(_i, _two, _end * (_z - _g))),
        )
    ),
    proof=(
        "$e(k)\\,(z + v(k)) = e(k)\\,(v(k) + \\gamma) + e(k)\\,(z - \\gamma)$. The first term is at most its largest "
        "value over $k$. The second is affine in $e(k)$, so on $[x, y]$ it is at most its larger end value. Multiply "
        "by $b_p \\ge 0$ and add up."
    ),
    source="Lagrange duality",
)

BLOCK = Lemma(
    label="coupled-block",
    title="A block of tokens by its extremes",
    given="For all weights $e(k) \\ge 0$ and values $v(k)$ of $n \\ge 1$ tokens, all $x$, $y$, $w$ and $\\gamma$:",
    statement=ForAll(_k, _tokens, _box & (_value <= Var("w"))).implies(
        Max(_k, _tokens, _weight * (_value + _g)) <= Max(_i, _two, _end * (Var("w") + _g))
    ),
    proof=(
        "$e(k)\\,(v(k) + \\gamma) \\le e(k)\\,(w + \\gamma)$ as $e(k) \\ge 0$, and this is affine in $e(k)$, hence at "
        "most its larger value at the ends of $[x, y]$."
    ),
    source="interval arithmetic",
)

_a, _N, _x = Var("\\alpha"), Var("N"), Var("a")


def _f(at: Any) -> Any:
    return Max(_x, Range(Num(0), Var("V")), At("b", _x, subscript=True) + at * At("r", _x, subscript=True))


_here, _next = _f(_i.over(_N)), _f((_i + Num(1)).over(_N))

LINE = Lemma(
    label="gap-lines",
    title="A few lines above many",
    given="For all $b_a$, $r_a$ over $V \\ge 1$ outputs, all natural $N \\ge 1$ and all $\\alpha$:",
    statement=((Num(0) <= _a) & (_a <= Num(1))).implies(
        _f(_a) <= Max(_i, Range(Num(0), _N), _here + (_N * _a - _i) * (_next - _here))
    ),
    proof=(
        "$\\alpha$ lies between $i/N$ and $(i+1)/N$ for some $i$. The left side is convex in $\\alpha$, as a maximum "
        "of affine functions, so there it lies below the chord between these two points, which is line $i$ on the "
        "right."
    ),
    source="convexity",
)


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Advice: γ by (m, c) in units of 2^exponent, that of the logits' grid (V × K int64), and the number of blocks of
    tokens (1 to V)."""

    table: np.ndarray
    blocks: int
    exponent: int


class CoupledGap(Rule):
    """From attention ranges (their cells and split), a split of UU into one common row and noise, and one of EVOU.

    Advice: :class:`Multipliers`; any are sound.
    """

    name = "coupled_gap"
    premises = (AttentionRange, RowSplit, RowSplit, AdditiveMargin)
    lemmas = (SPLIT, COUPLED, BLOCK, LINE, TWO_ENDS)
    notions = (SCORE_GAPS, LOGIT_GAP)
    derivation = (
        "Scores come from the split of EQKE, rows of EVOU from its own, by [@row-split]. Put $f_i = f(i/16)$ "
        "for $0 \\le i \\le 16$. By [@gap-lines] the largest $b_x + \\alpha r_x$ lies, for $0 \\le \\alpha "
        "\\le 1$, below the largest of the 16 lines $\\beta_i + \\alpha \\rho_i$ with $\\rho_i = "
        "16\\,(f_{i+1} - f_i)$ and $\\beta_i = f_i - i\\,(f_{i+1} - f_i)$, $0 \\le i < 16$. A token $k$ "
        "weighs $e_k$, between $\\exp((\\widehat{\\mathrm{EQKE}}[q,k] \\mp "
        "\\nu_{\\mathrm{EQKE}}(q))/\\sqrt{d_h})$, and $m$ weighs $e_m = "
        "\\exp(\\widehat{\\mathrm{EQKE}}[q,m]/\\sqrt{d_h})$; let $y_0 \\le e_k \\le y_1$ for all $k \\le j$, "
        "and $v_k = \\max_{x \\ne m} (\\widehat{\\mathrm{EVOU}}[k,x] - \\widehat{\\mathrm{EVOU}}[k,m]) + "
        "\\nu_{\\mathrm{EVOU}}(k)$. With $b_p = \\exp(\\mathrm{EQKP}[q,p]/\\sqrt{d_h})$, the copies of $m$ "
        "weigh $S$, $e_m$ times the sum of their $b_p$; the query weighs $Q = e_q b_{K-1}$ when $q < m$, else "
        "0; and $R$ is the sum of $b_p$ over the other positions. By [@coupled-tokens], for any multiplier "
        "$\\gamma$, which the proof chooses for each $(m, c)$, all sequences within the reach are right when "
        "$$S\\,(z + \\rho_i) + Q\\,(z + v_q) + R\\,\\Bigl(\\max_{k \\le j} e_k (v_k + \\gamma) + "
        "\\max\\bigl((z - \\gamma)\\,y_0, (z - \\gamma)\\,y_1\\bigr)\\Bigr) < 0, \\qquad z = \\beta_i + g,$$ "
        "for every line $i$, every $e_k$ and $Q$ at an end of its range, and, by [@two-ends], $S$ with the "
        "least and with the largest positional weights. The maximum over $k$ may be taken in blocks, by "
        "[@coupled-block]. The one sequence of $(m, m, 0)$ is right when $g + b_x + r_x < 0$ for every $x "
        "\\ne m$."
    )
    cost = TABLE_COSTS["EQKP"] + TABLE_COSTS["PVOU"] + Cost(exp=3 * V**2 + V * K)

    def conclude(self, premises: Sequence[Any], advice: Multipliers) -> LogitGap:
        attention, direct, tokens, margin = premises
        paths, reach = margin.paths, attention.reach.table
        require_splits(self, [attention.paths, paths], direct, tokens)
        self._check(advice, reach.shape)
        bounds = Bounds(margin, attention.split, direct, tokens)
        if advice.exponent != bounds.tables.exponent:
            grid = f"in units of 2^{bounds.tables.exponent}"
            raise NotEstablished(self.tag, f"the multipliers are in units of 2^{advice.exponent}, the logits {grid}")
        certified = np.zeros(reach.shape, dtype=np.bool_)
        for m in range(reach.shape[1]):
            certified[m, m, 0] = bounds.tables.single(m)
            q, c = np.nonzero(reach[:, m, :] >= 0)
            if q.size:
                cells = bounds.cells(m, advice.blocks)
                certified[q, m, c] = cells.negative(q, c, reach[q, m, c], advice.table[m, c])
        return LogitGap(attention, certified)

    def charge(self, premises: Sequence[Any], advice: Multipliers) -> Cost:
        blocks = V if advice.blocks == len(premises[0].reach.table) else advice.blocks
        coupled = blocks * V**2 * K
        per_cell = Cost(multiply=8 * LINES * V**2 * K, add=8 * LINES * V**2 * K, compare=2 * LINES * V**2 * K)
        return self.cost + per_cell + Cost(multiply=coupled, add=coupled / 2, compare=2 * V**2 + coupled)

    def _check(self, advice: Multipliers, shape: tuple[int, ...]) -> None:
        table = advice.table
        fits = table.shape == shape[1:] and table.dtype == np.int64
        if not fits or (table <= -MULTIPLIER_LIMIT).any() or (table >= MULTIPLIER_LIMIT).any():
            raise NotEstablished(self.tag, "the multipliers are not one number of 26 bits for every (m, c)")
        if not 1 <= advice.blocks <= shape[0]:
            raise NotEstablished(self.tag, f"there are {shape[0]} tokens, not enough for {advice.blocks} blocks")


@dataclass(frozen=True, eq=False)
class _Values:
    """What the gaps of one m are made of, rounded up, in units of the logits' grid over LINES."""

    start: np.ndarray
    slope: np.ndarray
    others: np.ndarray
    noise: np.ndarray

    @staticmethod
    def of(tables: LogitTables, m: int) -> _Values:
        outputs = np.array([x for x in range(tables.positions.lower.shape[1]) if x != m], dtype=np.int64)
        base, own = tables.base(m)[outputs], tables.own(m).upper[outputs]
        at = [int((base * LINES + i * own).max()) for i in range(LINES + 1)]
        rise = [after - before for before, after in pairwise(at)]
        start = [value - i * step for i, (value, step) in enumerate(zip(at[:-1], rise, strict=True))]
        others = against_target(tables.tokens[:m], m).upper[:, outputs].max(axis=1) + tables.token_noise[:m]
        return _Values(
            np.array(start, dtype=np.int64),
            LINES * np.array(rise, dtype=np.int64),
            LINES * others,
            LINES * tables.noise[:, m],
        )


class Bounds:
    """What all cells share: the logits' tables, and positional weights of every query.

    The latter are of the copies (held) and of the others (left), by the number of the others at free positions, for
    both ends of the copies; and of the query's own position (last).
    """

    def __init__(self, margin: AdditiveMargin, scores: RowSplit, direct: RowSplit, tokens: RowSplit) -> None:
        self.enclosure = enclosure = SplitEnclosure(margin.paths, scores)
        self.tables = LogitTables(margin.paths, direct, tokens)
        held, left, last = [], [], []
        for q in range(enclosure.d_vocab):
            attention, place = Attention(enclosure, q), enclosure.exponentials[1][q]
            unit = max(attention.exponent, int(place.exponent[-1]))
            held.append(_narrow(attention.held, np.array(attention.exponent - unit, dtype=np.int64)))
            left.append(_narrow(attention.left, np.array(attention.exponent - unit, dtype=np.int64)))
            last.append(_narrow(place.mantissa[-1], place.exponent[-1] - unit))
        self.held, self.left, self.last = _stacked(held), _stacked(left), _stacked(last)

    def cells(self, m: int, blocks: int) -> Cells:
        """The cells of one maximum m >= 1."""
        plain, (low, high) = self.enclosure.exponentials[0], self.enclosure.ends
        rows = slice(0, m + 1)
        unit = np.maximum(plain.exponent[rows, m], high.exponent[rows, :m].max(axis=1))
        maximum = _narrow(plain.mantissa[rows, m], plain.exponent[rows, m] - unit)
        least = _narrow(low.mantissa[rows, :m], low.exponent[rows, :m] - unit[:, None]).lower
        most = _narrow(high.mantissa[rows, :m], high.exponent[rows, :m] - unit[:, None]).upper
        return Cells(self, m, blocks, maximum, IntervalTable(least, most), _Values.of(self.tables, m))


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one maximum: what m and the tokens k < m weigh by query q <= m, and what they are worth."""

    weights: Bounds
    m: int
    blocks: int
    maximum: IntervalTable
    tokens: IntervalTable
    values: _Values

    def negative(self, q: np.ndarray, c: np.ndarray, j: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        """For every cell (q, c) with this reach j and multiplier whether its gap is certainly negative.

        No sum leaves 63 bits: weights have BITS bits, values at most 33 and the rest's at most 34.
        """
        values, top, gauge = self.values, q == self.m, LINES * multiplier
        others = c - ~top
        own = _product(self.maximum[q], self.weights.last[q])
        copies = _product(self.maximum[q][:, None], self.weights.held[q, :, others])
        added = np.where(top, own.lower, 0), np.where(top, own.upper, 0)
        copies = IntervalTable(copies.lower + added[0][:, None], copies.upper + added[1][:, None])
        k = np.minimum(q, self.m - 1)
        query = _product(self.tokens[q, k], self.weights.last[q])
        query = IntervalTable(np.where(top, 0, query.lower), np.where(top, 0, query.upper))
        z = values.start[None, :] + values.noise[q][:, None]
        straight = largest_product(self._box[q, j][:, None], z - gauge[:, None])
        rest = -(-(straight + self._coupled(q, j, gauge)[:, None]) >> BITS)
        total = (
            largest_product(copies[:, :, None], (z + values.slope)[:, None, :])
            + largest_product(query[:, None, None], (z + values.others[k][:, None])[:, None, :])
            + largest_product(self.weights.left[q, :, others][:, :, None], rest[:, None, :])
        )
        return np.asarray((total < 0).all(axis=(1, 2)))

    @cached_property
    def _box(self) -> IntervalTable:
        """Extremes of the weights of the tokens 0 … k, by query and k."""
        least, most = self.tokens.lower, self.tokens.upper
        return IntervalTable(np.minimum.accumulate(least, axis=1), np.maximum.accumulate(most, axis=1))

    @cached_property
    def _block(self) -> tuple[IntervalTable, np.ndarray, np.ndarray]:
        """The same from the first token of k's block on, the largest values there, and where blocks end."""
        block = np.arange(self.m, dtype=np.int64) * self.blocks // self.weights.enclosure.d_vocab
        least, most, worst = self.tokens.lower.copy(), self.tokens.upper.copy(), self.values.others.copy()
        for k in np.flatnonzero(block[1:] == block[:-1]).tolist():
            least[:, k + 1] = np.minimum(least[:, k + 1], least[:, k])
            most[:, k + 1] = np.maximum(most[:, k + 1], most[:, k])
            worst[k + 1] = max(worst[k + 1], worst[k])
        ends = np.concatenate([block[:-1] < block[1:], np.ones(1, dtype=np.bool_)])
        return IntervalTable(least, most), worst, ends

    def _coupled(self, q: np.ndarray, j: np.ndarray, gauge: np.ndarray) -> np.ndarray:
        """C of every cell, times 2^BITS."""
        box, worst, ends = self._block
        k = np.arange(self.m, dtype=np.int64)
        used = (k == j[:, None]) | (ends & (k < j[:, None]))
        return np.where(used, largest_product(box[q], worst + gauge[:, None]), -(1 << 62)).max(axis=1)


def _narrow(mantissa: IntervalTable, exponent: np.ndarray) -> IntervalTable:
    """Mantissas with exponents of at most 0 as integers of BITS bits."""
    return at_scale(ScaledTable(mantissa, exponent), MANTISSA_BITS - BITS)


def _stacked(tables: Sequence[IntervalTable]) -> IntervalTable:
    return IntervalTable(np.stack([t.lower for t in tables]), np.stack([t.upper for t in tables]))


def _product(a: IntervalTable, b: IntervalTable) -> IntervalTable:
    """Products of weights, brought back to BITS bits."""
    return IntervalTable(a.lower * b.lower >> BITS, -(-(a.upper * b.upper) >> BITS))
