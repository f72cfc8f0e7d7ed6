"""``loss/1``: bounds of the mean of -log softmax(logits)_m over all inputs."""

from __future__ import annotations

from dataclasses import dataclass

from .certificate import Reader
from .errors import Code, Failure
from .logarithm import UNIT_BITS
from .rule import Auditor, Derivation, Rule, no_advice


@dataclass(frozen=True)
class Enclosure:
    """low <= number * 2**128 <= high."""

    low: int
    high: int

    def follows_from(self, found: object) -> bool:
        """Whether another conclusion implies this one."""
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


class Loss(Enclosure):
    """Of the mean loss."""

    def check_sense(self, inputs: int) -> None:
        """0 <= low <= high; E205."""
        if not 0 <= self.low <= self.high:
            raise Failure(Code.E205)

    def text(self) -> str:
        """The relation as the verdict line prints it."""
        low, high = self.decimals()
        return f"loss in [{low}, {high}]"

    def fields(self, inputs: int) -> dict[str, str | int]:
        """What the verdict says in JSON."""
        low, high = self.decimals()
        return {"loss_low": low, "loss_high": high, "inputs": inputs}

    def words(self, inputs: str, counted: str) -> str:
        """The theorem in words."""
        low, high = self.decimals()
        return (
            "Loss: the cross-entropy -log softmax(logits)_c for the right answer c, natural logarithm.\n"
            f"Theorem: over the real numbers, the mean loss over all {inputs} {counted} lies\n"
            f"  between {low} and {high}.\n"
        )


def decimal(scaled: int, digits: int) -> str:
    """scaled / 10**digits.

    >>> decimal(-1234, 3), decimal(5, 1)
    ('-1.234', '0.5')
    """
    whole, part = divmod(abs(scaled), 10**digits)
    return f"{'-' if scaled < 0 else ''}{whole}.{part:0{digits}d}"


def read_ends(reader: Reader) -> tuple[int, int]:
    """``"low":..,"high":..}``, the common end of such conclusions and relations."""
    reader.literal('"low":')
    low = reader.big()
    reader.literal(',"high":')
    high = reader.big()
    reader.literal("}")
    return low, high


def read_bounds(reader: Reader) -> Loss:
    """Those of a relation about the loss."""
    return Loss(*read_ends(reader))


def read_conclusion(reader: Reader) -> Loss:
    """The bounds."""
    reader.literal('{"kind":"loss",')
    return read_bounds(reader)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when as many times the bounds as there are inputs are no better than the premise's."""
    stated, total = derivation.conclusion, derivation.premises[0].conclusion
    if stated.low * auditor.inputs > total.low:
        raise derivation.differs("low", stated.low, total.low // auditor.inputs)
    if stated.high * auditor.inputs < total.high:
        raise derivation.differs("high", stated.high, -(-total.high // auditor.inputs))


RULE = Rule("loss/1", ("loss_sum",), "loss", no_advice, read_conclusion, check)
