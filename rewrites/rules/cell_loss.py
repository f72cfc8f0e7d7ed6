"""The loss of whole cells, from the exact worst ratio of two separable sums (S4): two-sided, without any search.

Theorem.  On a cell (q, m) let logit_x - logit_m lie between γ⁻_x and γ⁺_x for every x != m.  Then each of its losses
lies between log(1 + Σ exp γ⁻_x) and log(1 + Σ exp γ⁺_x).

The best γ⁺_x is the largest quotient of Σ_p D and Σ_p w over the cell.  It is found by bisection: a number γ is above
all quotients if and only if the separable sum Σ_p (D - γ w) is negative on the whole cell, which the box extremes of
its roots decide.  Bisection is no part of the proof; the last γ that passed the test is.

Source: spec/separable_logits.md S4, on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...engine.cost import Cost
from ...engine.rule import Rule
from .additive_margin import MARGIN_COST
from .box_extremes import BOX, root_bounds
from .loss import LossSum
from .loss_tree import CROSS_ENTROPY, GRID_BITS, HIGH, LOW, MEAN, cross_entropy
from .margin_enclosure import MarginEnclosure
from .path_decomposition import K, Paths, V
from .slack_count import SLACK, raised

HALVINGS = 14


class CellLoss(Rule):
    """From the paths; no advice.  ``progress(done, cells)`` is called after each cell."""

    name = "cell_loss"
    premises = (Paths,)
    lemmas = (SLACK, BOX, CROSS_ENTROPY, MEAN)
    derivation = (
        "By [@margin-with-slack], with $-\\gamma$ for $\\gamma$, a logit difference is below $\\gamma$ when the sum of "
        "$D_{q,m,x}(p, t_p) - \\gamma\\,w_q(p, t_p)$ is negative, and not below it otherwise; [@box-extremes] decides "
        "this for all sequences of a cell $(q, m)$ at once. Bisection finds such numbers above and below each "
        "difference. [@cross-entropy] bounds the loss of every sequence of the cell, and [@sum-over-parts] adds up "
        "the cells."
    )
    cost = MARGIN_COST + Cost(
        multiply=V**3 * (V + 1) * K * HALVINGS,
        add=2 * V**3 * (V + 1) * K * HALVINGS,
        compare=V**3 * (V + 1) * K * HALVINGS,
        exp=V**3,
    )
    # The checker would have to repeat the bisection.
    certifiable = False

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: Any) -> LossSum:
        (paths,) = premises
        task, enclosure = paths.statement.task, MarginEnclosure(paths)
        low, high = dict.fromkeys(task.cells(), 0), dict.fromkeys(task.cells(), 0)
        for done, (q, m) in enumerate(low):
            if (size := task.cell_size(q, m)) and task.d_vocab > 1:
                below, above = _differences(enclosure, q, m)
                low[q, m] = size * cross_entropy(below, LOW)
                high[q, m] = size * cross_entropy(above, HIGH)
            if self._progress is not None:
                self._progress(done + 1, len(low))
        return LossSum(paths.statement, low, high)


def _differences(enclosure: MarginEnclosure, q: int, m: int) -> tuple[list[int], list[int]]:
    """Bounds of all logit differences of the cell, by x != m, in steps of 2^-GRID_BITS."""
    table, weights = enclosure.cell(q, m), enclosure.attention(q, m)
    others = np.array([x for x in range(enclosure.d_vocab) if x != m], dtype=np.int64)
    free, base = table.free[:, :, others], table.base[others]
    least, largest = weights.least[others], weights.largest[others]

    def is_above(steps: np.ndarray) -> np.ndarray:
        rows = raised(free, weights.free, -steps).upper
        sums = root_bounds(q, m, raised(base, weights.base, -steps).upper, rows, np.max)
        return np.asarray((sums < 0).all(axis=0))

    def is_below(steps: np.ndarray) -> np.ndarray:
        rows = raised(free, weights.free, -steps).lower
        sums = root_bounds(q, m, raised(base, weights.base, -steps).lower, rows, np.min)
        return np.asarray((sums >= 0).all(axis=0))

    above, below = _nearest(is_above, largest, least), _nearest(is_below, least, largest)
    shift = weights.exponent + GRID_BITS
    return [_floored(g, shift) for g in below.tolist()], [-_floored(-g, shift) for g in above.tolist()]


def _nearest(passes: Callable[[np.ndarray], np.ndarray], known: np.ndarray, far: np.ndarray) -> np.ndarray:
    """Numbers between ``known`` (which need no test) and ``far`` that pass, close to where that ends."""
    for _ in range(HALVINGS):
        middle = (known + far) >> 1
        good = passes(middle)
        known, far = np.where(good, middle, known), np.where(good, far, middle)
    return known


def _floored(value: int, shift: int) -> int:
    """value·2^shift, rounded down."""
    return value << shift if shift >= 0 else value >> -shift
