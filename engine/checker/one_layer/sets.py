"""Sets of sequences, and the exact extreme of a separable sum on each. All that is known of a set is tested so.

All sequences of a set have last token q and maximum m: they are of one *cell* (q, m). An order of the cell lists the
tokens 0 ... m with m first; a token's place in it is what sets are made of.

* A *box* is a product of sets of tokens, one for each free position p < K-1: k >= 0 stands for the tokens of place k
  and later, ~k for the one of place k. The roots of a cell are disjoint boxes that make it up: for q = m all of it; for
  q < m by the first position that holds m.
* *n among N*, N a set of tokens below m: n of the free positions hold tokens of N, and the others hold m. There are
  C(K-1,n) |N|^n such sequences; n <= K-1 when q = m, and n <= K-2 when q < m, as then some free position must hold m. A
  sequence says its n, so sets that differ in n share none.

A *tree* splits a cell. The first position j of a box with the least k >= 0 holds the token of place k, or one of later
places: two disjoint boxes that make it up. Hence the leaves partition the cell (T2), whatever the order.

Theorem. Let D_p(t) be numbers, and of every set of tokens let its number be that of its largest D_p(t). The largest sum
of D over a box is the sum of the numbers of its sets; over n among N, a_p the number of N:

    D_{K-1}(q) + sum over the free p of D_p(m) + the sum of the n largest a_p - D_p(m).

Proof. In a box the largest can be chosen at each position. Where P is the set of positions that hold tokens of N, the
sum is D_{K-1}(q) + sum of all D_p(m) + sum over P of D_p(t_p) - D_p(m). It is largest where D_p(t_p) = a_p; and of all
P with n positions those with the n largest of these give most.

Of upper ends in place of the D_p(t) these are upper bounds. Numbers may be integers, or vectors of them (packing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from math import comb, prod
from operator import sub
from typing import NamedTuple

from ..errors import Code, Failure


class Box(tuple[int, ...]):
    """A number k or ~k for each free position."""

    n = None

    def size(self, m: int) -> int:
        """How many sequences there are."""
        return prod(m + 1 - k for k in self if k >= 0)

    def halves(self) -> tuple[Box, Box] | None:
        """The two children; None for a single sequence."""
        k = min((k for k in self if k >= 0), default=-1)
        if k < 0:
            return None
        j = self.index(k)
        return Box((*self[:j], ~k, *self[j + 1 :])), Box((*self[:j], k + 1, *self[j + 1 :]))

    def choices(self, order: Sequence[int]) -> list[Sequence[int]]:
        """The tokens that each free position may hold."""
        return [order[k:] if k >= 0 else [order[~k]] for k in self]


class Among(NamedTuple):
    """n among the tokens of some places, which a range of 1, 2, ... may give."""

    free: int
    n: int
    places: Sequence[int]

    def size(self, m: int) -> int:
        """How many sequences there are."""
        return comb(self.free, self.n) * len(self.places) ** self.n

    def choices(self, order: Sequence[int]) -> list[Sequence[int]]:
        """The tokens that a free position may hold where it does not hold m."""
        return [[order[k] for k in self.places if self.n]] * self.free


def roots(whole: bool, free: int) -> tuple[Box, ...]:
    """The roots of a cell with ``free`` positions besides the last; ``whole``: q = m."""
    if whole:
        return (Box([0] * free),)
    return tuple(Box([1] * p + [~0] + [0] * (free - p - 1)) for p in range(free))


class Sums:
    """Numbers D_p by free position and place, the last position's, and what takes the largest of some."""

    def __init__(self, rows: list[list[int]], last: int, largest: Callable[[Sequence[int]], int]) -> None:
        self.rows, self.last, self.largest = rows, last, largest

    def over(self, part: Box | Among) -> int:
        """The largest sum over a set.

        >>> sums = Sums([[0, 3, 5], [2, 1, 4]], 7, max)
        >>> sums.over(Among(2, 1, range(1, 3))), sums.over(Box([1, ~0]))
        (14, 14)
        """
        if isinstance(part, Among):
            return self.among(part.n, part.places)
        pairs = zip(self.rows, self.later, part, strict=True)
        return self.last + sum([later[k] if k >= 0 else row[~k] for row, later, k in pairs])

    def among(self, n: int, places: Sequence[int]) -> int:
        """The largest sum over n among the tokens of these places."""
        held = [row[0] for row in self.rows]
        if not n:
            return self.last + sum(held)
        if isinstance(places, range):
            best = [row[len(places) - 1] for row in self.earlier]
        else:
            best = [self.largest([row[k] for k in places]) for row in self.rows]
        return self.last + sum(held) + self.highest(list(map(sub, best, held)), n)

    def cell(self, boxes: Sequence[Box]) -> int:
        """The largest sum over any of some boxes."""
        return self.largest([self.over(box) for box in boxes])

    @cached_property
    def later(self) -> list[list[int]]:
        """By place, the largest number of this and later ones."""
        return [self.running(row[::-1])[::-1] for row in self.rows]

    @cached_property
    def earlier(self) -> list[list[int]]:
        """The largest of place 1, of places 1 and 2, and so on."""
        return [self.running(row[1:]) for row in self.rows]

    def running(self, row: Sequence[int]) -> list[int]:
        """The largest of the first one, of the first two, and so on."""
        return list(accumulate(row, lambda a, b: self.largest((a, b))))

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


class Leaf(NamedTuple):
    """A symbol R, W or U and the disjoint boxes it is about; ``wrong`` is W's token; ``index`` counts in the cell."""

    symbol: str
    wrong: int
    boxes: tuple[Box, ...]
    index: int


class Symbols:
    """A cursor in the tree's string."""

    def __init__(self, text: str, vocabulary: int, at: int = 0) -> None:
        self.text, self.at = text, at
        self.digits = len(f"{vocabulary - 1:x}")

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

    def leaves(self, q: int, m: int, free: int) -> Iterator[Leaf]:
        """The leaves of one cell in the order of their symbols; E220, E222, E223."""
        whole = roots(q == m, free)
        symbol, wrong = self.next((q, m), 0)
        if symbol != "S":
            yield Leaf(symbol, wrong, whole, 0)
            return
        waiting, index = list(reversed(whole)), 0
        while waiting:
            box = waiting.pop()
            if box.size(m) == 0:
                continue
            index += 1
            symbol, wrong = self.next((q, m), index)
            if symbol != "S":
                yield Leaf(symbol, wrong, (box,), index)
            elif halves := box.halves():
                waiting.extend(reversed(halves))
            else:
                raise Failure(Code.E223, cell=(q, m), symbol=index)
