"""Sets of inputs of one read position: their sizes, how they are split, and the least sum of a table on each.

A table is given by rows, one for each position that the query sees, of one number for each token of ``support``; an
input picks one number of each row, or, of a list's sorted part, of those that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb, perm, prod
from typing import Any

from ..budget import within

MAX_COUNT = 1 << 22
Support = list[tuple[int, tuple[int, ...]]]
Rows = Sequence[Sequence[int]]
Smallest = Callable[[Sequence[int]], int]


@dataclass(frozen=True)
class Label:
    """The sum of the values of the tokens, at least ``low`` and at most ``high``."""

    value: tuple[int, ...]
    low: int
    high: int


@dataclass(frozen=True)
class Box:
    """The tuples of the product of ``tokens``, with a sum as ``label`` says; the query stands at ``read`` and sees the
    first ``seen`` positions."""

    tokens: tuple[tuple[int, ...], ...]
    read: int
    seen: int
    label: Label | None = None

    def size(self) -> int:
        """With a label: the coefficients of a product of polynomials, each in a field wide enough for all inputs.

        >>> Box(((0, 1, 2),) * 3, 2, 3, Label((0, 1, 2), 3, 4)).size()
        13
        """
        everything = prod(map(len, self.tokens))
        if self.label is None or not everything:
            return everything
        value, width = self.label.value, everything.bit_length()
        least = [min(value[t] for t in tokens) for tokens in self.tokens]
        span = sum(max(value[t] for t in tokens) for tokens in self.tokens) - sum(least)
        within("a count of sums in bits", width * (span + 1), MAX_COUNT)
        counts = prod(
            sum(1 << width * (value[t] - low) for t in tokens) for tokens, low in zip(self.tokens, least, strict=True)
        )
        mask, start = (1 << width) - 1, sum(least)
        return sum(counts >> width * (s - start) & mask for s in range(max(self.label.low, start), self.label.high + 1))

    def query(self) -> int | None:
        """The query's token, where it is known."""
        return self.tokens[self.read][0] if len(self.tokens[self.read]) == 1 else None

    def support(self) -> Support:
        return list(enumerate(self.tokens[: self.seen]))

    def least(self, rows: Rows, smallest: Smallest = min) -> int:
        """The least sum, or with a label less: f = l val + (f - l val), whatever l is."""
        if self.label is None:
            return sum(map(smallest, rows))
        rise = sum([row[top] - row[bottom] for row, (_, bottom, top) in zip(rows, self.ends, strict=True)])
        run = sum([v[top] - v[bottom] for v, bottom, top in self.ends])
        slope = rise // run if run else 0
        rest = sum(
            [
                min([f - slope * s for f, s in zip(row, v, strict=True)])
                for row, (v, _, _) in zip(rows, self.ends, strict=True)
            ]
        )
        return min(slope * self.label.low, slope * self.label.high) + rest

    @cached_property
    def ends(self) -> list[tuple[list[int], int, int]]:
        """With a label: for each position the values of its tokens, and where the least and the largest stand."""
        assert self.label is not None
        values = [[self.label.value[t] for t in tokens] for tokens in self.tokens]
        return [(v, v.index(min(v)), v.index(max(v))) for v in values]

    def holding(self, p: int, tokens: Sequence[int]) -> Box:
        """The part in which p holds one of these tokens."""
        kept = tuple(t for t in self.tokens[p] if t in tokens)
        return replace(self, tokens=(*self.tokens[:p], kept, *self.tokens[p + 1 :]))

    def maxima(self) -> Iterator[Box]:
        """By the largest token m, and by the first position p that holds it."""
        for m in sorted(set().union(*self.tokens)):
            for p in range(len(self.tokens)):
                parts = (
                    tuple(t for t in tokens if (t < m if j < p else t == m if j == p else t <= m))
                    for j, tokens in enumerate(self.tokens)
                )
                yield replace(self, tokens=tuple(parts))


@dataclass(frozen=True)
class Lists:
    """Lists of ``length`` different values below ``separator``, the separator, and the values in ascending order.

    At length + step the network sees the step smallest of them; the last of these is ``before`` (none for step 0), and
    ``after`` is the next one. The lists contain all of ``inside`` and none of ``outside``.
    """

    length: int
    separator: int
    step: int
    before: int = -1
    after: int = -1
    inside: frozenset[int] = frozenset()
    outside: frozenset[int] = frozenset()

    @property
    def read(self) -> int:
        return self.length + self.step

    def pools(self) -> tuple[list[int], list[int], int, int]:
        """The values that may stand below ``before`` and above ``after``, and how many of each there are."""
        below = [t for t in range(self.before) if t not in self.outside]
        above = [t for t in range(self.after + 1, self.separator) if t not in self.outside]
        return below, above, max(0, self.step - 1), self.length - 1 - self.step

    def size(self) -> int:
        """
        >>> Lists(3, 5, 1).size(), [s.size() for s in Lists(3, 5, 1).pairs()]
        (60, [18, 12, 6, 0, 12, 6, 0, 6, 0, 0])
        """
        if self.after < 0:
            return comb(self.separator, self.length) * perm(self.length)
        ways = perm(self.length)
        below, above, fewer, more = self.pools()
        for pool, number in ((below, fewer), (above, more)):
            held = sum(t in self.inside for t in pool)
            ways *= comb(len(pool) - held, number - held) if number >= held else 0
        return ways

    def pairs(self) -> Iterator[Lists]:
        """By ``before`` and ``after``."""
        for before in range(self.separator) if self.step else (-1,):
            for after in range(before + 1, self.separator):
                yield replace(self, before=before, after=after)

    def query(self) -> int | None:
        return (self.before if self.step else self.separator) if self.after >= 0 else None

    def support(self) -> Support:
        below, above, fewer, _ = self.pools()
        every = (*below, *((self.before,) if self.step else ()), self.after, *above)
        found: Support = [(p, every) for p in range(self.length)]
        found += [(self.length, (self.separator,))]
        found += [(self.length + 1 + j, tuple(below)) for j in range(fewer)]
        return found + ([(self.read, (self.before,))] if self.step else [])

    def least(self, rows: Rows, smallest: Smallest = min) -> int:
        """At most the least sum: every value stands at the place among the first ``length`` that is best for it."""
        below, above, fewer, more = self.pools()
        somewhere = [smallest(column) for column in zip(*rows[: self.length], strict=True)]
        start, end = len(below), len(below) + (self.step > 0)
        fixed = sum(somewhere[start : end + 1]) + rows[self.length][0] + (rows[-1][0] if self.step else 0)
        ranks = rows[self.length + 1 : self.length + 1 + fewer]
        low = self.chosen(below, fewer, lambda k, j: somewhere[k] + ranks[j][k], smallest)
        return fixed + low + self.chosen(above, more, lambda k, j: somewhere[end + 1 + k], smallest)

    def chosen(self, pool: Sequence[int], number: int, cost: Callable[[int, int], int], smallest: Smallest) -> int:
        """The least cost of ``number`` values of the pool in ascending order, the j-th of which, at place k, costs
        cost(k, j); those of ``inside`` among them."""
        best: list[Any] = [0] + [None] * number
        for k, t in enumerate(pool):
            for j in range(min(k + 1, number), -1, -1):
                ways = [] if t in self.inside or best[j] is None else [best[j]]
                if j and best[j - 1] is not None:
                    ways.append(best[j - 1] + cost(k, j - 1))
                best[j] = smallest(ways) if ways else None
        return best[number]
