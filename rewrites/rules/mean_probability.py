"""The mean probability of the right answer: its softmax, averaged over all inputs and read positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from .enclosed_number import UNIT_BITS, EnclosedNumber, in_units
from .every_input import DecidedInputs


@dataclass(frozen=True)
class MeanProbability(EnclosedNumber):
    """low·2^-UNIT_BITS <= mean over all inputs and read positions of softmax(logits)[right answer] <=
    high·2^-UNIT_BITS."""

    kind = "probability"

    def sentence(self) -> str:
        low, high = self.decimals()
        return (
            f"The mean probability of the right answer over all {self.inputs} inputs lies between ${low}$ and ${high}$."
        )


class ProbabilityOfEveryInput(Rule):
    """From what is known of every input, its probability included; no advice."""

    name = "mean_probability"
    premises = (DecidedInputs,)
    lemmas = ()
    derivation = (
        "The probability of a right answer is $\\exp(-\\ell)$ with $\\ell$ the cross-entropy. Those of all inputs, "
        "enclosed with their logits, are added up and divided by their number, rounded outward to multiples of "
        f"$2^{{-{UNIT_BITS}}}$."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> MeanProbability:
        (decided,) = premises
        mean = decided.decision.probability
        if mean is None:
            raise NotEstablished(self.tag, "the probability of some right answer is not known")
        return MeanProbability(decided.statement, *in_units(mean.lower, mean.upper))
