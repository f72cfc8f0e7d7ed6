"""Finds a tree for :mod:`..rules.token_order_tree`.  Untrusted: the rule tests every symbol again.

A node is marked right or wrong when the bounds say so, given up (U) when it holds at most ``cut``
sequences or the time is over, and split otherwise.  Cells that the time does not reach are given up unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...models.one_layer import one_layer_of
from ..rules.additive_margin import AdditiveMargin
from ..rules.box_extremes import Cell, root_bounds
from ..rules.float_margin import FloatMargin
from ..rules.token_order_tree import CellTree, Tree, token_digits
from .deadline import deadline

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Limits:
    """Nodes of at most ``cut`` sequences are given up; so is everything after ``seconds``."""

    cut: int = 0
    seconds: int | None = None


def search(margin: AdditiveMargin, limits: Limits = Limits(), progress: Progress | None = None) -> Tree:
    """A tree for all cells; with cut 0 and time enough, it settles every sequence that can be decided."""
    layer = one_layer_of(margin.paths.statement)
    late = deadline(limits.seconds)
    digits = token_digits(layer.d_vocab)
    symbols: list[str] = []
    cells = [cell for cell in layer.cells() if layer.cell_size(*cell)]
    for done, (q, m) in enumerate(cells):
        if late():
            symbols.append("U")
        else:
            _search_cell(margin, Cell(margin.enclosure, q, m), limits.cut, late, digits, symbols)
        if progress is not None:
            progress(done + 1, len(cells))
    return Tree("".join(symbols))


def _search_cell(
    margin: AdditiveMargin, cell: Cell, cut: int, late: Callable[[], bool], digits: int, symbols: list[str]
) -> None:
    if not cell.active:
        symbols.append("R")
        return
    if winners := cell.wins_everywhere():
        symbols.append(f"W{winners[0]:0{digits}x}")
        return
    # exact margins decide single sequences, whatever the tables show
    if cut and isinstance(margin, FloatMargin) and _is_hopeless(cell):
        symbols.append("U")
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
        elif not node.positions or tree.size(node) <= cut or late():
            symbols.append("U")
        else:
            symbols.append("S")
            stack.extend(reversed(tree.split(node)))


def _is_hopeless(cell: Cell) -> bool:
    """Whether the tables show no sequence of the cell right and none wrong, however it is split."""
    base, free = cell.table.base, cell.table.free
    upper = root_bounds(cell.q, cell.m, base.upper, free.upper, np.min)[:, cell.active]
    lower = root_bounds(cell.q, cell.m, base.lower, free.lower, np.max)[:, cell.active]
    return bool((upper >= 0).any(axis=1).all() and (lower < 0).all())
