"""Logit gaps in which the copies of the maximum share what positions add, not the worst for all.

Fix a cell (q, m, c) with reach j, and a_x, r_x, w, g as in :mod:`.logit_gap`, which bounds what positions add to the
gap of x by its largest P_x = max_p (PVOU[p,x] - PVOU[p,m]).  But the n copies of m have scores that differ by their
positions only: of their attention α, position p has the share b_p / Σ b over the copies, b_p = exp(EQKP[q,p]/sqrt(h)).

Theorem.  Let l_p <= u_p be bounds of these shares: u_p = b_p / (b_p + the n-1 least other b), l_p = 0; and for the
query's own position, which is always among the copies when q = m, l_p = b_p / (b_p + the n-1 largest others).  For any
λ put

    T_x = λ + Σ_p max((P_px - λ) l_p, (P_px - λ) u_p),    P_px = PVOU[p,x] - PVOU[p,m].

Then the gap to x is at most g + a_x - a_m + α (r_x + T_x) + (1-α) (w + P_x) on all sequences within the reach.

Proof.  The copies' positional part is α times a mixture of the P_px with the shares as weights: weak duality of the
fractional knapsack.  The others' part is at most (1-α) P_x.

The best λ is one of the P_px.  Here all queries q < m use the bounds of the worst of them, so a group (m, c) has one
T and the cost stays quadratic in V.  Copies at the query's position only when q = m, others there only when q < m.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.arithmetic.interval import ScaledTable
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Min, Num, Range, Total, Var
from ...engine.rule import Lemma, Rule
from .additive_margin import AdditiveMargin
from .attention_range import GRID_BITS, AttentionRange
from .logit_gap import CHORD, ENDS, ONE, OTHERS, ROOM, LogitGap, LogitTables, _chord, against_target, require_splits
from .margin_enclosure import MANTISSA_BITS
from .notions import LOGIT_GAP
from .path_decomposition import TABLE_COSTS, K, V
from .row_split import SPLIT, RowSplit

_i, _e, _offset = Var("i"), Var("e"), Var("\\lambda")
_items, _ends = Range(Num(0), Var("n")), Range(Num(0), Num(2))
_l, _u, _w, _c = (At(name, _i, subscript=True) for name in ("l", "u", "w", "C"))

KNAPSACK = Lemma(
    label="fractional-knapsack",
    title="A mixture whose weights lie in known ranges",
    given="For all $C_i$, $w_i$, $l_i$, $u_i$ ($i < n$) and every $\\lambda$:",
    statement=(ForAll(_i, _items, (_l <= _w) & (_w <= _u)) & Total(_i, _items, _w).equals(Num(1))).implies(
        Total(_i, _items, _w * _c)
        >= _offset + Total(_i, _items, Min(_e, _ends, (_l + _e * (_u - _l)) * (_c - _offset)))
    ),
    proof=(
        "The weights sum to 1, so the left side is $\\lambda + \\sum_i w_i (C_i - \\lambda)$, and each term, affine in "
        "$w_i$, is at least its smaller value at the ends of $[l_i, u_i]$. This is weak duality, with $\\lambda$ the "
        "multiplier of the sum; the best $\\lambda$ is one of the $C_i$, at which the greedy solution is cut."
    ),
    source="weak duality for the fractional knapsack",
)

_b, _s, _r, _t = Var("b"), Var("s"), Var("r"), Var("t")

SHARE = Lemma(
    label="share-of-a-sum",
    title="The share of one weight",
    given="For all $b > 0$ and $s \\ge 0$:",
    statement=((_s <= _r) & (_r <= _t)).implies(
        (_b.over(_b + _t) <= _b.over(_b + _r)) & (_b.over(_b + _r) <= _b.over(_b + _s))
    ),
    proof="All denominators are positive, and $b / (b + r)$ falls with $r$.",
    source="a quotient falls with its denominator",
)


class PositionGap(Rule):
    """From attention ranges, a split of UU into one common row and noise, one of EVOU, and the margin; no advice."""

    name = "position_gap"
    premises = (AttentionRange, RowSplit, RowSplit, AdditiveMargin)
    lemmas = (SPLIT, ENDS, CHORD, OTHERS, SHARE, KNAPSACK)
    notions = (LOGIT_GAP,)
    derivation = (
        "The attention $\\alpha$ on the maximum is shared among its copies in proportion to $b_p = "
        "\\exp(\\mathrm{EQKP}[q,p]/\\sqrt{d_h})$, as the rest of their scores is the same. By "
        "[@share-of-a-sum] position $p$ has a share of at most $u_p = b_p/(b_p + s_p)$, where $s_p$ is the "
        "least sum of the $b$ of the other copies, and of at least $l_p = b_p/(b_p + t_p)$, with $t_p$ the "
        "largest such sum, where a copy must stand, else $l_p = 0$. Put $P_x(p) = \\mathrm{PVOU}[p,x] - "
        "\\mathrm{PVOU}[p,m]$ and $P_x = \\max_p P_x(p)$ over the positions that other tokens may have. By "
        "[@fractional-knapsack], applied to the negated numbers, positions of the copies add at most $\\alpha "
        "T_x$ with $$T_x = \\min_{\\theta} \\Bigl(\\theta + \\sum_{0 \\le p < K} \\max\\bigl((P_x(p) - "
        "\\theta)\\,l_p, (P_x(p) - \\theta)\\,u_p\\bigr)\\Bigr),$$ $\\theta$ one of the $P_x(p)$. By "
        "[@gap-others] the other tokens add at most $(1 - \\alpha)(w + P_x)$; rows of EVOU and of the direct "
        "path come from their splits by [@row-split]. With $h_x = a(x) - a(m) + P_x + \\alpha\\,(r_x + T_x - "
        "P_x)$ all sequences within the reach are right when $$g + \\max_{\\alpha \\in \\{\\alpha^{-}, "
        "\\alpha^{+}\\}} \\Bigl(\\max_{x \\ne m} h_x + (1 - \\alpha) w\\Bigr) < 0,$$ since by [@gap-at-ends] "
        "the sum is largest at an end; there [@gap-chord] bounds the maximum over $x$. The one sequence of "
        "$(m, m, 0)$ is right when $g + b_x + r_x < 0$ for every $x \\ne m$."
    )
    cost = (
        TABLE_COSTS["PVOU"]
        + TABLE_COSTS["EQKP"]
        + Cost(
            exp=V * K,
            multiply=2 * V * K**2 + 4 * V**2 * K**3 + 36 * V**2 * K,
            add=V**2 * (4 * K**3 + 40 * K),
            compare=4 * V**2 * K**3 + 40 * V**2 * K + V**2 * K**2,
        )
    )

    def conclude(self, premises: Sequence[Any], advice: Any) -> LogitGap:
        attention, direct, tokens, margin = premises
        require_splits(self, [attention.paths, margin.paths], direct, tokens)
        tables, shares = LogitTables(margin.paths, direct, tokens), Shares(margin.enclosure.exponentials[1])
        reach = attention.reach.table
        certified = np.zeros(reach.shape, dtype=np.bool_)
        for m in range(len(reach)):
            certified[m, m, 0] = tables.single(m)
            for c in range(1, reach.shape[2]):
                for q in (np.arange(m), np.array([m])):
                    treated = q[reach[q, m, c] >= 0]
                    if treated.size:
                        certified[treated, m, c] = _negative(tables, shares, attention, treated, m, c)
        return LogitGap(attention, certified)


class Shares:
    """Bounds of the shares of positions in the attention on the copies of one token, in units of 2^-GRID_BITS."""

    def __init__(self, weights: ScaledTable) -> None:
        """From exp(EQKP/sqrt(h)) by query and position."""
        shift = np.minimum(weights.exponent.max(axis=1, keepdims=True) - weights.exponent, MANTISSA_BITS + 1)
        self._low, self._high = weights.mantissa.lower >> shift, -(-weights.mantissa.upper >> shift)

    def bounds(self, queries: np.ndarray, number: int, *, own: bool) -> tuple[np.ndarray, np.ndarray]:
        """l and u by position, valid for all these queries, for so many copies at free positions, and one at the
        query's own if ``own``; there is at least one."""
        low, high = self._low[queries], self._high[queries]
        free_low, free_high = low[:, :-1], high[:, :-1]
        lower, upper = np.zeros_like(low), np.zeros_like(low)
        if number:
            upper[:, :-1] = _share_up(free_high, _least_others(free_low, number - 1) + low[:, -1:] * own)
        if number == free_low.shape[1]:
            others = free_high.sum(axis=1, keepdims=True) - free_high
            lower[:, :-1] = _share_down(free_low, others + high[:, -1:] * own)
        if own:
            upper[:, -1] = _share_up(high[:, -1], np.sort(free_low, axis=1)[:, :number].sum(axis=1))
            most = np.sort(free_high, axis=1)[:, free_high.shape[1] - number :].sum(axis=1)
            lower[:, -1] = _share_down(low[:, -1], most)
        return lower.min(axis=0), upper.max(axis=0)


