"""``least_margin/1``: bounds of the least margin over all inputs and read positions.

The margin of an input is the right answer's logit minus the largest other one. A logit within r of the true one gives a
margin within 2r. So an input is seen to have a margin of ``low`` at least by the first pass that is fine enough, as it
is seen to be right; and one input with a margin of ``high`` at most is enough for the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from ..exponential import shifted_down, shifted_up
from ..logarithm import UNIT_BITS
from ..rule import Auditor, Derivation
from .enumeration import margin
from .evaluator import Coarse
from .inputs import Inputs
from .passes import Passes


def ends(logits: Sequence[int], radius: int, right: int, grid: int) -> tuple[int, int]:
    """Bounds of a margin in units of 2**-128, of logits in units of 2**-grid."""
    found, up = margin(logits, right), UNIT_BITS - grid
    return shifted_down(found - 2 * radius, up), shifted_up(found + 2 * radius, up)


def enclosures(passes: Passes, tokens: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Bounds of an input's least margin over the read positions, by passes of growing precision."""
    answers = passes.answers(tokens)
    for words in passes.words:
        with suppress(Coarse):
            found, grid = passes.logits(words, tokens), passes.at(words).grid
            each = [ends(*read, right, grid) for read, right in zip(found, answers, strict=True)]
            low, high = map(min, zip(*each, strict=True))
            yield low, high


def check_witness(passes: Passes, derivation: Derivation, tokens: Sequence[int]) -> None:
    """Holds when an input of the task has a margin of ``high`` at most."""
    stated, found = derivation.conclusion, None
    if passes.network.outputs == 1 or not passes.task.inputs.holds(tokens):
        raise derivation.differs("its witness", tokens, "an input of the task, of a network with other outputs")
    for _, found in enclosures(passes, tokens):
        if found <= stated.high:
            return
    raise derivation.differs("high", stated.high, found)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when every margin is seen to be at least the lower bound, and one at most the upper bound."""
    passes, stated = auditor.passes, derivation.conclusion
    if passes.network.outputs == 1:
        raise derivation.differs("low", stated.low, "no other output")

    def compare(inputs: Inputs) -> tuple[int, int]:
        """How many inputs are not seen to reach the lower bound; 1 if one is seen to be within the upper."""
        unseen = met = 0
        for tokens, _ in passes.visited(inputs):
            lowest = stated.low - 1
            for lowest, highest in enclosures(passes, tokens):
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
