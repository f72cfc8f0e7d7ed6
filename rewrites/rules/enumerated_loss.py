"""The mean loss of any network, from the enclosed losses of all inputs; and what a certificate says of it.

The checker evaluates every input again, in coarser numbers, so that a certificate states wider bounds than the theorem:
wide enough for the checker's first pass on most networks, and for its finer passes on all (docs/certificate.md §11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.claim import Shown
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from .enclosed_number import UNIT_BITS, in_units
from .every_input import DecidedInputs
from .loss import Loss
from .network_function import NetworkFunction

# A certificate's bounds lie outside of the proved ones by their distance, but by this share of the loss and by this
# much at least; and for sets of more inputs by four times their distance, so that these are rarely evaluated twice.
SHARE = Fraction(1, 1 << 10)
LEAST = Fraction(1, 1 << 40)
MANY, FACTOR = 1 << 18, 4


@dataclass(frozen=True)
class EnumeratedLoss(Loss):
    """low·2^-UNIT_BITS <= mean loss over all inputs and read positions <= high·2^-UNIT_BITS."""

    def certified(self) -> Loss:
        """What a certificate says: less than the claim."""
        low, high = self.bounds
        factor = FACTOR if self.statement.task.inputs.size > MANY else 1
        room = max(factor * (high - low), high * SHARE, LEAST) * (1 << UNIT_BITS)
        units = -(-room.numerator // room.denominator)
        return Loss(self.statement, max(self.low - units, 0), self.high + units)

    def shown(self) -> Shown:
        return Shown("enumerated_loss/1", (NetworkFunction(self.statement),), dict)


class LossOfEveryInput(Rule):
    """From what is known of every input, its loss included; no advice."""

    name = "mean_loss"
    premises = (DecidedInputs,)
    lemmas = ()
    derivation = (
        "The cross-entropies of all inputs, enclosed with their logits, are added up and divided by their number, "
        f"rounded outward to multiples of $2^{{-{UNIT_BITS}}}$."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> EnumeratedLoss:
        (decided,) = premises
        mean = decided.decision.loss
        if mean is None:
            raise NotEstablished(self.tag, "the loss of some input is not known")
        return EnumeratedLoss(decided.statement, *in_units(mean.lower, mean.upper))
