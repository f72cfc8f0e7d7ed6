"""Branch and bound for induction heads: which nodes to test, where to branch, what to decide input by input.

A group is tested with the distractors that all groups of its q and i share, then with its own; what neither settles is
parted at the position whose penalties weigh most for the rival that is ahead.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from ..rules.induction.node_test import NodeTest
from ..rules.induction.nodes import Node, groups
from ..rules.induction.tables import InductionTables
from ..rules.induction.tree import EACH, MARGIN_BITS, OPEN, OWN, POSITIONS, NodeTree, wrong_symbols
from .deadline import deadline
from .induction_floats import Floats, Seen

LETTERS = 26
FEW = 100  # inputs of a node that are decided one by one

Progress = Callable[[int, int], None]


def search(
    tables: InductionTables,
    margins: Sequence[int] = (0,),
    *,
    few: int = FEW,
    cut: int = 0,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> NodeTree:
    """A tree for these margins (units of 2^-24, ascending from 0); each leaf takes the largest that its test shows.

    A node of at most ``cut`` inputs that its test does not settle is given up, and so is any when the time is up.
    """
    late = deadline(seconds)
    roots = groups(tables.statement.task.inputs)
    walk = _Walk(tables, margins, few, lambda node: node.size <= cut or late(), Floats(tables))
    for number, root in enumerate(roots):
        walk.settle(root)
        if progress is not None:
            progress(number + 1, len(roots))
    return NodeTree(tuple(margins), "".join(walk.symbols))


def largest(tables: InductionTables, node: Node, *, wide: bool = True) -> int:
    """Nearly the largest margin that the test of a node shows, in units; -1 if it shows none."""
    test, low, high = tables.test(node, wide=wide), 0, 1 << 27
    if not test.holds(0):
        return -1
    while high - low > high >> 8:
        middle = (low + high) // 2
        low, high = (middle, high) if test.holds(middle) else (low, middle)
    return low


@dataclass
class _Walk:
    """The walk through a group: what a sample of a node's inputs does in floats says which test to try."""

    tables: InductionTables
    margins: Sequence[int]
    few: int
    given_up: Callable[[Node], bool]
    floats: Floats
    symbols: list[str] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(0))

    def settle(self, root: Node) -> None:
        """A group."""
        stack = [root]
        while stack:
            node = stack.pop()
            if node is not root and node.size <= max(self.few, 1):
                self.symbols.append(EACH)
                continue
            seen = self.floats.seen(node, self.random)
            symbol, position = self._wrong(node, seen) if seen.wrong else self._right(node, node is root)
            if symbol:
                self.symbols.append(symbol)
            elif self.given_up(node):
                self.symbols.append(OPEN)
            elif node.size <= max(self.few, 1):
                self.symbols.append(EACH)
            else:
                self.symbols.append(POSITIONS[position])
                stack.extend(reversed(list(node.children(position))))

    def _right(self, node: Node, root: bool) -> tuple[str, int]:
        """The symbol of a node whose inputs are right, or where to branch."""
        for wide in (True, False) if root else (False,):
            test = self.tables.test(node, wide=wide)
            level = _best(self.tables, node, self.margins, wide, test)
            if level is not None:
                return ("" if wide else OWN) + chr(ord("A") + level), 0
        return "", heaviest(
            test, node.free, self.tables.grid.units(self.margins[0], 1 << MARGIN_BITS)
        ) if node.free else 0

    def _wrong(self, node: Node, seen: Seen) -> tuple[str, int]:
        """The same of a node with wrong inputs: branching makes the key known that is looked at there."""
        if node.fixed[seen.key] is None:
            return "", seen.key
        test = self.tables.opposite(node, seen.key, seen.output)
        if seen.wrong == seen.of and self.tables.fails(node, seen.key, seen.output, test):
            return wrong_symbols(self.tables, seen.key, seen.output), 0
        return "", heaviest(test, node.free, 0) if node.free else 0


def _best(tables: InductionTables, node: Node, margins: Sequence[int], wide: bool, test: NodeTest) -> int | None:
    """The largest margin that the test shows, by its number."""

    def holds(level: int) -> bool:
        return tables.holds(node, tables.grid.units(margins[level], 1 << MARGIN_BITS), wide=wide, test=test)

    # what is shown of a margin is shown of every smaller one
    found = bisect_left(range(len(margins)), True, key=lambda level: not holds(level))
    return found - 1 if found else None


def heaviest(test: NodeTest, free: Sequence[int], margin: int) -> int:
    """The free position whose key, and whose successor, cost the rival that is ahead most."""
    found = test.penalties(margin)
    rival = int((test.room(margin) - test.worst_chain(found)).argmin())
    weight = {k: int(table[:, :, rival].max()) for k, table in found.items()}
    return max(free, key=lambda m: 10 * weight.get(m, 0) + 9 * weight.get(m + 1, 0))
