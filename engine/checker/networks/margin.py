"""``least_margin/1``: bounds of the least margin over all inputs and read positions.

The margin of an input is the right answer's logit minus the largest other one. A logit within r of the true one gives a
margin within 2r. So an input is seen to have a margin of ``low`` at least by the first pass that is fine enough, as it
is seen to be right; and one input with a margin of ``high`` at most is enough for the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ..certificate import Reader
from ..errors import Code, Failure
from ..exponential import shifted_down, shifted_up
from ..logarithm import UNIT_BITS
from ..rule import Auditor, Derivation
from ..rule_loss import Enclosure, read_ends
from .enumeration import margin
from .evaluator import Coarse
from .inputs import Inputs


class Margin(Enclosure):
    """Of the least margin."""

    def check_sense(self, inputs: int) -> None:
        """low <= high; E205."""
        if self.low > self.high:
            raise Failure(Code.E205)

    def text(self) -> str:
        """The relation as the verdict line prints it."""
        low, high = self.decimals()
        return f"margin in [{low}, {high}]"

    def fields(self, inputs: int) -> dict[str, str | int]:
        """What the verdict says in JSON."""
        low, high = self.decimals()
        return {"margin_low": low, "margin_high": high, "inputs": inputs}

    def words(self, inputs: str, counted: str) -> str:
        """The theorem in words."""
        low, high = self.decimals()
        return (
            "Margin: the right answer's logit minus the largest other logit.\n"
            f"Theorem: over the real numbers, the least margin over all {inputs} {counted} lies\n"
            f"  between {low} and {high}.\n"
        )


def read_bounds(reader: Reader) -> Margin:
    """Those of a relation about the least margin."""
    return Margin(*read_ends(reader))


def read_conclusion(reader: Reader) -> Margin:
    """The bounds."""
    reader.literal('{"kind":"margin",')
    return read_bounds(reader)


def ends(logits: Sequence[int], radius: int, right: int, grid: int) -> tuple[int, int]:
    """Bounds of a margin in units of 2**-128, of logits in units of 2**-grid."""
    found, up = margin(logits, right), UNIT_BITS - grid
    return shifted_down(found - 2 * radius, up), shifted_up(found + 2 * radius, up)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when every margin is seen to be at least the lower bound, and one at most the upper bound."""
    passes, stated = auditor.passes, derivation.conclusion
    if passes.network.outputs == 1:
        raise derivation.differs("low", stated.low, "no other output")

    def compare(inputs: Inputs) -> tuple[int, int]:
        """How many inputs are not seen to reach the lower bound; 1 if one is seen to be within the upper."""
        unseen = met = 0
        for tokens, answers in passes.visited(inputs):
            lowest = stated.low - 1
            for words in passes.words:
                with suppress(Coarse):
                    found, grid = passes.logits(words, tokens), passes.at(words).grid
                    each = [ends(*read, right, grid) for read, right in zip(found, answers, strict=True)]
                    lowest, highest = map(min, zip(*each, strict=True))
                    met |= highest <= stated.high
                    if highest < stated.low:
                        raise derivation.differs("low", stated.low, highest)
                    if lowest >= stated.low and (met or lowest > stated.high):
                        break
            unseen += lowest < stated.low
        return unseen, met

    unseen, met = passes.summed(compare)
    if unseen:
        raise derivation.differs("low", stated.low, f"{unseen} inputs that may be below it")
    if not met:
        raise derivation.differs("high", stated.high, "no input that is seen to be within it")
