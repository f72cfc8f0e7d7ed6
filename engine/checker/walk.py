"""The shape of a token-order tree: how its symbols partition a cell (T2). No margins here.

A node (l, i, M, fixed) is kept as lo = the positions of M below i, and hi = the others. Positions in lo hold one of
tau_{l+1} ... tau_m, positions in hi one of tau_l ... tau_m, fixed positions the token whose place in the order is
noted.
If hi is empty the node equals (l+1, 0, M, fixed). Otherwise, with j = min hi, position j holds tau_l or it does not:
the two children are disjoint and their union is the node. The roots of a cell are disjoint and cover it: for q < m the
first position that holds m is unique. Hence the leaves partition the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .errors import Code, Failure


class Node(NamedTuple):
    """A set of sequences of a cell; ``fixed`` pairs positions with places in the token order."""

    level: int
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    fixed: tuple[tuple[int, int], ...]

    def size(self, m: int) -> int:
        """How many sequences the node stands for."""
        return (m - self.level) ** len(self.lo) * (m + 1 - self.level) ** len(self.hi)

    def normal(self) -> Node:
        """The same set with hi not empty, unless every position is fixed."""
        return Node(self.level + 1, (), self.lo, self.fixed) if self.lo and not self.hi else self

    def children(self) -> tuple[Node, Node]:
        """Position j = min hi holds tau_level, or it does not."""
        j, rest = self.hi[0], self.hi[1:]
        fixed = (*self.fixed, (j, self.level))
        return Node(self.level, self.lo, rest, fixed), Node(self.level, (*self.lo, j), rest, self.fixed)


class Leaf(NamedTuple):
    """A symbol R, W or U and the disjoint nodes it is about; ``wrong`` is W's token; ``index`` counts in the cell."""

    symbol: str
    wrong: int
    nodes: tuple[Node, ...]
    index: int


class Symbols:
    """A cursor in the tree's string."""

    def __init__(self, text: str, vocabulary: int, at: int = 0) -> None:
        self.text = text
        self.digits = len(f"{vocabulary - 1:x}")
        self.at = at

    def next(self, cell: tuple[int, int], index: int) -> tuple[str, int]:
        """The next symbol, and for W its token; E220 at the end, E222 for anything else."""
        if self.at == len(self.text):
            raise Failure(Code.E220, cell=cell)
        symbol = self.text[self.at]
        self.at += 1
        if symbol in "SRU":
            return symbol, -1
        token = self.text[self.at : self.at + self.digits]
        if symbol != "W" or len(token) != self.digits or set(token) - set("0123456789abcdef"):
            raise Failure(Code.E222, cell=cell, symbol=index)
        self.at += self.digits
        return symbol, int(token, 16)


def roots(q: int, m: int, free: int) -> tuple[Node, ...]:
    """The roots of a cell with ``free`` positions besides the last."""
    everywhere = tuple(range(free))
    if q == m:
        return (Node(0, (), everywhere, ()),)
    return tuple(Node(0, everywhere[:p], everywhere[p + 1 :], ((p, 0),)).normal() for p in range(free))


def leaves(symbols: Symbols, q: int, m: int, free: int) -> Iterator[Leaf]:
    """The leaves of one cell in the order of their symbols; E220, E222, E223."""
    whole = roots(q, m, free)
    symbol, wrong = symbols.next((q, m), 0)
    if symbol != "S":
        yield Leaf(symbol, wrong, whole, 0)
        return
    waiting = list(reversed(whole))
    index = 0
    while waiting:
        node = waiting.pop().normal()
        if node.size(m) == 0:
            continue
        index += 1
        symbol, wrong = symbols.next((q, m), index)
        if symbol != "S":
            yield Leaf(symbol, wrong, (node,), index)
        elif node.hi:
            waiting.extend(reversed(node.children()))
        else:
            raise Failure(Code.E223, cell=(q, m), symbol=index)
