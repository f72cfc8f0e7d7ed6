"""The loss from the mechanistic story: copying under enough attention, in layers of reaches.

With the attention floors of :mod:`.attention_floor` for any reaches, the diagonal table and what the others take away
(:mod:`.diagonal_gap`), all logit differences of a sequence within a reach are at most L = d - min(g, l g + (1 - l) o),
so its loss is at most log(1 + (V - 1) exp L).  With l = 0 and o for the reach m - 1 this holds for every sequence.

Rounding.  The floors leave a unit of room, the rest is exact up to steps of 2^-GRID_BITS, upward, and
:func:`.loss_tree.cross_entropy` leaves room; so checkers that round otherwise find no larger bound.

Source: layer-cake summation over the gaps of :mod:`.diagonal_gap`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from typing import Any

import numpy as np

from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.one_layer import one_layer_of
from . import attention_range
from .attention_floor import FLOOR, SHARE, AttentionFloorRule
from .attention_range import Reach
from .cell_sets import ALONE, LossSets, first_tokens
from .diagonal import Diagonal
from .diagonal_gap import COMMON, MARGIN, PARTS, CommonRows, DiagonalGap, Shares
from .gap_count import CELL
from .gap_loss import MOST_LAYERS, everything
from .logit_gap import OTHERS
from .loss import LossSum
from .loss_layers import LAYERS, layered
from .loss_tree import CROSS_ENTROPY, GRID_BITS, HIGH, cross_entropy
from .notions import REACH
from .parts import cells
from .path_decomposition import K, Paths, V
from .row_difference import RANGE, RowDifference
from .score_gap import ScoreGap


@dataclass(frozen=True, eq=False)
class StoryLayers:
    """Advice: reaches, none of a cell whose m is an exception; and the common rows."""

    reaches: tuple[Reach, ...]
    rows: CommonRows


class DiagonalLoss(Rule):
    """From the paths, score gaps, row differences of EQKP, the diagonal of EVOU + 1 (u + w), row differences of
    UU - 1 u and of PVOU - 1 w.

    Advice: :class:`StoryLayers`; any reaches are sound.
    """

    name = "diagonal_loss"
    premises = (Paths, ScoreGap, RowDifference, Diagonal, RowDifference, RowDifference)
    lemmas = (SHARE, MARGIN, COMMON, RANGE, OTHERS, CROSS_ENTROPY, CELL, LAYERS)
    notions = (REACH,)
    derivation = (
        f"For a reach $j$ of $(q, m, c)$, with $n = K - c$ copies of $m$ and $r = c$ other tokens, {FLOOR} {PARTS} "
        f"So no "
        "logit difference exceeds $L = \\delta(q) + \\pi - \\min(g_m, l g_m + (1 - l) o)$, and by [@cross-entropy] no "
        "loss exceeds $$\\log\\left(1 + (V - 1)\\,e^{L}\\right).$$ With $l = 0$ and $j = m - 1$ this holds for every "
        "sequence of $(q, m, c)$; the sequence that is $m$ throughout has $L = \\delta(m) + \\pi - g_m$. [@gap-count] "
        "says how many sequences are within a reach, and [@loss-layers] adds up the bounds that hold for them. No loss "
        "is below 0."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: StoryLayers) -> LossSum:
        paths, gap, scores, diagonal, direct, positions = premises
        if len(advice.reaches) > MOST_LAYERS:
            raise NotEstablished(self.tag, f"there are {len(advice.reaches)} reaches; {MOST_LAYERS} may be given")
        layer, parts = one_layer_of(paths.statement), Shares(diagonal, direct, positions)
        floors = [AttentionFloorRule().conclude([paths, gap, scores], reach) for reach in advice.reaches]
        nothing = Reach(np.full((layer.d_vocab, layer.d_vocab, layer.n_ctx), -1, dtype=np.int64))
        # refuses parts that do not fit together
        DiagonalGap().conclude(
            [AttentionFloorRule().conclude([paths, gap, scores], nothing), diagonal, direct, positions], advice.rows
        )
        whole = everything(layer.d_vocab, layer.n_ctx).table
        shown: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        lone = [_steps(most, parts.exponent) for most in parts.alone.tolist()]
        known: dict[tuple[int, int, int], list[int]] = {}
        known |= {(m, m, 0): [ALONE] for m in range(layer.d_vocab)}
        for reach, low in [(whole, np.zeros_like(whole)), *((floor.reach.table, floor.low) for floor in floors)]:
            q, m, c = np.nonzero(reach >= 0)
            gaps = parts.gaps(q, m, reach[q, m, c], low[q, m, c]).tolist()
            places = zip(q.tolist(), m.tolist(), c.tolist(), strict=True)
            for cell, j, most in zip(places, reach[q, m, c].tolist(), gaps, strict=True):
                others = cell[2] - (cell[0] < cell[1])
                number = comb(layer.n_ctx - 1, others) * (j + 1) ** others
                steps = _steps(most, parts.exponent - attention_range.GRID_BITS)
                loss = _loss(steps, layer.d_vocab)
                tokens = first_tokens(j) if others else ALONE
                known.setdefault((*cell[:2], others), []).append(tokens)
                shown.setdefault(cell, []).append((loss, number))
        low_sums = dict.fromkeys(layer.cells(), 0)
        high = low_sums | {(m, m): _loss(steps, layer.d_vocab) for m, steps in enumerate(lone)}
        for (q, m, _), layers in shown.items():
            high[q, m] += layered(layers)
        return LossSum(cells(paths.statement), low_sums, high, LossSets.of(paths, known))

    def charge(self, premises: Sequence[Any], advice: StoryLayers) -> Cost:
        layers = len(advice.reaches) + 1
        cells = V**2 * K * layers
        return Cost(exp=V**2 + V + 2 * cells, multiply=8 * cells, add=6 * cells, compare=2 * V**2 + cells)


@cache
def _loss(steps: int, outputs: int) -> int:
    """log(1 + (V - 1) exp) of a number of steps, from above."""
    return cross_entropy([steps] * (outputs - 1), HIGH)


def _steps(value: int, exponent: int) -> int:
    """value·2^exponent in steps of 2^-GRID_BITS, rounded up."""
    shift = exponent + GRID_BITS
    return value << shift if shift >= 0 else -(-value >> -shift)