def _least_others(weights: np.ndarray, number: int) -> np.ndarray:
    """For each entry the sum of the so many least others of its row."""
    columns = range(weights.shape[1])
    sums = [np.sort(np.delete(weights, p, axis=1), axis=1)[:, :number].sum(axis=1) for p in columns]
    return np.stack(sums, axis=1)


def _share_up(weight: np.ndarray, others: np.ndarray) -> np.ndarray:
    return -(-(weight << GRID_BITS) // (weight + others))


def _share_down(weight: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (weight << GRID_BITS) // np.maximum(weight + others, 1)


def knapsack(values: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """T_x for values P by position and output, rounded up: the least over the λ that occur among the P_px."""
    excess = values[None, :, :] - values[:, None, :]
    weight = np.where(excess > 0, upper[None, :, None], lower[None, :, None])
    return np.asarray((values - (-(weight * excess) >> GRID_BITS).sum(axis=1)).min(axis=0))


def _negative(
    tables: LogitTables, shares: Shares, attention: AttentionRange, q: np.ndarray, m: int, c: int
) -> np.ndarray:
    """Whether the gap of the treated cells (q, m, c) is certainly negative; either every q is m, or none is."""
    own = bool(q[0] == m)
    places = np.delete(against_target(tables.positions, m).upper, m, axis=1)
    free = len(places) - 1
    mixed = knapsack(places, *shares.bounds(q, free - c if own else free - c + 1, own=own))
    worst = (places[:-1] if own else places).max(axis=0)
    base = np.delete(against_target(tables.common, m).upper[0], m) + worst
    slope = np.delete(tables.own(m).upper, m) + mixed - worst
    j = attention.reach.table[q, m, c]
    w = tables.others(m, spread=False)[j]
    bounds = []
    for ends in (attention.low, attention.high):
        alpha = ends[q, m, c]
        bounds.append(_chord(tables, base, slope, alpha) + (ONE - alpha) * w)
    return np.maximum(*bounds) + tables.noise[q, m] * ONE + ROOM < 0
