"""At least how much of its attention a query pays to the largest token, from score gaps alone.

Theorem.  Let n >= 1 positions have weights w_i > 0, and the others, r of them, weights v_k >= 0 with v_k <= x w_i for
all i and k.  Then the share of the first is at least n/(n + r x).

Proof.  Summing over i, n v_k <= x sum(w); summing over k, n sum(v) <= r x sum(w).

Use.  A copy of m at any position scores at least gap(q, m, j) - e[q] more than any token k <= j at any other, e[q] the
largest difference within row q of EQKP; so x = exp(-(gap - e)/sqrt(h)).  Where the positions of the copies matter this
is less than :mod:`.attention_range` gives; it needs no look at single positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.interval import ScaledTable, scaled_table
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Equation
from ...models.one_layer import one_layer_of
from ...models.one_layer_terms import OneLayerTerms
from .attention_range import EXP_PRECISION, GRID_BITS, MANTISSA_BITS, Reach, check_reach
from .notions import REACH
from .path_decomposition import K, Paths, V, exp_of_score
from .row_difference import RowDifference
from .score_gap import ScoreGap

# A weight against that of m has WEIGHT_BITS binary places; above 2^LARGE_BITS nothing is said about the attention.
WEIGHT_BITS = 24
LARGE_BITS = 16
# (copies << GRID_BITS + WEIGHT_BITS) must stay below 2^63.
MOST_POSITIONS = 1 << 8

_i, _k = Var("i"), Var("k")
_top, _rest = Range(Num(0), Var("n")), Range(Num(0), Var("r"))
_w, _v = At("w", _i, subscript=True), At("v", _k, subscript=True)
_sum_w, _sum_v = Total(_i, _top, _w), Total(_k, _rest, _v)

SHARE = Lemma(
    label="attention-floor",
    title="Attention from the worst ratio of weights",
    given="For all $n \\ge 1$ weights $w_i > 0$, all $r$ weights $v_k \\ge 0$ and all $x \\ge 0$:",
    statement=ForAll(_i, _top, ForAll(_k, _rest, _v <= Var("x") * _w)).implies(
        Var("n").over(Var("n") + Var("r") * Var("x")) <= _sum_w.over(_sum_w + _sum_v)
    ),
    proof=(
        "Summed over $i$, the premise says $n\\,v_k \\le x \\sum_i w_i$; summed over $k$, $n \\sum_k v_k \\le r\\,x "
        "\\sum_i w_i$. So $n\\,(\\sum_i w_i + \\sum_k v_k) \\le (n + r\\,x) \\sum_i w_i$."
    ),
    source="softmax",
)


@dataclass(frozen=True, eq=False)
class AttentionFloor(Claim):
    """For every treated cell: attention on m of at least low·2^-GRID_BITS, on all sequences within the reach."""

    paths: Paths
    reach: Reach
    low: np.ndarray

    kind = "attention_floor"

    @property
    def high(self) -> np.ndarray:
        """The attention is at most all of it."""
        return np.where(self.reach.table >= 0, 1 << GRID_BITS, -1)

    @property
    def cells(self) -> int:
        return int((self.reach.table >= 0).sum())

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "cells": self.cells}

    def identity(self) -> str:
        return digest([self.paths.identity(), self.reach.text(), [hex(low) for low in self.low.ravel().tolist()]])

    def sentence(self) -> str:
        return (
            f"For {self.cells} treated $(q, m, c)$ the attention on the maximum $m$ is bounded below, for all "
            f"sequences "
            "within the reach."
        )


# The least attention on the maximum within a reach j, from n copies of it and r other tokens.
FLOOR = (
    "let $\\Gamma$ be the least $\\mathrm{EQKE}[q,m] - \\mathrm{EQKE}[q,k]$ for $k \\le j$ that was shown before, and "
    "$\\varepsilon$ the largest difference within row $q$ of EQKP. By [@attention-floor] the attention on $m$ is at "
    "least "
    "$$l = \\frac{n}{n + r\\,x}, \\qquad x = \\exp\\left(-\\frac{\\Gamma - \\varepsilon}{\\sqrt{d_h}}\\right).$$"
)


class AttentionFloorRule(Rule):
    """From the paths, score gaps and row differences of EQKP.  Advice: :class:`Reach`; any reach is sound."""

    name = "attention_floor"
    premises = (Paths, ScoreGap, RowDifference)
    lemmas = (SHARE,)
    notions = (REACH,)
    derivation = (
        "For every treated $(q, m, c)$ with the reach $j$, with $n = K - c$ copies of $m$ and $r = c$ other tokens, "
        f"{FLOOR} It bounds the attention from below."
    )
    cost = Cost(exp=V**2 + V, multiply=5 * V**2 * K, add=2 * V**2 * K, compare=2 * V**2)

    def conclude(self, premises: Sequence[Any], advice: Reach) -> AttentionFloor:
        paths, gap, positions = premises
        network = one_layer_of(paths.statement)
        table = OneLayerTerms.of(network).tables["EQKP"]
        if len({claim.statement.sha256 for claim in (paths, gap, positions)}) != 1:
            raise NotEstablished(self.tag, "the premises are not about one network")
        if positions.term.shape != table.shape or not Equation("EQKP", positions.term, table).holds():
            raise NotEstablished(self.tag, f"{positions.term} does not expand to the same words as EQKP")
        check_reach(self, advice, network.d_vocab, network.n_ctx)
        exceptions = gap.exceptions
        if (advice.table[:, list(exceptions), :] >= 0).any():
            raise NotEstablished(self.tag, f"there is no score gap for the tokens {exceptions}")
        if network.n_ctx > MOST_POSITIONS:
            raise NotEstablished(self.tag, f"there are more than {MOST_POSITIONS} positions")
        return AttentionFloor(paths, advice, _floors(gap, positions, advice.table))


class AnyAttention(Rule):
    """From the paths.  Advice: :class:`Reach`; any reach is sound."""

    name = "any_attention"
    premises = (Paths,)
    lemmas = ()
    notions = (REACH,)
    derivation = "A share of attention is not negative, whatever the scores are."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Reach) -> AttentionFloor:
        (paths,) = premises
        network = one_layer_of(paths.statement)
        check_reach(self, advice, network.d_vocab, network.n_ctx)
        return AttentionFloor(paths, advice, np.where(advice.table >= 0, 0, -1))


def _floors(gap: ScoreGap, positions: RowDifference, reach: np.ndarray) -> np.ndarray:
    """The attention from below (V × V × K, -1 where nothing is treated)."""
    factors = gap.scores.factors
    noise, scores = gap.scores.noise + positions.bounds, factors.strength @ factors.size
    with precision(EXP_PRECISION):
        root = Ball.sqrt(one_layer_of(gap.statement).d_head)
        table = _exponentials(root, scores.integers(), scores.exponent)
        factor = _exponentials(root, noise.integers(), noise.exponent)
    (size,) = factors.size.integers()
    peaks = np.array([max(range(j + 1), key=size.__getitem__) for j in range(len(size))], dtype=np.int64)
    q, m, c = np.nonzero(reach >= 0)
    key = peaks[reach[q, m, c]]
    upper, lower = table.mantissa.upper[q, key], table.mantissa.lower[q, m]
    quotient = -(-(upper << MANTISSA_BITS) // lower)
    mantissa = quotient * factor.mantissa.upper[q, 0]
    exponent = table.exponent[q, key] - table.exponent[q, m] + factor.exponent[q, 0] - MANTISSA_BITS
    shift = -(exponent + WEIGHT_BITS)
    most = 1 << WEIGHT_BITS + LARGE_BITS
    # mantissas are above 2^58, so that a shift below zero means a ratio above 2^LARGE_BITS
    ratio = np.minimum(-(-mantissa >> np.minimum(np.maximum(shift, 0), 63)), most)
    copies = one_layer_of(gap.statement).n_ctx - c
    share = (copies << GRID_BITS + WEIGHT_BITS) // ((copies << WEIGHT_BITS) + c * ratio)
    low = np.full(reach.shape, -1, dtype=np.int64)
    # one unit of room for whoever computes this with another rounding
    low[q, m, c] = np.where(ratio >= most, 0, np.maximum(share - 1, 0))
    return low


def _exponentials(root: Ball, rows: Sequence[Sequence[int]], exponent: int) -> ScaledTable:
    """exp(n·2^exponent/root) for every integer n."""
    scale = Ball.dyadic(1, exponent).over(root)
    return scaled_table([[exp_of_score(Ball.dyadic(n, 0) * scale) for n in row] for row in rows], MANTISSA_BITS)
