"""The least margin by branch and bound: a bar that sinks with the smallest margin of a decided input.

The bar starts just below the least margin of a sample. A node whose test shows a margin above the bar is done; the
others are parted until their inputs are decided, and where one of these is below the bar, the bar sinks for all that
follows. Groups of which the least is shown come first: the least margin is likely to be there.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np

from ..enumeration.outcome import Margin
from ..rules.induction.least_margin import MarginTree
from ..rules.induction.nodes import Node, groups
from ..rules.induction.tables import InductionTables
from ..rules.induction.tree import EACH, MARGIN_BITS, OPEN, OWN, POSITIONS, NodeTree
from .deadline import deadline
from .induction_search import FEW, LETTERS, Progress, heaviest, largest

TOLERANCE = Fraction(1, 1 << 17)
NODES_A_GROUP = 6  # with more than that, the bar is what the groups' own tests show
SAMPLE = 3  # inputs a group


def search(tables: InductionTables, seconds: float | None = None, progress: Progress | None = None) -> MarginTree:
    """A tree whose least margin is close to that of an input that is decided."""
    roots, late = groups(tables.statement.task.inputs), deadline(seconds)
    first = sampled(tables, roots)
    shown = [largest(tables, root) for root in roots]
    order = sorted(range(len(roots)), key=shown.__getitem__)
    without_branching = max(0, min(shown)) << MARGIN_BITS - tables.grid.bits
    for most in (NODES_A_GROUP * len(roots), None):
        found = _Search(tables, first, len(roots))
        if most is None:
            found.bar = min(found.bar, without_branching)
        for number, at in enumerate(order):
            if late() or (most is not None and found.nodes > most):
                break
            found.settle(at, roots[at])
            if progress is not None:
                progress(number + 1, len(roots))
        else:
            break
    return found.tree()


def sampled(tables: InductionTables, roots: list[Node]) -> Margin:
    """The least margin of some inputs of every group."""
    random = Random(0)
    rows: list[list[int]] = []
    for root in roots:
        for _ in range(SAMPLE):
            node = root
            while node.free:
                node = random.choice(list(node.children(node.free[0])))
            rows.append([int(tokens[0]) for tokens in node.tokens])
    margin = tables.decider.decide(0, np.array(rows, dtype=np.int64)).margin
    assert margin is not None, "there are several outputs"
    return tables.least_margin(np.array([margin.tokens], dtype=np.int64)) or margin


class _Search:
    def __init__(self, tables: InductionTables, least: Margin, roots: int) -> None:
        self.tables, self.least = tables, least
        # by group: symbols, and beside a margin's place the margin
        self.steps: list[list[tuple[str, int | None]]] = [[(OPEN, None)] for _ in range(roots)]
        self.nodes = 0
        self.bar = self.below(least)

    def below(self, margin: Margin) -> int:
        """The bar for a least margin; 0 where it is not known or too small."""
        return 0 if margin.lower is None else max(0, int((margin.lower - TOLERANCE) * (1 << MARGIN_BITS)))

    def decide(self, node: Node) -> None:
        """The inputs of a node one by one."""
        margin, least = self.tables.least_margin(node.inputs(), self.least.upper), self.least.upper
        if margin is not None and margin.upper is not None and (least is None or margin.upper < least):
            self.least = margin
            self.bar = min(self.bar, self.below(margin))

    def settle(self, at: int, root: Node) -> None:
        """A group, by its number."""
        steps = self.steps[at] = []
        stack = [root]
        while stack:
            node = stack.pop()
            self.nodes += 1
            units = self.tables.grid.units(self.bar, 1 << MARGIN_BITS)
            test = None
            for wide in (True, False) if node is root else (False,):
                if node is not root and node.size <= FEW:
                    break
                test = self.tables.test(node, wide=wide)
                if self.tables.holds(node, units, wide=wide, test=test):
                    steps.append(("" if wide else OWN, self.bar))
                    break
            else:
                assert test is not None, "a node is tested"
                if node.size > FEW:
                    position = heaviest(test, node.free, units)
                    steps.append((POSITIONS[position], None))
                    stack.extend(reversed(list(node.children(position))))
                    continue
                test = None
            if test is None:
                self.decide(node)
                steps.append((EACH, None))

    def tree(self) -> MarginTree:
        """The steps with letters for the bars; a leaf may stand for less than it was tested for."""
        steps = [step for some in self.steps for step in some]
        bars = sorted({bar for _, bar in steps if bar is not None})[:LETTERS] or [0]
        letters = {bar: chr(ord("A") + place) for place, bar in enumerate(bars)}
        highest = letters[bars[-1]]
        symbols = [symbol if bar is None else symbol + letters.get(bar, highest) for symbol, bar in steps]
        return MarginTree(NodeTree(tuple(bars), "".join(symbols)), self.least.tokens)
