"""``token_order_tree/1``: every leaf of the tree is decided, right or wrong, and the sizes are added up.

The leaves partition each cell (T2, walk.py). R needs a negative sum of D_x for every x != m, W a sum >= 0 for one (S0,
margins.py), on every sequence of a node: exactly (sums.py). An x whose sum is negative on the whole cell is negative on
every node (T1). About float runs R is about the sums of D+, W about those of D- (S0').
"""

from __future__ import annotations

from .cells import Cell
from .certificate import Reader
from .errors import Code, Failure
from .margins import Margins
from .rule import Auditor, Count, Derivation, Rule, check_count, read_count
from .shards import in_shards
from .walk import Leaf, Symbols, leaves


def read_advice(reader: Reader) -> str:
    """The tree."""
    return reader.object(order="descending-score", tree=reader.tree)[0]


def check_right(cell: Cell, leaf: Leaf) -> None:
    """R: every x is negative on every node; E224."""
    for node in leaf.nodes:
        x = cell.right_on(node)
        if x is not None:
            raise Failure(Code.E224, cell=(cell.q, cell.m), symbol=leaf.index, x=x)


def check_wrong(cell: Cell, leaf: Leaf) -> None:
    """W x: x is at least zero on every node; E225, E226."""
    x = leaf.wrong
    if x >= cell.margins.vocabulary or x == cell.m:
        raise Failure(Code.E226, cell=(cell.q, cell.m), symbol=leaf.index, x=x)
    for node in leaf.nodes:
        if not cell.reaches_on(node, x):
            raise Failure(Code.E225, cell=(cell.q, cell.m), symbol=leaf.index, x=x)


def replay_cell(margins: Margins, q: int, m: int, symbols: Symbols) -> tuple[int, int]:
    """The sequences of the cell under R and under W, each symbol checked; the cursor is moved behind the cell."""
    cell = Cell(margins, q, m)
    right = wrong = 0
    for leaf in leaves(symbols, q, m, cell.free):
        margins.budget.spend(4 + len(leaf.nodes) * (1 + cell.free))
        size = sum(node.size(m) for node in leaf.nodes)
        if leaf.symbol == "R":
            check_right(cell, leaf)
            right += size
        elif leaf.symbol == "W":
            check_wrong(cell, leaf)
            wrong += size
    return right, wrong


def starts(margins: Margins, tree: str) -> list[int]:
    """Where the symbols of each cell begin; E221 when some are left over."""
    symbols = Symbols(tree, margins.vocabulary)
    found: list[int] = []
    for q, m in margins.cells:
        found.append(symbols.at)
        for _ in leaves(symbols, q, m, margins.positions - 1):
            margins.budget.spend(2)
    if symbols.at != len(tree):
        raise Failure(Code.E221, extra=len(tree) - symbols.at)
    return found


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the sizes: right_low counts R, right_high everything but W."""
    margins, tree = auditor.margins_of(derivation.premises[0]), derivation.advice
    begin = starts(margins, tree)

    def count(index: int) -> tuple[int, int]:
        return replay_cell(margins, *margins.cells[index], Symbols(tree, margins.vocabulary, begin[index]))

    right, wrong = in_shards(count, len(begin), auditor.jobs)
    check_count(derivation, Count(right, auditor.inputs - wrong))


RULE = Rule(
    "token_order_tree/1",
    ("additive_margin",),
    "right_count",
    read_advice,
    read_count,
    check,
    ((("float_margin",), "float_count"),),
)
