"""Sets of sequences, and the exact extreme of a separable sum on each. All that is known of a set is tested so.

Three kinds of sets, all of them with last token q and maximum m, a *cell* (q, m): the whole cell; a node of a tree
(walk.py), which is a product of sets of tokens, one for each free position; and *n among N* (q, m, n, N), N a set of
tokens below m: n of the K-1 free positions hold tokens of N and the others hold m.

Theorem. Let D_p(t) be numbers, and of every set of tokens below let its number be that of its largest D_p(t). The
largest sum of D is over a product of sets: the sum of their numbers; over the cell with q < m: the largest over the
first position that holds m, where those before hold tokens below m; over n among N, a_p the number of N:

    D_{K-1}(q) + sum over the free p of D_p(m) + the sum of the n largest a_p - D_p(m).

Proof. Of a product, at each position the largest can be chosen. The sequences of a cell with q < m have one first
position that holds m. Where P is the set of positions that hold tokens of N, the sum is D_{K-1}(q) + sum over P of
D_p(t_p) + sum over the others of D_p(m). It is largest for t_p with D_p(t_p) = a_p, when it is D_{K-1}(q) + sum of all
D_p(m) + sum over P of a_p - D_p(m); and of all P with n positions those with the n largest of these give most.

Of upper ends in place of the D_p(t) these are upper bounds. Numbers may be integers, or vectors of them (packing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import sub

from .walk import Node


class Sums:
    """Numbers D_p(t) by free position and token t <= m, the last position's, and what takes the largest of some."""

    def __init__(
        self, q: int, m: int, rows: list[list[int]], last: int, largest: Callable[[Sequence[int]], int]
    ) -> None:
        self.q, self.m, self.rows, self.last, self.largest = q, m, rows, last, largest
        self.ordered: tuple[list[list[int]], list[list[int]]] | None = None
        self.prefixes: list[list[int]] | None = None

    def whole(self) -> int:
        """The largest sum over the cell."""
        held = [row[self.m] for row in self.rows]
        if not self.m or not held:
            return self.last + sum(held)
        below = [self.largest(row[: self.m]) for row in self.rows]
        freely = [self.largest(pair) for pair in zip(held, below, strict=True)]
        if self.q == self.m:
            return self.last + sum(freely)
        parts = range(len(held))
        return self.last + self.largest([sum(below[:p]) + held[p] + sum(freely[p + 1 :]) for p in parts])

    def node(self, node: Node, order: Sequence[int]) -> int:
        """The largest sum over a node, whose places are those of the tokens in ``order``."""
        if self.ordered is None:
            entries = [[row[t] for t in order] for row in self.rows]
            self.ordered = entries, [self.running(row[::-1])[::-1] for row in entries]
        entries, suffixes = self.ordered
        total = self.last + sum([entries[p][place] for p, place in node.fixed])
        total += sum([suffixes[p][node.level] for p in node.hi])
        return total + sum([suffixes[p][node.level + 1] for p in node.lo])

    def running(self, row: Sequence[int]) -> list[int]:
        """The largest of the first one, of the first two, and so on."""
        return list(accumulate(row, lambda a, b: self.largest((a, b))))

    def among(self, n: int, tokens: Sequence[int]) -> int:
        """The largest sum over n among ``tokens``.

        >>> Sums(1, 2, [[3, 5, 0], [1, 4, 2]], 7, max).among(1, [0, 1])
        14
        """
        held = [row[self.m] for row in self.rows]
        total = self.last + sum(held)
        if not n:
            return total
        if isinstance(tokens, range):
            self.prefixes = self.prefixes or [self.running(row[: self.m]) for row in self.rows]
            best = [row[len(tokens) - 1] for row in self.prefixes]
        else:
            best = [self.largest([row[t] for t in tokens]) for row in self.rows]
        return total + self.highest(list(map(sub, best, held)), n)

    def highest(self, gains: Sequence[int], n: int) -> int:
        """The sum of the n largest, field by field: each takes its place in a descending list."""
        if n == len(gains):
            return sum(gains)
        kept: list[int] = []
        for gain in gains:
            for place, other in enumerate(kept):
                kept[place] = self.largest((other, gain))
                gain = other + gain - kept[place]
            if len(kept) < n:
                kept.append(gain)
        return sum(kept)
