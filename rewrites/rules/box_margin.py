"""The least margin by sets of inputs: trees that show every margin above a threshold, and an input that is near it.

Proof.  The tests of a tree are about margins above a threshold γ where X4 takes κ - γ for κ (rewrites/boxes/bounds.py):
σ(margin - γ) is what is bounded.  Where no set is left out, every margin exceeds γ; and the margin of one input is at
least the least one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.claim import Shown
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...models.statement import Statement
from ...models.tasks.inputs import InputSet
from ...models.tasks.task import Task
from ..boxes.bounds import ABOVE_BITS
from ..enumeration import decide
from ..enumeration.outcome import Margin
from .box_derivation import SEPARABLE
from .box_rule import BOX_LEMMAS, COST, DERIVATION, Boxes, Told, charged, encoded, found_by, silent, told_of
from .enclosed_number import in_units
from .least_margin import LeastMargin
from .network_function import NetworkFunction


class BoxLeastMargin(LeastMargin):
    """A certificate carries the trees: there are too many inputs to evaluate each of them."""

    def shown(self) -> Shown | None:
        return None


@dataclass(frozen=True)
class MarginBoxes:
    """Advice: trees that show the margins of all inputs above their threshold, and an input whose margin is small."""

    boxes: Boxes
    witness: tuple[int, ...]


def margin_of(statement: Statement, inputs: np.ndarray) -> Margin | None:
    """The least margin of these inputs (one a row) over all read positions, with one that attains it."""
    task = statement.task
    listed = InputSet(task.inputs.sets, "listed", inputs)
    alone = Task(task.name, listed, task.read, task.answer, task.counted, task.tensors)
    return decide(statement.network, alone, loss=False).margin


COMPARED = (
    "Margins are compared with a threshold $\\theta$ in place of 0: $\\delta - \\theta$ stands for $\\delta$. No "
    "set is "
    "left out, so the least margin is above $\\theta$. It is at most that of one input, which is enclosed by itself."
)


class BoxMargin(Rule):
    """Advice: :class:`MarginBoxes`."""

    name = "margin_boxes"
    certifiable = True
    premises = (NetworkFunction,)
    lemmas = BOX_LEMMAS
    notions = (SEPARABLE,)
    derivation = f"{DERIVATION} {COMPARED}"
    cost = COST

    def __init__(self, progress: Told = silent) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: MarginBoxes) -> BoxLeastMargin:
        (function,) = premises
        statement: Statement = function.statement
        for here in found_by(statement, advice.boxes, self.tag, self._progress):
            if here.right < here.of:
                raise NotEstablished(
                    self.tag, f"{here.of - here.right} inputs are left out at position {here.position}"
                )
        low = Fraction(advice.boxes.units.above, 1 << ABOVE_BITS)
        if not statement.task.inputs.holds(advice.witness):
            raise NotEstablished(self.tag, f"{advice.witness} is no input of the task")
        margin = margin_of(statement, np.array([advice.witness], dtype=np.int64))
        if margin is None or margin.upper is None:
            raise NotEstablished(self.tag, f"the margin of {advice.witness} is not known")
        return BoxLeastMargin(statement, *in_units(low, margin.upper))

    def derived(self, premises: Sequence[Any], advice: Any) -> str:
        return f"{told_of(premises[0].statement)} {COMPARED}"

    def charge(self, premises: Sequence[Any], advice: MarginBoxes) -> Cost:
        (function,) = premises
        return charged(function.statement, advice.boxes, self.cost)

    def encode(self, advice: MarginBoxes) -> dict[str, Any]:
        return {**encoded(advice.boxes), "witness": list(advice.witness)}
