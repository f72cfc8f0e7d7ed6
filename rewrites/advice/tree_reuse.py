"""A tree that was found for other weights, made to fit these.  Untrusted: the rule tests every symbol again.

Where the old tree splits, so does the new one, without a test.  Each of its leaves is judged by the bounds of these
weights; where they show nothing it is given up, or searched further, as the limits say.
"""

from __future__ import annotations

from collections.abc import Callable

from ...models.one_layer import one_layer_of
from ..rules.additive_margin import AdditiveMargin
from ..rules.box_extremes import Cell
from ..rules.token_order_tree import CellTree, Tree, TreeReader, token_digits
from .deadline import deadline
from .token_order_search import Limits

EVERYTHING = 1 << 512
# Nothing is searched for: leaves that no longer hold are given up.
KEEP = Limits(cut=EVERYTHING)


def adapted(margin: AdditiveMargin, guide: Tree, limits: Limits = KEEP) -> Tree:
    """The guide with its leaves judged anew; raises :class:`NotEstablished` for one of other sizes."""
    layer = one_layer_of(margin.paths.statement)
    late = deadline(limits.seconds)
    digits = token_digits(layer.d_vocab)
    reader = TreeReader(guide.symbols, digits, "tree_reuse")
    symbols: list[str] = []
    for q, m in layer.cells():
        if layer.cell_size(q, m):
            _Cell(margin, Cell(margin.enclosure, q, m), reader, digits, symbols).adapt(limits.cut, late)
    reader.finish()
    return Tree("".join(symbols))


class _Cell:
    """The part of the tree that belongs to one cell."""

    def __init__(self, margin: AdditiveMargin, cell: Cell, reader: TreeReader, digits: int, symbols: list[str]) -> None:
        self._margin, self._cell, self._reader = margin, cell, reader
        self._digits, self._symbols = digits, symbols

    def _was_split(self) -> bool:
        symbol = self._reader.symbol()
        if symbol == "W":
            self._reader.token()
        return symbol == "S"

    def _wrong(self, x: int) -> str:
        return f"W{x:0{self._digits}x}"

    def adapt(self, cut: int, late: Callable[[], bool]) -> None:
        guided = self._was_split()
        if not guided and not self._cell.active:
            self._symbols.append("R")
        elif not guided and (winners := self._cell.wins_everywhere()):
            self._symbols.append(self._wrong(winners[0]))
        else:
            self._symbols.append("S")
            self._below(guided, cut, late)

    def _below(self, guided: bool, cut: int, late: Callable[[], bool]) -> None:
        tree = CellTree(self._margin, self._cell)
        stack = [(node, guided) for node in reversed(tree.roots())]
        while stack:
            node, guided = stack.pop()
            node = tree.settled(node)
            if node is None:
                continue
            split = guided and self._was_split() and bool(node.positions)
            if not split:
                guided = False
                if tree.is_right(node):
                    self._symbols.append("R")
                    continue
                if (x := tree.wrong_witness(node)) is not None:
                    self._symbols.append(self._wrong(x))
                    continue
                if not node.positions or tree.size(node) <= cut or late():
                    self._symbols.append("U")
                    continue
            self._symbols.append("S")
            stack += [(child, guided) for child in reversed(tree.split(node))]
