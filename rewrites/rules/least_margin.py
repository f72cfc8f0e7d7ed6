"""The least margin of any network: the right answer's logit minus the largest other one, at its least over all inputs
and read positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.certificate import hex_integer
from ...engine.claim import Claim, Shown
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from .every_input import DecidedInputs
from .loss import UNIT_BITS, digits_of
from .network_function import NetworkFunction

# A certificate's bounds lie outside of the proved ones by a unit and by this share, for a checker that rounds.
SHARE_BITS = 100


@dataclass(frozen=True)
class LeastMargin(Claim):
    """low·2^-UNIT_BITS <= least margin over all inputs and read positions <= high·2^-UNIT_BITS."""

    statement: Statement
    low: int
    high: int

    kind = "margin"

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        return Fraction(self.low, 1 << UNIT_BITS), Fraction(self.high, 1 << UNIT_BITS)

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return self.statement.inputs

    def certified(self) -> LeastMargin:
        """What a certificate says: less than the claim, by next to nothing."""
        low, high = (end + side * (1 + (abs(end) >> SHARE_BITS)) for end, side in ((self.low, -1), (self.high, 1)))
        return LeastMargin(self.statement, low, high)

    def conclusion(self) -> dict[str, Any]:
        said = self.certified()
        return {"kind": self.kind, "low": hex_integer(said.low), "high": hex_integer(said.high)}

    def shown(self) -> Shown:
        return Shown("least_margin/1", (NetworkFunction(self.statement),), dict)

    def identity(self) -> str:
        return f"{self.statement.sha256}:{self.low}:{self.high}"

    def decimals(self) -> tuple[str, str]:
        """Both bounds, each rounded in its safe direction."""
        low, high = self.bounds
        digits = digits_of(high - low)
        return floor_str(low, digits), ceil_str(high, digits)

    def relation(self) -> str:
        """The theorem as the verdict line states it."""
        low, high = self.decimals()
        return f"margin in [{low}, {high}]"

    def sentence(self) -> str:
        low, high = self.decimals()
        return f"The least margin over all inputs lies between ${low}$ and ${high}$."

    def data(self) -> dict[str, Any]:
        """The bounds as plain data."""
        low, high = self.decimals()
        return {"margin_low": low, "margin_high": high, "inputs": self.inputs}


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
        low, high = margin.lower * (1 << UNIT_BITS), margin.upper * (1 << UNIT_BITS)
        return LeastMargin(decided.statement, low.numerator // low.denominator, -(-high.numerator // high.denominator))
