"""The mean cross-entropy: claims about it, and its bounds from sums over parts of the inputs.

The *loss* on a sequence t is -log softmax(logits)_m with m = max t, the natural logarithm; the loss of the network is
the mean over all inputs.  Numbers stand on one grid, 2^-UNIT_BITS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.certificate import hex_integer
from ...engine.claim import Claim, Shown
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.rule import Rule
from ...models.statement import Statement
from .cell_sets import LossSets
from .enclosed_number import UNIT_BITS, EnclosedNumber, digits_of
from .parts import Part, Parts
from .path_decomposition import V


@dataclass(frozen=True)
class LossSum(Claim):
    """The losses of every part's inputs add up to between ``low[part]`` and ``high[part]``, in units of 2^-UNIT_BITS.

    ``sets``: sets of sequences whose exact bounds give the upper bound.
    """

    partition: Parts
    low: Mapping[Part, int]
    high: Mapping[Part, int]
    sets: LossSets | None = None

    kind = "loss_sum"

    @property
    def statement(self) -> Statement:
        """What it is about."""
        return self.partition.statement

    def conclusion(self) -> dict[str, Any]:
        low, high = sum(self.low.values()), sum(self.high.values())
        return {"kind": self.kind, "low": hex_integer(low), "high": hex_integer(high)}

    def identity(self) -> str:
        return digest([self.statement.sha256, self.partition.listed(self.low, self.high)])

    def shown(self) -> Shown | None:
        sets = self.sets
        if sets is None:
            return None
        return Shown("cell_losses/1", (sets.paths,), lambda: {"layers": [layer.encode() for layer in sets.layers]})

    def sentence(self) -> str:
        low, high = (Fraction(sum(side.values()), 1 << UNIT_BITS) for side in (self.low, self.high))
        digits = digits_of(high - low)
        return (
            f"The losses of all sequences add up to between ${floor_str(low, digits)}$ and ${ceil_str(high, digits)}$."
        )


@dataclass(frozen=True)
class Loss(EnclosedNumber):
    """low·2^-UNIT_BITS <= loss <= high·2^-UNIT_BITS."""

    kind = "loss"

    def sentence(self) -> str:
        low, high = self.decimals()
        return f"The mean loss over all {self.inputs} inputs lies between ${low}$ and ${high}$."


class LossFromSum(Rule):
    """From the sums; no advice."""

    name = "loss"
    certifiable = True
    premises = (LossSum,)
    lemmas = ()
    derivation = (
        "The sums of all parts, which partition the inputs, are added up and divided by the number of inputs, rounded "
        f"outward to multiples of $2^{{-{UNIT_BITS}}}$."
    )
    cost = Cost(add=V**2)

    def conclude(self, premises: Sequence[Any], advice: Any) -> Loss:
        (total,) = premises
        inputs = total.statement.inputs
        return Loss(total.statement, sum(total.low.values()) // inputs, -(-sum(total.high.values()) // inputs))
