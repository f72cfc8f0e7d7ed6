"""The mean loss by thresholds of margins: for each of several thresholds, trees that show margins above it, or at most
it.

Theorem.  An input whose margin exceeds γ has a loss of at most log(1 + (n - 1) e^-γ), n the number of outputs; one
whose margin is at most γ has a loss of at least log(1 + e^-γ).  So many inputs for each γ bound the sum of all losses.

Proof.  The loss is log(1 + Σ_x e^-δ_x) over the other outputs x, and the margin the least δ_x; then the layers of
[@loss-layers], of the losses from above and of their negatives, which are at most 0, from below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.ball import Ball, precision
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from ..boxes.bounds import ABOVE_BITS
from .box_derivation import SEPARABLE
from .box_rule import BOX_LEMMAS, COST, DERIVATION, Boxes, Told, charged, encoded, found_by, silent, told_of
from .enclosed_number import UNIT_BITS
from .induction.margin_loss import MARGIN_LOSS
from .loss import Loss
from .loss_layers import LAYERS, layered
from .network_function import NetworkFunction

PRECISION = 256
SHARE_BITS = 40  # a certificate's bounds leave this share, for a checker's own logarithms


class BoxMeanLoss(Loss):
    """A certificate carries the trees."""

    def certified(self) -> Loss:
        """What it says: a little less."""
        units = 1 + (self.high >> SHARE_BITS)
        return Loss(self.statement, max(0, self.low - units), self.high + units)


@dataclass(frozen=True)
class LossBoxes:
    """Advice: trees for several thresholds; those of one leave no input out."""

    steps: tuple[Boxes, ...]


COMPARED = (
    "Margins are compared with several thresholds $\\theta$ in place of 0: $\\delta - \\theta$ stands for "
    "$\\delta$. By [@margin-loss] an "
    "input whose margins all exceed $\\theta$ has a loss of at most $\\log(1 + (C - 1)\\,e^{-\\theta})$, $C$ the "
    "number "
    "of outputs, and one with a margin of at most $\\theta$ a loss of at least $\\log(1 + e^{-\\theta})$; "
    "[@loss-layers] adds them up, the losses from above and their negatives from below."
)


class BoxLoss(Rule):
    """Advice: :class:`LossBoxes`."""

    name = "loss_boxes"
    certifiable = True
    premises = (NetworkFunction,)
    lemmas = (*BOX_LEMMAS, MARGIN_LOSS, LAYERS)
    notions = (SEPARABLE,)
    derivation = f"{DERIVATION} {COMPARED}"
    cost = COST

    def __init__(self, progress: Told = silent) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: LossBoxes) -> BoxMeanLoss:
        (function,) = premises
        statement: Statement = function.statement
        most: list[tuple[int, int]] = []
        least: list[tuple[int, int]] = []
        pairs = 0
        for step in advice.steps:
            found = found_by(statement, step, self.tag, self._progress)
            pairs = sum(here.of for here in found)
            low, high = losses(Fraction(step.units.above, 1 << ABOVE_BITS), statement.network.outputs)
            most.append((high, sum(here.right for here in found)))
            least.append((-low, sum(here.wrong for here in found)))
        if not pairs or max(number for _, number in most) < pairs:
            raise NotEstablished(self.tag, "no threshold is below the margins of all inputs")
        total = layered(most)
        return BoxMeanLoss(statement, -layered([*least, (0, pairs)]) // pairs, -(-total // pairs))

    def derived(self, premises: Sequence[Any], advice: Any) -> str:
        return f"{told_of(premises[0].statement)} {COMPARED}"

    def charge(self, premises: Sequence[Any], advice: LossBoxes) -> Cost:
        (function,) = premises
        found = Cost()
        for step in advice.steps:
            found = found + charged(function.statement, step, self.cost)
        return found

    def encode(self, advice: LossBoxes) -> dict[str, Any]:
        return {"steps": [encoded(step) for step in advice.steps]}


def losses(threshold: Fraction, outputs: int) -> tuple[int, int]:
    """Bounds of the loss in units of 2^-UNIT_BITS: from below of an input whose margin is at most the threshold, from
    above of one whose margin exceeds it.

    >>> [round(end / 2**UNIT_BITS, 6) for end in losses(Fraction(0), 3)]
    [0.693147, 1.098612]
    """
    with precision(PRECISION):
        power, one = Ball.rational(-threshold).exp(), Ball.dyadic(1, 0)
        low = (one + power).log().enclosure * (1 << UNIT_BITS)
        high = (one + Ball.dyadic(outputs - 1, 0) * power).log().enclosure * (1 << UNIT_BITS)
        below, above = low.lower().floor().unique_fmpz(), high.upper().ceil().unique_fmpz()
    assert below is not None and above is not None, "ends that were rounded to integers"
    return max(0, int(below)), int(above)
