"""Which set of sequences a proof through path tables is shown by: one that its own derivation treats."""

from __future__ import annotations

from ...models.one_layer import one_layer_of
from ..rules.additive_margin import AdditiveMargin
from ..rules.box_extremes import Cell
from ..rules.path_decomposition import Paths
from ..rules.right_count import RightCount
from ..rules.token_order_tree import CellTree, Tree, TreeReader, leaves, token_digits
from .cell import Box


def leaf(margin: AdditiveMargin, advice: Tree, rule: str) -> Box | None:
    """The first leaf of several sequences that is shown right, or cell (m, m) with m > 0."""
    layer = one_layer_of(margin.statement)
    free = range(layer.n_ctx - 1)
    reader = TreeReader(advice.symbols, token_digits(layer.d_vocab), rule)
    for q, m in layer.cells():
        if not layer.cell_size(q, m):
            continue
        symbol = reader.symbol()
        if symbol == "W":
            reader.token()
        if symbol == "R" and q == m and m and free:
            return Box(q, m, (tuple(range(m + 1)),) * len(free))
        if symbol != "S":
            continue
        tree = CellTree(margin, Cell(margin.enclosure, q, m))
        for verdict, node in leaves(tree, reader):
            if verdict == "R" and tree.size(node) > 1:
                return Box(q, m, tuple(tuple(sorted(tree.held(node, p))) for p in free))
    return None


def whole_cell(margin: AdditiveMargin, count: RightCount) -> Box | None:
    """The first cell (m, m) with m > 0 that is right throughout by its extremes alone."""
    layer = one_layer_of(margin.statement)
    for m in range(1, layer.d_vocab):
        if count.right[m, m] == layer.cell_size(m, m) and not Cell(margin.enclosure, m, m).active:
            return Box(m, m, (tuple(range(m + 1)),) * (layer.n_ctx - 1))
    return None


def sequence(paths: Paths) -> tuple[int, ...]:
    """The sequence 0, 1, …, with the last tokens repeated where there are too few."""
    layer = one_layer_of(paths.statement)
    return tuple(min(p, layer.d_vocab - 1) for p in range(layer.n_ctx))


def alone(paths: Paths) -> Box:
    """The set of this one sequence."""
    *free, q = sequence(paths)
    return Box(q, max(q, *free, 0), tuple((t,) for t in free))
