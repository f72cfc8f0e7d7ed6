"""Branch and bound for induction heads: which nodes to test, where to branch, what to decide input by input.

A group is tested with the distractors that all groups of its q and i share, then with its own; what neither settles is
parted at the position whose penalties weigh most for the rival that is ahead.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from ..rules.induction.node_test import NodeTest
from ..rules.induction.nodes import Node, groups
from ..rules.induction.tables import InductionTables
from ..rules.induction.tree import EACH, MARGIN_BITS, OPEN, OWN, POSITIONS, NodeTree
from .deadline import deadline

LETTERS = 26
FEW = 100  # inputs of a node that are decided one by one

Progress = Callable[[int, int], None]


def search(
    tables: InductionTables,
    margins: Sequence[int] = (0,),
    *,
    few: int = FEW,
    branching: bool = True,
    seconds: float | None = None,
    progress: Progress | None = None,
) -> NodeTree:
    """A tree for these margins (units of 2^-24, ascending from 0); each leaf takes the largest that its test shows.

    Without ``branching``, and when the time is up, a node that its test does not settle is given up.
    """
    late = deadline(seconds)
    symbols: list[str] = []
    roots = groups(tables.statement.task.inputs)
    for number, root in enumerate(roots):
        _settle(tables, root, margins, few, symbols, lambda: not branching or late())
        if progress is not None:
            progress(number + 1, len(roots))
    return NodeTree(tuple(margins), "".join(symbols))


def largest(tables: InductionTables, node: Node, *, wide: bool = True) -> int:
    """Nearly the largest margin that the test of a node shows, in units; -1 if it shows none."""
    test, low, high = tables.test(node, wide=wide), 0, 1 << 27
    if not test.holds(0):
        return -1
    while high - low > high >> 8:
        middle = (low + high) // 2
        low, high = (middle, high) if test.holds(middle) else (low, middle)
    return low


def _settle(
    tables: InductionTables,
    root: Node,
    margins: Sequence[int],
    few: int,
    symbols: list[str],
    given_up: Callable[[], bool],
) -> None:
    stack = [root]
    while stack:
        node = stack.pop()
        if node is not root and node.size <= few:
            symbols.append(EACH)
            continue
        for wide in (True, False) if node is root else (False,):
            test = tables.test(node, wide=wide)
            level = _best(tables, node, margins, wide, test)
            if level is not None:
                symbols.append(("" if wide else OWN) + chr(ord("A") + level))
                break
        else:
            if given_up():
                symbols.append(OPEN)
                continue
            if node.size <= max(few, 1):
                symbols.append(EACH)
                continue
            position = heaviest(test, node.free, tables.grid.units(margins[0], 1 << MARGIN_BITS))
            symbols.append(POSITIONS[position])
            stack.extend(reversed(list(node.children(position))))


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
