"""The mean loss of a network of one layer on the largest of its tokens, from boxes whose mean losses are enclosed to
second order.

Theorem.  The boxes partition the inputs, so the losses add up to at least Σ size·(lower bound of the box's mean) and at
most Σ size·(upper bound), with the bounds of :mod:`.box_averages`.

Proof.  The roots partition the cells: for q = m every free position holds a token up to m; for q < m the first free
position that holds m is unique.  A split parts one position's set in two.

Which boxes are split is decided by their bounds, from the roots on, so that nothing but the width that is wanted and a
number of boxes is advice: round for round those whose size times width is above the mean of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.arithmetic.fixed_point import LOST
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.one_layer import one_layer_of
from ..enumeration.loss import BITS
from .box_averages import Averages, Bounded
from .enclosed_number import UNIT_BITS
from .loss import Loss
from .loss_tree import MEAN
from .margin_enclosure import MarginEnclosure
from .path_decomposition import Paths
from .token_order_tree import PARTITION

MOST_ENTRIES = 1 << 26  # numbers that all boxes' tables may take, V^4 K / 3


@dataclass(frozen=True)
class Refinement:
    """Advice: bounds no further apart than ``width``, or so many boxes bounded."""

    width: Fraction
    boxes: int


@dataclass
class Leaves:
    """Boxes of one largest token, with what is known of each."""

    averages: Averages
    queries: np.ndarray
    held: np.ndarray
    bounded: Bounded

    @staticmethod
    def of(averages: Averages) -> Leaves:
        queries, held = averages.roots()
        return Leaves(averages, queries, held, averages.bounds(queries, held))

    def __len__(self) -> int:
        return len(self.queries)

    def totals(self) -> tuple[int, int]:
        """Bounds of the sum of all losses, in units of 2^-BITS."""
        sizes = self.averages.sizes(self.held).tolist()
        bounds = self.bounded.low.tolist(), self.bounded.high.tolist()
        low, high = (sum(size * end for size, end in zip(sizes, ends, strict=True)) for ends in bounds)
        return low, high

    def refined(self, share: int) -> tuple[Leaves, int]:
        """With those split whose size times width is above ``share``, and how many boxes are new."""
        sizes = self.averages.sizes(self.held)
        wide = (self.bounded.high - self.bounded.low > min(share, LOST) // sizes) & (sizes > 1)
        if not wide.any():
            return self, 0
        split = self.averages.split(self.queries[wide], self.held[wide], self.bounded.reach[wide])
        again = self.averages.sizes(split[1]) > 1
        twice = self.averages.split(*(some[again] for some in split))
        queries, held = (np.concatenate([a[~again], b]) for a, b in zip(split[:2], twice[:2], strict=True))
        new, old = self.averages.bounds(queries, held), self.bounded
        both = Bounded(
            *(
                np.concatenate([before[~wide], after])
                for before, after in ((old.low, new.low), (old.high, new.high), (old.reach, new.reach))
            )
        )
        queries, held = np.concatenate([self.queries[~wide], queries]), np.concatenate([self.held[~wide], held])
        return Leaves(self.averages, queries, held, both), len(new.low)


class AveragedLoss(Rule):
    """Advice: a :class:`Refinement`."""

    name = "averaged_loss"
    premises = (Paths,)
    lemmas = (PARTITION, MEAN)
    derivation = (
        "Every cell is parted by [@token-order-partition] into boxes, on each of which every free position holds a "
        "token of a set of its own. The logit differences are $\\Delta_x = R_x/W$ with sums $R_x$ and $W$ of one term "
        "a position. The loss is convex in the differences and concave in their exponentials, so its mean over a box "
        "lies between its values at the mean difference and at the mean exponential (Jensen). With $\\gamma$ near "
        "$\\mathrm E R_x/\\mathrm E W$ both are $\\gamma$, or $e^\\gamma$, up to products of two spreads of the box. "
        "[@sum-over-parts] adds up the boxes."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Refinement) -> Loss:
        paths: Paths = premises[0]
        layer, inputs = one_layer_of(paths.statement), paths.statement.inputs
        if inputs >= LOST or layer.d_vocab**4 * layer.n_ctx > 3 * MOST_ENTRIES:
            raise NotEstablished(self.tag, f"{inputs} inputs are too many for tables of their boxes")
        if layer.d_vocab < 2 or layer.n_ctx < 2:
            raise NotEstablished(self.tag, "one token, or one position, has no boxes to part")
        enclosure, scores = MarginEnclosure(paths), paths.tables["EQKE"].numerators.tolist()
        order = sorted(range(layer.d_vocab), key=lambda t: (-sum(int(row[t]) for row in scores), t))
        leaves = [Leaves.of(Averages(enclosure, m, order)) for m in range(layer.d_vocab)]
        bounded = sum(map(len, leaves))
        while True:
            totals = [some.totals() for some in leaves]
            low, high = sum(total[0] for total in totals), sum(total[1] for total in totals)
            share = (high - low) // sum(map(len, leaves))
            if high - low <= advice.width * (inputs << BITS) or bounded >= advice.boxes:
                break
            refined = [some.refined(share) for some in leaves]
            leaves, new = [some for some, _ in refined], sum(number for _, number in refined)
            if not new:
                break
            bounded += new
        unit = UNIT_BITS - BITS
        return Loss(paths.statement, (low << unit) // inputs, -(-(high << unit) // inputs))
