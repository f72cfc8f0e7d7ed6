"""The loss from the sub-cubic bounds of logit gaps: reaches as layers.

Fix a cell (q, m, c) and a reach j.  With b_x, r_x, w, g and the attention range [α⁻, α⁺] of :mod:`.logit_gap`, every
sequence within the reach has logit_x - logit_m <= g + b_x + α r_x + (1 - α) w for every x != m.

Theorem.  Put F(α) = log Σ_{x≠m} exp(b_x + α r_x).  The loss of such a sequence is at most log(1 + exp L), where L is
the larger value of g + F(α) + (1 - α) w at the ends of the range, and F may be replaced by its chords between
equidistant points.  If such bounds u_1, … hold within reaches j_1, …, of which the last is m - 1, the losses of the
cell's sequences add up to at most Σ_i (n_i - n_{i-1}) u_i with n_i = C(K-1, n) (j_i + 1)^n, in the order of the bounds.

Proof.  The loss is log(1 + Σ_{x≠m} exp(logit_x - logit_m)).  F is convex (Hölder), so F(α) + (1 - α) w is largest at an
end, and F lies below its chords.  The cell has n_i sequences within j_i; :mod:`.loss_layers` adds them up.

So the rule is :mod:`.logit_gap` with the largest of many numbers replaced by the logarithm of their exponentials' sum,
and the same steps; what it says of the sequences of one token throughout is the bound at α = 1.  Reaches come in
layers, as advice; m - 1 is always there, so that every sequence is covered.

Rounding.  Logits are on a grid no finer than 2^FINEST; exp and log are those of :mod:`.loss_tree`, on multiples of
2^-GRID_BITS, outward; each bound of a gap leaves SPARE steps to checkers that round otherwise.

Source: layer-cake summation over the cells of arXiv 2406.11779.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any

import numpy as np

from ...engine.cost import Cost
from ...engine.formula import At, Num, Power, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from . import attention_range
from .attention_range import ENDS, PLACES, RANGE, AttentionRangeRule, Reach
from .cell_sets import ALONE, LossSets, first_tokens
from .gap_count import CELL
from .logit_gap import OTHERS, Anchors, LogitTables, require_splits, worst_gaps
from .loss import UNIT_BITS, LossSum
from .loss_layers import LAYERS, layered
from .loss_tree import CROSS_ENTROPY, GRID_BITS, HIGH, cross_entropy
from .notions import LOGIT_GAP, SCORE_GAPS
from .parts import cells
from .path_decomposition import TABLE_COSTS, K, Paths, V
from .row_split import SPLIT, RowSplit

SPARE = 4
MOST_LAYERS = 1 << 8

_x, _i, _N = Var("x"), Var("i"), Var("N")
_outputs = Range(Num(0), Var("n"))


def _sum(exponent: Any) -> Any:
    return Total(_x, _outputs, At("e", _x, subscript=True) * Power(At("y", _x, subscript=True), exponent))


CONVEX = Lemma(
    label="log-sum-convex",
    title="The logarithm of a sum of exponentials lies below its chords",
    given="For all reals $e_x > 0$ and $y_x > 0$ ($x < n$), all naturals $N$ and $0 \\le i \\le N$:",
    statement=((Num(0) <= _i) & (_i <= _N)).implies(
        Power(_sum(_i), _N) <= Power(_sum(Num(0)), _N - _i) * Power(_sum(_N), _i)
    ),
    proof=(
        "Hölder's inequality for the sums of $e_x^{(N-i)/N} \\cdot (e_x\\,y_x^N)^{i/N}$. For all reals $b_x$, $r_x$, "
        "$w$ and $a < d$, with $e_x = \\exp(b_x + a "
        "r_x)$ and $y_x = \\exp((d - a)\\,r_x/N)$ the logarithm says that $F(\\alpha) = \\log \\sum_x \\exp(b_x + "
        "\\alpha r_x)$ lies below its chord from $a$ to $d$ at the point number $i$ of $N$; these points are dense, "
        "and $F$ is continuous. So $F$ is convex, and so is $F(\\alpha) + (1 - \\alpha)\\,w$: between two points it is "
        "at most the larger of its values there."
    ),
    source="Hölder's inequality",
)


@dataclass(frozen=True, eq=False)
class Layers:
    """Advice: reaches, any of them, in any order; m - 1 comes by itself."""

    reaches: tuple[Reach, ...]


class GapLoss(Rule):
    """From the paths, a split of EQKE, one of UU into a common row and noise, and one of EVOU.

    Advice: :class:`Layers`; any reaches are sound.
    """

    name = "gap_loss"
    premises = (Paths, RowSplit, RowSplit, RowSplit)
    lemmas = (RANGE, PLACES, SPLIT, OTHERS, CROSS_ENTROPY, CONVEX, CELL, LAYERS)
    notions = (SCORE_GAPS, LOGIT_GAP)
    derivation = (
        f"Each $(q, m, c)$ is treated with several reaches $j$, the last of them $m - 1$. {ENDS} Rows of EVOU and EQKE "
        "come from their splits, by [@row-split]. By [@gap-others] no logit difference to $x$ exceeds $g + b_x + "
        "\\alpha r_x + (1 - \\alpha) w$. With $F(\\alpha) = \\log \\sum_{x \\ne m} \\exp(b_x + \\alpha r_x)$, "
        "[@cross-entropy] says that no loss within the reach exceeds $$\\max_{\\alpha \\in \\{\\alpha^{-}, "
        "\\alpha^{+}\\}} \\log\\left(1 + \\exp(g + F(\\alpha) + (1 - \\alpha) w)\\right),$$ since by [@log-sum-convex] "
        "the exponent is largest at an end; there a chord of $F$ between two of the 17 equidistant points from 0 to "
        "1 bounds "
        "$F$. The sequence that is $m$ throughout has $\\alpha = 1$. [@gap-count] says how many sequences are within a "
        "reach, and [@loss-layers] adds up the bounds that hold for them; within $m - 1$ are all. No loss is below 0."
    )
    cost = TABLE_COSTS["EQKP"] + TABLE_COSTS["PVOU"]

    def conclude(self, premises: Sequence[Any], advice: Layers) -> LossSum:
        paths, scores, direct, tokens = premises
        require_splits(self, [paths, scores], direct, tokens)
        if len(advice.reaches) > MOST_LAYERS:
            raise NotEstablished(self.tag, f"there are {len(advice.reaches)} reaches; {MOST_LAYERS} may be given")
        layer = one_layer_of(paths.statement)
        low = dict.fromkeys(layer.cells(), 0)
        if layer.d_vocab == 1:  # a softmax over one output is one
            return LossSum(cells(paths.statement), low, low)
        tables = SoftTables(paths, direct, tokens)
        shown: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        known: dict[tuple[int, int, int], list[int]] = {}
        known |= {(m, m, 0): [ALONE] for m in range(layer.d_vocab)}
        for reach in (*advice.reaches, everything(layer.d_vocab, layer.n_ctx)):
            ranges = AttentionRangeRule().conclude([paths, scores], reach)
            for m in range(layer.d_vocab):
                q, c, worst = worst_gaps(m, tables, ranges, Anchors())
                within = reach.table[q, m, c]
                for cell in zip(q.tolist(), c.tolist(), within.tolist(), worst.tolist(), strict=True):
                    others = cell[1] - (cell[0] < m)
                    number = comb(layer.n_ctx - 1, others) * (cell[2] + 1) ** others
                    gap = tables.steps(cell[3], attention_range.GRID_BITS)
                    loss = _loss(gap)
                    tokens = first_tokens(cell[2]) if others else ALONE
                    known.setdefault((cell[0], m, others), []).append(tokens)
                    shown.setdefault((cell[0], m, cell[1]), []).append((loss, number))
        high = {(m, m): _loss(tables.gap_alone(m)) for m in range(layer.d_vocab)}
        for (q, m, _), layers in shown.items():
            high[q, m] = high.get((q, m), 0) + layered(layers)
        return LossSum(cells(paths.statement), low, low | high, LossSets.of(paths, known))

    def charge(self, premises: Sequence[Any], advice: Layers) -> Cost:
        layers = len(advice.reaches) + 1
        scores = Cost(exp=V**2 + V * K, add=V * K**2, compare=2 * V**2)
        sums = Cost(exp=18 * V**2, multiply=16 * V**2, add=40 * V**2, compare=V**2)
        cells = Cost(
            exp=V**2 * K * layers,
            multiply=6 * V**2 * K * layers,
            add=9 * V**2 * K * layers,
            compare=4 * V**2 * K * layers,
        )
        return self.cost + scores + sums + cells


def everything(vocabulary: int, positions: int) -> Reach:
    """The reach m - 1 for every cell."""
    q, m, c = np.indices((vocabulary, vocabulary, positions), dtype=np.int64)
    return Reach(np.where((q <= m) & (m >= 1) & (c >= 1), m - 1, -1))


class SoftTables(LogitTables):
    """The parts of a gap, with the logarithm of the sum of exponentials in place of the largest."""

    FINEST = -20

    def largest(self, values: np.ndarray, bits: int) -> int:
        """log Σ exp over at least one value, rounded up, in units of 2^-bits of the grid."""
        first, *rest = sorted(values.tolist(), reverse=True)
        steps = [_shifted_up(value - first, self.exponent - bits + GRID_BITS) for value in rest]
        return first + _shifted_up(cross_entropy(steps, HIGH), bits - self.exponent - UNIT_BITS)

    def gap_alone(self, m: int) -> int:
        """The same as :meth:`steps` for the sequence of m alone."""
        values = np.delete(self.base(m) + self.own(m).upper, m)
        return self.steps(self.largest(values, 0) + int(self.noise[m, m]), 0)

    def steps(self, gap: int, bits: int) -> int:
        """A gap in units of 2^-bits of the grid in steps of 2^-GRID_BITS, rounded up."""
        return _shifted_up(gap, self.exponent - bits + GRID_BITS) + SPARE


@cache
def _loss(steps: int) -> int:
    """log(1 + exp) of a number of steps, from above."""
    return cross_entropy([steps], HIGH)


def _shifted_up(value: int, shift: int) -> int:
    """value·2^shift, rounded up."""
    return value << shift if shift >= 0 else -(-value >> -shift)
