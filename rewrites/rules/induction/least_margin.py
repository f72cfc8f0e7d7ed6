"""The least margin of an induction head: a leaf of a tree has the margin of its test, or that of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ....engine.claim import Shown
from ....engine.cost import Cost
from ....engine.rule import NotEstablished, Rule
from ..enclosed_number import in_units
from ..least_margin import LeastMargin
from ..network_function import NetworkFunction
from .nodes import groups
from .tables import InductionTables
from .tree import MARGIN_BITS, TOLD, InductionTree, NodeTree


class InductionLeastMargin(LeastMargin):
    """A certificate carries the tree: there are too many inputs to evaluate each of them."""

    def shown(self) -> Shown | None:
        return None


@dataclass(frozen=True)
class MarginTree:
    """Advice: a tree, and an input whose margin is small."""

    tree: NodeTree
    witness: tuple[int, ...]


class InductionMargin(Rule):
    """From the network and its tables.  Advice: :class:`MarginTree`."""

    name = "induction_margin"
    certifiable = True
    premises = (NetworkFunction, InductionTables)
    left_out = 1
    lemmas = InductionTree.lemmas
    derivation = (
        f"{TOLD} Margins of the inputs of the remaining leaves are enclosed one by one ([@decided-by-radius]), and "
        f"so is "
        "that of an input that the advice names: the least margin is at least the least of these and of the leaves' "
        "$\\gamma$, and at most that input's."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: MarginTree) -> InductionLeastMargin:
        _, tables = premises
        if not any(root.holds(advice.witness) for root in groups(tables.statement.task.inputs)):
            raise NotEstablished(self.tag, f"{advice.witness} is no input of the task")
        witness = tables.least_margin(np.array([advice.witness], dtype=np.int64))
        if witness is None or witness.upper is None:
            raise NotEstablished(self.tag, f"the margin of {advice.witness} is not known")
        lows: list[Fraction] = []
        for leaf in InductionTree().leaves(tables, advice.tree):
            if leaf.level is not None:
                lows.append(Fraction(advice.tree.margins[leaf.level], 1 << MARGIN_BITS))
                continue
            margin = None
            if leaf.outcome is not None:
                inputs = np.concatenate([node.inputs() for node in leaf.nodes])
                margin = tables.least_margin(inputs, witness.upper)
            if margin is None or margin.lower is None:
                raise NotEstablished(self.tag, f"nothing is known of the margins at {leaf.nodes[0].fixed}")
            lows.append(margin.lower)
        return InductionLeastMargin(tables.statement, *in_units(min(lows), witness.upper))

    def charge(self, premises: Sequence[Any], advice: MarginTree) -> Cost:
        return InductionTree().charge(premises, advice.tree)

    def encode(self, advice: MarginTree) -> dict[str, Any]:
        return {**InductionTree().encode(advice.tree), "witness": list(advice.witness)}
