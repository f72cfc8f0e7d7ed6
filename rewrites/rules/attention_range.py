"""How much of its attention a query pays to the largest token, from gaps between scores.

Theorem.  Fix a query q and a maximum m, and let every non-maximal token k of a sequence satisfy
Δ⁻ <= EQKE[q,m] - EQKE[q,k] <= Δ⁺ (before the division by sqrt(h)).  Put b_p = exp((EQKP[q,p] - EQKP[q,K-1])/sqrt(h)),
let S be the sum of b_p over the positions that hold m, and R over the others.  Then the attention α on m satisfies

    S/(S + R exp(-Δ⁻/sqrt(h)))  <=  α  <=  S/(S + R exp(-Δ⁺/sqrt(h))).

The left side is least when the copies of m stand at the positions with the least b_p, the right side is largest when
they stand at those with the largest; the query's own position (b = 1) is fixed.

Proof.  Divide the softmax weights by exp(score) of m at b = 1: copies of m weigh b_p, others at least b_p exp(-Δ⁺/…)
and at most b_p exp(-Δ⁻/…).  S/(S + R x) falls with x >= 0, and with S + R fixed it rises with S.

Use.  A *reach* j of a cell (q, m, c) says which sequences are treated: those with query q, maximum m and exactly c
non-maximal tokens (the query counts when q < m), all of them at most j < m.  With T[q,i] - T[q,j] <= A[q,i] - A[q,j] +
d[q] from a split of EQKE, Δ⁻ = A[q,m] - max_{k<=j} A[q,k] - d and Δ⁺ = A[q,m] - min_{k<=j} A[q,k] + d.

Source: arXiv 2406.11779 (extreme attention).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.interval import IntervalTable, ScaledTable, scaled_table
from ...engine.arithmetic.printing import floor_str
from ...engine.certificate import small_table
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .notions import SCORE_GAPS
from .path_decomposition import TABLE_COSTS, K, Paths, V, exp_of_score
from .row_split import RowSplit

# Attention is on the grid of 2^-GRID_BITS; mantissas of exponentials have MANTISSA_BITS bits.
GRID_BITS = 30
MANTISSA_BITS = 30
EXP_PRECISION = 96
HUGE = 1 << 61

_p, _k = Var("p"), Var("k")
_top, _rest = Range(Num(0), Var("n")), Range(Num(0), Var("r"))
_S = Total(_p, _top, At("b", _p, subscript=True))
_actual = Total(_k, _rest, At("w", _k, subscript=True))


def _against(bound: str) -> Any:
    return Total(_k, _rest, At("e", _k, subscript=True)) * Var(bound)


RANGE = Lemma(
    label="attention-range",
    title="Attention from score gaps",
    given=(
        "For all positive $b_p$ ($p < n$, $n \\ge 1$, the weights of the copies of $m$) and $e_k$ ($k < r$, what the "
        "other positions would weigh with a copy of $m$), all $0 \\le x \\le y$, and weights $w_k$ of the others:"
    ),
    statement=ForAll(
        _k,
        _rest,
        (At("e", _k, subscript=True) * Var("x") <= At("w", _k, subscript=True))
        & (At("w", _k, subscript=True) <= At("e", _k, subscript=True) * Var("y")),
    ).implies(
        (_S.over(_S + _against("y")) <= _S.over(_S + _actual)) & (_S.over(_S + _actual) <= _S.over(_S + _against("x")))
    ),
    proof=(
        "All denominators are positive, and $a/(a + z)$ with $a > 0$ falls when $z \\ge 0$ grows; $z = \\sum_k w_k$ "
        "lies between "
        "$x \\sum_k e_k$ and $y \\sum_k e_k$. When all weights of a softmax are divided by one of them, its shares "
        "stay."
    ),
    source="arXiv 2406.11779 (extreme attention)",
)

_u = Var("u")
_cut = (Var("S") + Var("u")).over(Var("S") + Var("u") + (Var("R") - Var("u")) * Var("x"))

PLACES = Lemma(
    label="attention-places",
    title="Where the copies stand",
    given="For all $S > 0$, $R \\ge u \\ge 0$ and $x \\ge 0$:",
    statement=Var("S").over(Var("S") + Var("R") * Var("x")) <= _cut,
    proof=(
        "Moving positional weight $u$ from the other tokens to the copies of $m$ raises the numerator by $u$ and the "
        "rest $(R - u) x$ falls; a fraction $S/(S + z)$ rises with $S$ and falls with $z$. So the attention is least "
        "with the copies at the least positional weights and largest at the largest."
    ),
    source="arXiv 2406.11779 (sorted positions)",
)


@dataclass(frozen=True, eq=False)
class Reach:
    """Advice: table[q, m, c] is the reach j of cell (q, m, c), or -1 when it is not treated (V × V × K int64).

    Cells with c = 0, m < q, or c = K with any (q, m) do not exist; entries there must be -1.
    """

    table: np.ndarray

    def text(self) -> str:
        """The table as certificates carry it: base64 of 16-bit numbers j + 1."""
        return small_table((self.table + 1).ravel().tolist())


@dataclass(frozen=True, eq=False)
class AttentionRange(Claim):
    """For every treated cell: attention on m in [low, high]·2^-GRID_BITS, on all sequences within the reach."""

    paths: Paths
    split: RowSplit
    reach: Reach
    low: np.ndarray
    high: np.ndarray

    kind = "attention_range"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "cells": self.cells}

    def identity(self) -> str:
        return digest([self.split.identity(), self.reach.text()])

    @property
    def looseness(self) -> int:
        """The widths of all ranges, added up, in units of 2^-GRID_BITS."""
        return int((self.high - self.low).sum())

    @property
    def cells(self) -> int:
        return int((self.reach.table >= 0).sum())

    def sentence(self) -> str:
        treated = self.low[self.reach.table >= 0]
        least = floor_str(Fraction(int(treated.min()), 1 << GRID_BITS), 6) if treated.size else "0"
        return (
            f"For {self.cells} treated $(q, m, c)$ the attention on the maximum $m$ is enclosed, for all sequences "
            f"within "
            f"the reach; it is at least {least} in all of them."
        )


# The ends of the attention on the maximum, for every treated (q, m, c).
ENDS = (
    "Let $n_0$ be the number of copies at free positions, $K - c$ when $q < m$ and $K - 1 - c$ when $q = "
    "m$, and let $u$ be 1 when $q = m$, else 0. Let $\\beta_0 \\le \\dots \\le \\beta_{K-2}$ be the "
    "numbers $\\exp((\\mathrm{EQKP}[q,p] - \\mathrm{EQKP}[q,K-1])/\\sqrt{d_h})$ of the free positions "
    "$p$, in ascending order, and $B$ their sum plus 1, the number of the last position. The copies of "
    "$m$ weigh at least $S^{-} = u + \\sum_{0 \\le i < n_0} \\beta_i$ and at most $S^{+} = u + "
    "\\sum_{K-1-n_0 \\le i < K-1} \\beta_i$. With $x = \\exp(-\\Delta^{+}/\\sqrt{d_h})$ and $y = "
    "\\exp(-\\Delta^{-}/\\sqrt{d_h})$, [@attention-range], where $b_p$ and $e_k$ are these numbers for "
    "the positions of the copies and of the others, and [@attention-places] give the ends of the "
    "attention $\\alpha$ on $m$: $$\\alpha^{-} = \\frac{S^{-}}{S^{-} + (B - S^{-})\\,y} \\le \\alpha \\le "
    "\\alpha^{+} = \\frac{S^{+}}{S^{+} + (B - S^{+})\\,x}.$$"
)


class AttentionRangeRule(Rule):
    """From the paths and a split of EQKE.  Advice: :class:`Reach`; any reach is sound."""

    name = "attention_range"
    premises = (Paths, RowSplit)
    lemmas = (RANGE, PLACES)
    notions = (SCORE_GAPS,)
    derivation = f"{ENDS} This is done for every treated $(q, m, c)$."
    cost = TABLE_COSTS["EQKP"] + Cost(
        exp=V**2 + V * K, multiply=4 * V**2 * K, add=2 * V**2 * K + V * K**2, compare=2 * V**2
    )

    def conclude(self, premises: Sequence[Any], advice: Reach) -> AttentionRange:
        paths, split = premises
        if split.statement.sha256 != paths.statement.sha256 or split.name != "EQKE":
            raise NotEstablished(self.tag, "the split is not of EQKE of the same network")
        network = one_layer_of(paths.statement)
        rows = network.d_vocab
        if split.approximation.shape != (rows, rows) or split.bounds.shape != (rows, 1):
            raise NotEstablished(self.tag, "the split of EQKE must have a whole table and one bound a row")
        check_reach(self, advice, network.d_vocab, network.n_ctx)
        if "attention" not in split.memory:
            split.memory["attention"] = _Attention(paths, split)
        low, high = split.memory["attention"].ranges(advice.table)
        return AttentionRange(paths, split, advice, low, high)


def check_reach(rule: Rule, reach: Reach, vocabulary: int, positions: int) -> None:
    """Raise NotEstablished for a table of another shape or type, or one that treats cells that do not exist."""
    table = reach.table
    if table.shape != (vocabulary, vocabulary, positions) or table.dtype != np.int64:
        raise NotEstablished(rule.tag, f"the reach is a table of shape {table.shape} of {table.dtype}")
    q, m, c = np.nonzero(table != -1)
    j = table[q, m, c]
    if not ((j >= 0) & (j < m) & (c >= 1) & ((q == m) | (q <= j))).all():
        raise NotEstablished(rule.tag, "a cell has a reach that no sequence of it can have")


class _Attention:
    """The enclosures behind one application."""

    def __init__(self, paths: Paths, split: RowSplit) -> None:
        self.paths, self.split = paths, split
        self.vocabulary, self.positions = paths.tables["EQKP"].shape
        with precision(EXP_PRECISION):
            self._root = Ball.sqrt(one_layer_of(paths.statement).d_head)
            self._table = self._exponentials(split.approximation.integers(), split.approximation.exponent)
            self._noise = self._exponentials(split.bounds.integers(), split.bounds.exponent)
            ordered = [self._offsets(q) for q in range(self.vocabulary)]
            self._places = self._exponentials(ordered, paths.tables["EQKP"].exponent)

    def _exponentials(self, rows: Sequence[Sequence[int]], exponent: int) -> ScaledTable:
        scale = Ball.dyadic(1, exponent).over(self._root)
        return scaled_table([[exp_of_score(Ball.dyadic(n, 0) * scale) for n in row] for row in rows], MANTISSA_BITS)

    def _offsets(self, q: int) -> list[int]:
        """EQKP[q,p] - EQKP[q,K-1]: ascending over the free positions, then 0 for the query's own."""
        row = [int(self.paths.tables["EQKP"].numerators[q, p]) for p in range(self.positions)]
        return [*sorted(entry - row[-1] for entry in row[:-1]), 0]

    @cached_property
    def _weights(self) -> IntervalTable:
        """The positional weights of each query on one grid a query, ascending, the query's own last (V × K)."""
        room = MANTISSA_BITS + self.positions.bit_length()
        top = self._places.exponent.max(axis=1, keepdims=True)
        shift = np.minimum(top + room - MANTISSA_BITS - self._places.exponent, 62)
        mantissa = self._places.mantissa
        return IntervalTable(mantissa.lower >> shift, -(-mantissa.upper >> shift))

    @cached_property
    def _extreme_keys(self) -> tuple[np.ndarray, np.ndarray]:
        """For (q, j): the token k <= j with the largest, and with the least, entry of row q; exact."""
        largest, least = (np.zeros((self.vocabulary, self.vocabulary), dtype=np.int64) for _ in range(2))
        for q, row in enumerate(self.split.approximation.integers()):
            high = low = 0
            for k, entry in enumerate(row):
                high, low = k if entry > row[high] else high, k if entry < row[low] else low
                largest[q, k], least[q, k] = high, low
        return largest, least

    def ranges(self, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """low and high (V × V × K, -1 where nothing is treated)."""
        q, m, c = np.nonzero(reach >= 0)
        j = reach[q, m, c].astype(np.int64)
        largest, least = self._extreme_keys
        low, high = (np.full(reach.shape, -1, dtype=np.int64) for _ in range(2))
        for target, key, at_least in ((low, largest[q, j], True), (high, least[q, j], False)):
            copies, others = self._sums(q, m, c, fewest=at_least)
            mantissa, exponent = self._factor(q, m, key, upward=at_least)
            against = _shifted(others * mantissa, exponent, upward=at_least)
            numerator = copies << GRID_BITS
            share = numerator if at_least else -numerator
            share = share // (copies + against)
            # beyond HUGE the share is only known to be positive
            target[q, m, c] = np.where(against >= HUGE, 0, share) if at_least else -share
        return low, high

    def _sums(self, q: np.ndarray, m: np.ndarray, c: np.ndarray, *, fewest: bool) -> tuple[np.ndarray, np.ndarray]:
        """Positional weight of the copies of m and of the others, copies at the least (or largest) weights.

        With ``fewest`` the first is rounded down and the second up, else the other way.
        """
        free = self.positions - 1
        weights = self._weights
        down, up = weights.lower[:, :free], weights.upper[:, :free]
        if not fewest:  # take the copies from the other end
            down, up = down[:, ::-1], up[:, ::-1]
        first, second = (down, up) if fewest else (up, down)
        own_first, own_second = (weights.lower, weights.upper) if fewest else (weights.upper, weights.lower)
        start = np.zeros((self.vocabulary, 1), dtype=np.int64)
        heads = np.concatenate([start, np.cumsum(first, axis=1)], axis=1)
        tails = np.concatenate([np.cumsum(second[:, ::-1], axis=1)[:, ::-1], start], axis=1)
        query_is_top = q == m
        slots = self.positions - c - query_is_top
        copies = heads[q, slots] + np.where(query_is_top, own_first[q, free], 0)
        others = tails[q, slots] + np.where(query_is_top, 0, own_second[q, free])
        return copies, others

    def _factor(self, q: np.ndarray, m: np.ndarray, key: np.ndarray, *, upward: bool) -> tuple[np.ndarray, np.ndarray]:
        """exp(-Δ/sqrt(h)) as mantissa·2^exponent, rounded as asked: Δ⁻ upward, Δ⁺ downward."""
        table, noise = self._table, self._noise
        exponent = table.exponent[q, key] - table.exponent[q, m]
        if upward:
            top, bottom = table.mantissa.upper[q, key], table.mantissa.lower[q, m]
            quotient = -(-(top << MANTISSA_BITS) // bottom)
            product = quotient * noise.mantissa.upper[q, 0]
            return -(-product >> MANTISSA_BITS), exponent + noise.exponent[q, 0]
        top, bottom = table.mantissa.lower[q, key], table.mantissa.upper[q, m]
        quotient = (top << MANTISSA_BITS) // bottom
        # exp(-d/sqrt(h)) is the reciprocal of the noise factor
        product = (quotient << MANTISSA_BITS) // noise.mantissa.upper[q, 0]
        return product, exponent - noise.exponent[q, 0] - 2 * MANTISSA_BITS


def _shifted(values: np.ndarray, exponent: np.ndarray, *, upward: bool) -> np.ndarray:
    """values·2^exponent for 0 <= values < 2^63, rounded as asked, at most HUGE."""
    left, right = np.clip(exponent, 0, 62), np.clip(-exponent, 0, 62)
    fits = values <= (HUGE >> left)
    grown = np.where(fits, values, 0) << left
    shrunk = -(-values >> right) if upward else values >> right
    return np.where(exponent > 0, np.where(fits, grown, HUGE), np.minimum(shrunk, HUGE))
