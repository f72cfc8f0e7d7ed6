"""Finds a tree for :mod:`..rules.slack_count`.  Untrusted: the rule tests every leaf again."""

from __future__ import annotations

from collections.abc import Callable

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...models.one_layer import one_layer_of
from ..rules.additive_margin import AdditiveMargin
from ..rules.slack_count import SlackAdvice, SlackCell
from .deadline import deadline
from .token_order_search import Limits

UNLIMITED = Limits()


def search(margin: AdditiveMargin, slack: DyadicMatrix, limits: Limits = UNLIMITED) -> SlackAdvice:
    """A tree for all cells with these slacks (V × V).

    A node is given up when some output's gap exceeds the slack on all of it, when it holds at most ``limits.cut``
    sequences, or when the time is over.
    """
    layer = one_layer_of(margin.paths.statement)
    late = deadline(limits.seconds)
    symbols: list[str] = []
    for q, m in layer.cells():
        if layer.cell_size(q, m):
            _search_cell(SlackCell(margin.enclosure, q, m, slack), limits.cut, late, symbols)
    return SlackAdvice(slack, "".join(symbols))


def _search_cell(cell: SlackCell, cut: int, late: Callable[[], bool], symbols: list[str]) -> None:
    stack = cell.tree.roots()[::-1]
    while stack:
        node = cell.tree.settled(stack.pop())
        if node is None:
            continue
        if cell.is_right(node):
            symbols.append("R")
        elif not node.positions or cell.tree.size(node) <= cut or late() or cell.is_hopeless(node):
            symbols.append("U")
        else:
            symbols.append("S")
            stack.extend(reversed(cell.tree.split(node)))
