"""The loss from the cubic test with thresholds.

Theorem.  Take every bound of a logit difference in :mod:`.cubic_cells` minus ℓ.  Then the test (*) there says that
every sequence with its c smaller tokens in N has logit_x - logit_m < ℓ for all x != m.  So at least as many sequences
of the cell as it counts have a loss of at most log(1 + Σ_{x≠m} exp min(ℓ, g_x)), with g_x the largest difference in the
cell under any attention; all of them have at most log(1 + Σ exp g_x).  :mod:`.loss_layers` adds up.

Rounding.  A bound minus ℓ is rounded up on the enclosures' grid, and counts when the sum is at most -1 unit there, as
in :mod:`.cubic_cells`; :func:`.loss_tree.cross_entropy` leaves room.  So checkers that round otherwise count no less.

Proof.  By :mod:`.slack_count` a difference is below ℓ if and only if the sum of the margins with -ℓ added to each
difference is negative; the rest is the proof of :mod:`.cubic_cells`.

Source: layer-cake summation over the cells of arXiv 2406.11779.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST
from .cell_sets import LossSets, Sets, count_of
from .cubic_cells import MIXTURE, POSITION, TWO_ENDS, Attention, LogitBounds, setting
from .loss import LossSum
from .loss_layers import LAYERS, layered
from .loss_tree import CROSS_ENTROPY, DIFFERENCE, GRID_BITS, HIGH, cross_entropy
from .margin_enclosure import AttentionTable, MarginEnclosure
from .notions import MARGIN_TERMS, MIXED
from .parts import cells
from .path_decomposition import K, Paths, V
from .slack_count import SLACK

MOST_THRESHOLDS = 1 << 8
# A certificate carries thresholds below this, which is more than 2^18 logits.
THRESHOLD_LIMIT = 1 << 31


@dataclass(frozen=True)
class Thresholds:
    """Advice: values of ℓ, in steps of 2^-GRID_BITS; any of them, in any order."""

    steps: tuple[int, ...]


class CubicLoss(Rule):
    """From the paths.  Advice: :class:`Thresholds`.  ``progress(done, cells)`` is called after each cell."""

    name = "cubic_loss"
    premises = (Paths,)
    lemmas = (SLACK, POSITION, TWO_ENDS, MIXTURE, DIFFERENCE, CROSS_ENTROPY, LAYERS)
    notions = (MARGIN_TERMS, MIXED)
    derivation = (
        f"{setting(joint=True)} By [@margin-with-slack] all logit differences of a sequence are below $\\ell$ when the "
        "sums of margins with $-\\ell$ added to each difference are negative. So for each threshold $\\ell$ that the "
        "proof chooses let $N$ be the set of tokens $k < m$ with $$B_m S (\\rho_m - \\ell) + Q (\\rho - \\ell) + B_k R "
        "(\\rho_k - \\ell) < 0,$$ both for $S$ the sum of the least and of the largest $b_p$ ([@two-ends]); by "
        "[@mixture] this "
        "holds for all sequences of the set $(q, m, n, N)$. With $\\Lambda_x$ the largest difference "
        "$\\lambda_q(p,t,x) - "
        "\\lambda_q(p,t,m)$ over all positions $p$ and tokens $t \\le m$, which by [@logit-difference] no difference "
        "exceeds, [@cross-entropy] bounds their losses by $$\\log\\Bigl(1 + \\sum_{x \\ne m} \\exp \\min(\\ell, "
        "\\Lambda_x)\\Bigr),$$ and those of all sequences by the same without $\\ell$. [@loss-layers] adds up what the "
        "thresholds show. No loss is below 0."
    )
    cost = MARGIN_COST

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: Thresholds) -> LossSum:
        (paths,) = premises
        if len(advice.steps) > MOST_THRESHOLDS:
            raise NotEstablished(self.tag, f"there are {len(advice.steps)} thresholds; {MOST_THRESHOLDS} may be given")
        if any(abs(steps) >= THRESHOLD_LIMIT for steps in advice.steps):
            raise NotEstablished(self.tag, "a threshold has more than 31 bits")
        layer, enclosure = one_layer_of(paths.statement), MarginEnclosure(paths)
        low = dict.fromkeys(layer.cells(), 0)
        high = dict(low)
        attention = [Attention(enclosure, q) for q in range(layer.d_vocab)]
        known: dict[tuple[int, int, int], list[int]] = {}
        for m in range(layer.d_vocab):
            bounds = LogitBounds.of(enclosure, m, joint=True)
            for q in range(m + 1):
                if size := layer.cell_size(q, m):
                    cell = _Cell(attention[q], enclosure.attention(q, m), bounds, q, m, size)
                    layers = [cell.everything]
                    for steps in advice.steps:
                        sets = cell.sets(steps)
                        layers.append(cell.layer(steps, sets))
                        for key, tokens in sets.items():
                            known.setdefault(key, []).append(tokens)
                    high[q, m] = layered(layers)
                if self._progress is not None:
                    self._progress(m * (m + 1) // 2 + q + 1, len(high))
        return LossSum(cells(paths.statement), low, high, LossSets.of(paths, known))

    def charge(self, premises: Sequence[Any], advice: Thresholds) -> Cost:
        n = len(advice.steps)
        weights = Cost(add=3 * V**3 + V**2 * K, compare=2 * V**3 + V**2 * K)
        tests = Cost(
            multiply=2 * V**3 * K * n, add=2 * V**3 * K * n, compare=V**3 * K * n, exp=V**3 / 2 * (n + 1) + V**2 / 2 * n
        )
        return self.cost + weights + tests


class _Cell:
    """One cell, and what thresholds show of it: pairs of a bound and the number of sequences that have it."""

    def __init__(
        self, attention: Attention, table: AttentionTable, bounds: LogitBounds, q: int, m: int, size: int
    ) -> None:
        self._attention, self._bounds, self._q, self._m, self._size = attention, bounds, q, m, size
        self._exponent = table.exponent
        self._largest = [-_scaled(-value, self._exponent + GRID_BITS) for value in np.delete(table.largest, m).tolist()]

    @property
    def everything(self) -> tuple[int, int]:
        """The bound that all sequences have."""
        return cross_entropy(self._largest, HIGH), self._size

    def sets(self, threshold: int) -> Sets:
        """The sets on which all differences are shown to be below a threshold."""
        steps, most = _scaled(threshold, -self._exponent - GRID_BITS), self._bounds.magnitude
        if not self._largest or abs(steps) > most:
            # so far out it is either above every difference, as the bound of all sequences says, or shows nothing
            return {}
        return self._attention.sets(self._q, self._m, self._bounds.below(steps))

    def layer(self, threshold: int, sets: Sets) -> tuple[int, int]:
        """The bound that a threshold gives, and how many sequences are shown to have it."""
        loss = cross_entropy([min(threshold, value) for value in self._largest], HIGH) if sets else 0
        return loss, count_of(sets, self._attention.free)


def _scaled(value: int, shift: int) -> int:
    """value·2^shift, rounded down."""
    return value << shift if shift >= 0 else value >> -shift
