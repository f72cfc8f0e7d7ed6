"""Finds a tree for :mod:`..rules.token_order_tree`.  Untrusted: the rule tests every symbol again.

A node is marked right or wrong when the bounds say so, given up (U) when it holds at most ``cut``
sequences or the time is over, and split otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..rules.additive_margin import AdditiveMargin
from ..rules.box_extremes import Cell
from ..rules.token_order_tree import CellTree, Tree, token_digits

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Limits:
    """Nodes of at most ``cut`` sequences are given up; so is everything after ``seconds``."""

    cut: int = 0
    seconds: int | None = None


def search(margin: AdditiveMargin, limits: Limits = Limits(), progress: Progress | None = None) -> Tree:
    """A tree for all cells; with cut 0 and time enough, it settles every sequence that can be decided."""
    task = margin.paths.statement.task
    deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
    digits = token_digits(task.d_vocab)
    symbols: list[str] = []
    cells = [cell for cell in task.cells() if task.cell_size(*cell)]
    for done, (q, m) in enumerate(cells):
        _search_cell(margin, Cell(margin.enclosure, q, m), limits.cut, deadline, digits, symbols)
        if progress is not None:
            progress(done + 1, len(cells))
    return Tree("".join(symbols))


def _search_cell(
    margin: AdditiveMargin, cell: Cell, cut: int, deadline: float | None, digits: int, symbols: list[str]
) -> None:
    if not cell.active:
        symbols.append("R")
        return
    if winners := cell.wins_everywhere():
        symbols.append(f"W{winners[0]:0{digits}x}")
        return
    symbols.append("S")
    tree = CellTree(margin, cell)
    stack = tree.roots()[::-1]
    while stack:
        node = tree.settled(stack.pop())
        if node is None:
            continue
        if tree.is_right(node):
            symbols.append("R")
        elif (x := tree.wrong_witness(node)) is not None:
            symbols.append(f"W{x:0{digits}x}")
        elif not node.positions or tree.size(node) <= cut or (deadline is not None and time.monotonic() > deadline):
            symbols.append("U")
        else:
            symbols.append("S")
            stack.extend(reversed(tree.split(node)))
