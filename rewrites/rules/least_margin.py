"""The least margin of any network: the right answer's logit minus the largest other one, at its least over all inputs
and read positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.claim import Shown
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from .enclosed_number import UNIT_BITS, EnclosedNumber, in_units
from .every_input import DecidedInputs
from .network_function import NetworkFunction

# A certificate's bounds lie outside of the proved ones by a unit and by this share, for a checker that rounds.
SHARE_BITS = 100


@dataclass(frozen=True)
class LeastMargin(EnclosedNumber):
    """low·2^-UNIT_BITS <= least margin over all inputs and read positions <= high·2^-UNIT_BITS."""

    kind = "margin"

    def certified(self) -> LeastMargin:
        """What a certificate says: less than the claim, by next to nothing."""
        low, high = (end + side * (1 + (abs(end) >> SHARE_BITS)) for end, side in ((self.low, -1), (self.high, 1)))
        return LeastMargin(self.statement, low, high)

    def shown(self) -> Shown:
        return Shown("least_margin/1", (NetworkFunction(self.statement),), dict)

    def sentence(self) -> str:
        low, high = self.decimals()
        return f"The least margin over all inputs lies between ${low}$ and ${high}$."


class MarginOfEveryInput(Rule):
    """From what is known of every input; no advice."""

    name = "least_margin"
    premises = (DecidedInputs,)
    lemmas = ()
    derivation = (
        "The least of the margins of all inputs, which are enclosed with their logits, rounded outward to multiples of "
        f"$2^{{-{UNIT_BITS}}}$."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> LeastMargin:
        (decided,) = premises
        margin = decided.decision.margin
        if margin is None:
            raise NotEstablished(self.tag, "there is one output only, and nothing to be larger than")
        if margin.lower is None or margin.upper is None:
            raise NotEstablished(self.tag, "the margin of some input is not known")
        return LeastMargin(decided.statement, *in_units(margin.lower, margin.upper))
