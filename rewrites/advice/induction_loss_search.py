"""A tree for the mean loss of an induction head: the node that may cost most is parted first.

A node whose test shows the margin γ adds at most size·log(1 + (C - 1) e^{-γ}) to the losses; a few inputs are enclosed
one by one, which bounds them from both sides.  Margins that are shown are rounded down to as many as a tree has
letters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import exp, log1p

from ..rules.induction.nodes import Node, groups
from ..rules.induction.tables import InductionTables
from ..rules.induction.tree import EACH, MARGIN_BITS, OPEN, OWN, POSITIONS, NodeTree
from .deadline import deadline
from .induction_search import FEW, LETTERS, Progress, heaviest, largest

NODES_A_GROUP = 4


@dataclass(order=True)
class _Part:
    """A node with the margin that is shown of it (units of 2^-MARGIN_BITS), or its children."""

    cost: float  # minus the most that it may add
    node: Node = field(compare=False)
    wide: bool = field(compare=False)
    margin: int = field(compare=False, default=0)
    position: int | None = field(compare=False, default=None)
    children: list[_Part] = field(compare=False, default_factory=list)

    @staticmethod
    def of(tables: InductionTables, node: Node, wide: bool) -> _Part:
        if not wide and node.size <= FEW:
            return _Part(0.0, node, wide, -1)
        margin = largest(tables, node, wide=wide)
        if margin < 0:
            return _Part(float("-inf"), node, wide, -1)
        loss = log1p((tables.grid.form.outputs - 1) * exp(-margin / (1 << tables.grid.bits)))
        return _Part(-node.size * loss, node, wide, margin << MARGIN_BITS - tables.grid.bits)

    def leaves(self) -> list[_Part]:
        return [leaf for child in self.children for leaf in child.leaves()] if self.children else [self]

    def symbols(self, letters: dict[int, str]) -> str:
        if self.position is not None:
            return POSITIONS[self.position] + "".join(child.symbols(letters) for child in self.children)
        if self.margin < 0:
            return EACH if self.node.size <= FEW else OPEN
        return ("" if self.wide else OWN) + letters[self.margin]


def search(tables: InductionTables, seconds: float | None = None, progress: Progress | None = None) -> NodeTree:
    """A tree with NODES_A_GROUP tests a group, and those that are needed to know something of every input."""
    late, roots = deadline(seconds), groups(tables.statement.task.inputs)
    parts: list[_Part] = []
    for number, root in enumerate(roots):
        parts.append(_Part.of(tables, root, wide=True))
        if progress is not None:
            progress(number + 1, NODES_A_GROUP * len(roots))
    queue, nodes = list(parts), len(roots)
    heapify(queue)
    while queue and not late() and (queue[0].margin < 0 or nodes < NODES_A_GROUP * len(roots)):
        part = heappop(queue)
        if not part.cost:
            break
        test = tables.test(part.node, wide=part.wide)
        part.position = heaviest(test, part.node.free, tables.grid.units(max(part.margin, 0), 1 << MARGIN_BITS))
        for node in part.node.children(part.position):
            part.children.append(_Part.of(tables, node, wide=False))
            heappush(queue, part.children[-1])
        nodes += sum(bool(child.cost) for child in part.children)
        if progress is not None:
            progress(min(nodes, NODES_A_GROUP * len(roots)), NODES_A_GROUP * len(roots))
    return _tree(parts)


def _tree(parts: list[_Part]) -> NodeTree:
    """With margins that cut the losses into equal shares, each leaf at the next margin below its own."""
    leaves = sorted(
        (leaf for part in parts for leaf in part.leaves() if leaf.margin >= 0), key=lambda leaf: leaf.margin
    )
    total, taken, bars = sum(leaf.cost for leaf in leaves), 0.0, dict.fromkeys([0])
    for leaf in leaves:
        if taken <= total * (len(bars) - 1) / (LETTERS - 1):  # costs are negative
            bars[leaf.margin] = None
        taken += leaf.cost
    margins = sorted(bars)[:LETTERS]
    letters, place = dict[int, str](), 0
    for leaf in leaves:
        while place + 1 < len(margins) and margins[place + 1] <= leaf.margin:
            place += 1
        letters[leaf.margin] = chr(ord("A") + place)
    return NodeTree(tuple(margins), "".join(part.symbols(letters) for part in parts))
