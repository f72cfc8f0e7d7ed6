"""From counts to accuracy: the number of right sequences over the number of inputs, two-sided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str, count_str, floor_str
from ...engine.certificate import hex_integer
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.float_statement import FloatStatement
from ...models.statement import Statement
from .count import Count
from .path_decomposition import V

# Decimals beside a fraction in a verdict line.
DIGITS = 6
# Decimals in a transcript's theorem.
DECIMALS = 8


@dataclass(frozen=True)
class Accuracy(Claim):
    """low/inputs <= accuracy <= high/inputs."""

    statement: Statement
    low: int
    high: int

    kind = "accuracy"

    @property
    def inputs(self) -> int:
        return self.statement.inputs

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        return Fraction(self.low, self.inputs), Fraction(self.high, self.inputs)

    @property
    def looseness(self) -> int:
        """How many sequences are not shown to be right."""
        return self.inputs - self.low

    def conclusion(self) -> dict[str, Any]:
        counts = (("right_low", self.low), ("right_high", self.high), ("inputs", self.inputs))
        return {"kind": self.kind, **{name: hex_integer(count) for name, count in counts}}

    def identity(self) -> str:
        return f"{self.statement.sha256}:{self.low}:{self.high}"

    def relation(self) -> str:
        """The theorem as the verdict line states it; fractions are not reduced."""
        if self.low == self.high:
            return f"accuracy = {count_str(self.low, self.inputs)}"
        if self.high == self.inputs:
            return f"accuracy >= {count_str(self.low, self.inputs)}"
        return f"accuracy in [{count_str(self.low, self.inputs)}, {count_str(self.high, self.inputs)}]"

    def decimals(self) -> str:
        """The relation's fractions in decimals, cut off, or rounded in the safe direction."""
        low, high = self.bounds
        if self.low == self.high or self.high == self.inputs:
            return floor_str(low, DIGITS)
        return f"[{floor_str(low, DIGITS)}, {ceil_str(high, DIGITS)}]"

    def sentence(self) -> str:
        low, high = count_str(self.low, self.inputs), count_str(self.high, self.inputs)
        if self.low == self.high:
            return f"Exactly {self.low} of {self.inputs} inputs are right: the accuracy is ${low}$."
        if self.high == self.inputs:
            return f"At least {self.low} of {self.inputs} inputs are right: the accuracy is at least ${low}$."
        return (
            f"At least {self.low} and at most {self.high} of {self.inputs} inputs are right: the accuracy lies between "
            f"${low}$ and ${high}$."
        )

    def in_decimals(self) -> str:
        """The same in decimals, rounded in the safe direction, as a sentence after :meth:`sentence`."""
        low, high = (floor_str(self.bounds[0], DECIMALS), ceil_str(self.bounds[1], DECIMALS))
        if self.low == self.high in (0, self.inputs):
            return f"In decimals it is {1 if self.low else 0}."
        if self.low == self.high:
            return f"In decimals it is {low}." if low == high else f"In decimals, cut off, it is {low}."
        if self.high == self.inputs:
            return f"In decimals it is at least {low}."
        return f"In decimals it lies between {low} and {high}."

    def data(self) -> dict[str, Any]:
        """The bounds as plain data."""
        return {"right_low": self.low, "right_high": self.high, "inputs": self.inputs}


class AccuracyFromCount(Rule):
    """From the counts; no advice."""

    name = "accuracy"
    certifiable = True
    premises = (Count,)
    lemmas = ()
    derivation = "The right inputs, as counted, over the number of all inputs."
    cost = Cost(add=V**2)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        return Cost(add=premises[0].parts)

    def conclude(self, premises: Sequence[Any], advice: Any) -> Accuracy:
        (count,) = premises
        if isinstance(count.statement, FloatStatement):
            raise NotEstablished(self.tag, "a count about float runs is no theorem about real numbers")
        return Accuracy(count.statement, count.low, count.high)
