"""``accuracy/1``: bounds of the number of right inputs, or pairs of input and position."""

from __future__ import annotations

from dataclasses import dataclass

from .certificate import Reader
from .errors import Code, Failure
from .rule import Auditor, Derivation, Rule, check_count, no_advice


@dataclass(frozen=True)
class Accuracy:
    """right_low <= number of right inputs <= right_high, of ``inputs``."""

    right_low: int
    right_high: int
    inputs: int

    def check_sense(self, inputs: int) -> None:
        """About all the inputs, and 0 <= right_low <= right_high <= inputs; E202, E203."""
        if self.inputs != inputs:
            raise Failure(Code.E202, stated=self.inputs, own=inputs)
        if not 0 <= self.right_low <= self.right_high <= inputs:
            raise Failure(Code.E203)

    def follows_from(self, found: object) -> bool:
        """Whether another conclusion implies this one."""
        return isinstance(found, Accuracy) and found.right_low >= self.right_low and found.right_high <= self.right_high

    def text(self) -> str:
        """The relation as the verdict line prints it.

        >>> Accuracy(3, 4, 4).text(), Accuracy(4, 4, 4).text(), Accuracy(2, 3, 4).text()
        ('accuracy >= 3/4', 'accuracy = 4/4', 'accuracy in [2/4, 3/4]')
        """
        low, high, inputs = self.right_low, self.right_high, self.inputs
        if low == high:
            return f"accuracy = {low}/{inputs}"
        if high == inputs:
            return f"accuracy >= {low}/{inputs}"
        return f"accuracy in [{low}/{inputs}, {high}/{inputs}]"

    def fields(self, inputs: int) -> dict[str, str | int]:
        """What the verdict says in JSON."""
        return {"right_low": self.right_low, "right_high": self.right_high, "inputs": inputs}

    def words(self, inputs: str, counted: str) -> str:
        """The theorem in words."""
        low, high = self.right_low, self.right_high
        count = f"exactly {low}" if low == high else f"at least {low} and at most {high}"
        return f"Theorem: over the real numbers, of all {inputs} {counted}, {count}\n  are answered right.\n"


def read_bounds(reader: Reader) -> Accuracy:
    """``"right_low":..,"right_high":..,"inputs":..}``, the common end of this conclusion and of the relation."""
    reader.literal('"right_low":')
    low = reader.big()
    reader.literal(',"right_high":')
    high = reader.big()
    reader.literal(',"inputs":')
    inputs = reader.big()
    reader.literal("}")
    return Accuracy(low, high, inputs)


def read_conclusion(reader: Reader) -> Accuracy:
    """The bounds."""
    reader.literal('{"kind":"accuracy",')
    return read_bounds(reader)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the bounds are no better than the premise's and the number of inputs is the task's."""
    check_count(derivation, derivation.premises[0].conclusion)
    if derivation.conclusion.inputs != auditor.inputs:
        raise derivation.differs("inputs", derivation.conclusion.inputs, auditor.inputs)


RULE = Rule("accuracy/1", ("right_count",), "accuracy", no_advice, read_conclusion, check)
