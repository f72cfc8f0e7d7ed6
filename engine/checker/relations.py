"""What a certificate may prove of inputs: how many are right, the mean loss, the least margin; and what it concludes.

A relation may be weaker than what is found, not stronger. ``name`` is the first key of its text: ``metric`` where it is
to be proved, ``kind`` where it is concluded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .certificate import Reader
from .errors import Code, Failure
from .logarithm import UNIT_BITS


class Relation(ABC):
    """What all relations have; ``semantics``: which float runs the statement is about, None for real numbers."""

    semantics: Mapping[str, object] | None = None

    def check_sense(self, inputs: int) -> None:
        """Raises Failure where it can be true of no such number of inputs; some can of any."""
        return

    def follows_from(self, found: object) -> bool:
        """Whether another conclusion implies this one."""
        return found == self

    @abstractmethod
    def text(self) -> str:
        """As the verdict line prints it."""

    @abstractmethod
    def fields(self, inputs: int) -> dict[str, Any]:
        """What the verdict says in JSON."""

    @abstractmethod
    def words(self, inputs: str, counted: str) -> str:
        """The theorem in words."""


@dataclass(frozen=True)
class Accuracy(Relation):
    """right_low <= number of right inputs <= right_high, of ``inputs``."""

    right_low: int
    right_high: int
    inputs: int

    @classmethod
    def read(cls, reader: Reader, name: str = "kind") -> Accuracy:
        bounds = dict.fromkeys(("right_low", "right_high", "inputs"), reader.big)
        return cls(*reader.object(**{name: "accuracy"}, **bounds))

    def check_sense(self, inputs: int) -> None:
        """About all the inputs, and 0 <= right_low <= right_high <= inputs; E202, E203."""
        if self.inputs != inputs:
            raise Failure(Code.E202, stated=self.inputs, own=inputs)
        if not 0 <= self.right_low <= self.right_high <= inputs:
            raise Failure(Code.E203)

    def follows_from(self, found: object) -> bool:
        return isinstance(found, Accuracy) and found.right_low >= self.right_low and found.right_high <= self.right_high

    def text(self) -> str:
        """
        >>> Accuracy(3, 4, 4).text(), Accuracy(4, 4, 4).text(), Accuracy(2, 3, 4).text()
        ('accuracy >= 3/4', 'accuracy = 4/4', 'accuracy in [2/4, 3/4]')
        """
        low, high, inputs = self.right_low, self.right_high, self.inputs
        if low == high:
            return f"accuracy = {low}/{inputs}"
        return f"accuracy >= {low}/{inputs}" if high == inputs else f"accuracy in [{low}/{inputs}, {high}/{inputs}]"

    def fields(self, inputs: int) -> dict[str, Any]:
        return {"right_low": self.right_low, "right_high": self.right_high, "inputs": inputs}

    def words(self, inputs: str, counted: str) -> str:
        low, high = self.right_low, self.right_high
        count = f"exactly {low}" if low == high else f"at least {low} and at most {high}"
        return f"Theorem: over the real numbers, of all {inputs} {counted}, {count}\n  are answered right.\n"


@dataclass(frozen=True)
class Enclosure(Relation):
    """low <= number * 2**128 <= high."""

    low: int
    high: int
    name: ClassVar[str] = ""
    least: ClassVar[str] = ""
    meaning: ClassVar[str] = ""

    @classmethod
    def read(cls, reader: Reader, name: str = "kind") -> Enclosure:
        return cls(*reader.object(**{name: cls.name}, low=reader.big, high=reader.big))

    def check_sense(self, inputs: int) -> None:
        """low <= high; E205."""
        if self.low > self.high:
            raise Failure(Code.E205)

    def follows_from(self, found: object) -> bool:
        return isinstance(found, type(self)) and found.low >= self.low and found.high <= self.high

    def decimals(self) -> tuple[str, str]:
        """Both bounds in decimal, the lower rounded down and the upper rounded up.

        As many decimals as show the width to a hundredth: at least 4, at most 40.

        >>> Loss(1 << 126, 3 << 125).decimals(), Loss(0, 1 << 108).decimals()
        (('0.2500', '0.3750'), ('0.000000000', '0.000000954'))
        """
        digits = 4
        while 0 < (self.high - self.low) * 10**digits < 100 << UNIT_BITS and digits < 40:
            digits += 1
        below, above = self.low * 10**digits >> UNIT_BITS, -(-self.high * 10**digits >> UNIT_BITS)
        return decimal(below, digits), decimal(above, digits)

    def text(self) -> str:
        low, high = self.decimals()
        return f"{self.name} in [{low}, {high}]"

    def fields(self, inputs: int) -> dict[str, Any]:
        low, high = self.decimals()
        return {f"{self.name}_low": low, f"{self.name}_high": high, "inputs": inputs}

    def words(self, inputs: str, counted: str) -> str:
        low, high = self.decimals()
        return (
            f"{self.name.capitalize()}: {self.meaning}.\n"
            f"Theorem: over the real numbers, the {self.least} {self.name} over all {inputs} {counted} lies\n"
            f"  between {low} and {high}.\n"
        )


class Loss(Enclosure):
    """Of the mean loss."""

    name, least = "loss", "mean"
    meaning = "the cross-entropy -log softmax(logits)_c for the right answer c, natural logarithm"

    def check_sense(self, inputs: int) -> None:
        """0 <= low <= high; E205."""
        super().check_sense(inputs)
        if self.low < 0:
            raise Failure(Code.E205)


class LossSum(Enclosure):
    """Of the sum of the losses of all inputs; concluded, and no theorem of its own."""

    name = "loss_sum"


class Margin(Enclosure):
    """Of the least margin."""

    name, least = "margin", "least"
    meaning = "the right answer's logit minus the largest other logit"


def decimal(scaled: int, digits: int) -> str:
    """scaled / 10**digits.

    >>> decimal(-1234, 3), decimal(5, 1)
    ('-1.234', '0.5')
    """
    whole, part = divmod(abs(scaled), 10**digits)
    return f"{'-' if scaled < 0 else ''}{whole}.{part:0{digits}d}"
