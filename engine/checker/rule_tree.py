"""``token_order_tree/1``: every leaf of the tree is decided, right or wrong, and the sizes are added up.

The leaves partition each cell (T2, walk.py). On a node the sum of D_x over the positions is at most the sum of the
largest D_x(p, .) over the tokens that p may hold, and at least the sum of the smallest (T3); on a single sequence it is
decided exactly (sign_of_sum). R needs a negative sum for every x != m, W a sum >= 0 for one (S0, margins.py).
An x whose sum is negative on the whole cell is negative on every node (T1). About float runs R is about the sums of
D+, W about those of D- (S0').
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate

from .budget import Budget
from .certificate import Reader
from .errors import Code, Failure
from .margins import COLUMN_BITS, Column, Margins
from .packing import nonnegative, pack, tops
from .rule import Auditor, Count, Derivation, Rule, check_count, read_count
from .shards import in_shards
from .walk import Leaf, Node, Symbols, leaves, roots


def read_advice(reader: Reader) -> str:
    """The tree."""
    reader.literal('{"order":"descending-score","tree":')
    tree = reader.tree()
    reader.literal("}")
    return tree


class Cell:
    """The bounds of one cell (q, m). Tables are indexed by position and by place in the token order."""

    def __init__(self, margins: Margins, q: int, m: int) -> None:
        self.margins = margins
        self.q = q
        self.m = m
        self.free = margins.positions - 1
        self.order = margins.token_order(q, m)
        self.columns: dict[int, Column] = {}
        self.tables: dict[int, tuple[list[list[int]], list[list[int]]]] = {}

    def column(self, x: int) -> Column:
        """The enclosures of D_x."""
        if x not in self.columns:
            self.columns[x] = self.margins.column(self.q, self.m, x)
        return self.columns[x]

    def ordered(
        self, bounds: list[list[int]], extreme: Callable[[int, int], int]
    ) -> tuple[list[list[int]], list[list[int]]]:
        """For each free position the bounds in token order, and the extreme of those from each place on."""
        entries = [[row[t] for t in self.order] for row in bounds[: self.free]]
        return entries, [list(accumulate(reversed(row), extreme))[::-1] for row in entries]

    @cached_property
    def open(self) -> list[int]:
        """The x != m that are not known to be negative on the whole cell."""
        whole = roots(self.q, self.m, self.free)
        found: list[int] = []
        for x in self.margins.candidates(self.q, self.m):
            upper = self.column(x).upper
            entries, suffixes = self.ordered(upper, max)
            if max(node_sum(node, entries, suffixes) for node in whole) + upper[self.free][self.q] >= 0:
                found.append(x)
        return found

    @cached_property
    def packed(self) -> Packed:
        """Upper bounds for all open x at once."""
        return Packed(self)

    def upper_open(self, node: Node) -> list[int]:
        """The open x whose upper bound on the node is not negative (T3, R)."""
        return self.packed.nonnegative(node) if self.open else []

    def least(self, node: Node, x: int) -> int:
        """A lower bound of the sum of D_x over the node (T3, W)."""
        lower = self.column(x).lower
        if x not in self.tables:
            self.tables[x] = self.ordered(lower, min)
        return node_sum(node, *self.tables[x]) + lower[self.free][self.q]

    def sign(self, node: Node, x: int, side: int) -> int:
        """The sign of the sum of D_x (``side`` 1: of D+, -1: of D-) on a node of one sequence.

        Its positions outside ``fixed`` all hold tau_m.
        """
        tokens = [self.order[self.m]] * self.free
        for p, place in node.fixed:
            tokens[p] = self.order[place]
        return self.margins.sign(self.q, self.m, x, tokens, side)


def node_sum(node: Node, entries: Sequence[Sequence[int]], suffixes: Sequence[Sequence[int]]) -> int:
    """Over the free positions: the entry of a fixed token, the extreme of the allowed tokens elsewhere."""
    total = sum([entries[p][place] for p, place in node.fixed])
    total += sum([suffixes[p][node.level] for p in node.hi])
    return total + sum([suffixes[p][node.level + 1] for p in node.lo])


class Packed:
    """The upper bounds of all open x of a cell, packed (T6). |D| < 2**(COLUMN_BITS+2) in each x's own unit."""

    def __init__(self, cell: Cell) -> None:
        width = COLUMN_BITS + 4 + (cell.free + 1).bit_length()
        columns = [cell.column(x).upper for x in cell.open]
        self.open = cell.open
        self.width = width
        self.top = tops(len(columns), width)
        self.last = pack([column[cell.free][cell.q] for column in columns], width)
        entries, suffixes = zip(*(cell.ordered(column, max) for column in columns), strict=True)
        self.entries = packed_tables(entries, width)
        self.suffixes = packed_tables(suffixes, width)

    def nonnegative(self, node: Node) -> list[int]:
        """The open x whose bound on the node is not negative."""
        total = self.last + node_sum(node, self.entries, self.suffixes)
        return [self.open[k] for k in nonnegative(total, self.top, self.width)]


def packed_tables(tables: Sequence[list[list[int]]], width: int) -> list[list[int]]:
    """Tables of the same shape, one for each x, as one table of vectors over x."""
    return [[pack(fields, width) for fields in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def check_right(cell: Cell, leaf: Leaf) -> None:
    """R: every x is negative on every node; E224."""
    for node in leaf.nodes:
        for x in cell.upper_open(node):
            if node.size(cell.m) > 1 or cell.sign(node, x, 1) >= 0:
                raise Failure(Code.E224, cell=(cell.q, cell.m), symbol=leaf.index, x=x)


def check_wrong(cell: Cell, leaf: Leaf) -> None:
    """W x: x is at least zero on every node; E225, E226."""
    x = leaf.wrong
    if x >= cell.margins.vocabulary or x == cell.m:
        raise Failure(Code.E226, cell=(cell.q, cell.m), symbol=leaf.index, x=x)
    for node in leaf.nodes:
        if cell.least(node, x) < 0 and (node.size(cell.m) > 1 or cell.sign(node, x, -1) < 0):
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


def starts(cells: Sequence[tuple[int, int]], tree: str, vocabulary: int, free: int, budget: Budget) -> list[int]:
    """Where the symbols of each cell begin; E221 when some are left over."""
    symbols = Symbols(tree, vocabulary)
    found: list[int] = []
    for q, m in cells:
        found.append(symbols.at)
        for _ in leaves(symbols, q, m, free):
            budget.spend(2)
    if symbols.at != len(tree):
        raise Failure(Code.E221, extra=len(tree) - symbols.at)
    return found


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the sizes: right_low counts R, right_high everything but W."""
    margins, tree = auditor.margins_of(derivation.premises[0]), derivation.advice
    cells = margins.cells
    begin = starts(cells, tree, margins.vocabulary, margins.positions - 1, auditor.budget)

    def count(index: int) -> tuple[int, int]:
        return replay_cell(margins, *cells[index], Symbols(tree, margins.vocabulary, begin[index]))

    right, wrong = in_shards(count, len(cells), auditor.jobs)
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
