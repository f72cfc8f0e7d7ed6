"""Sets of inputs: a set of tokens for each position, and a condition on the tuple. Their sizes are computed twice:
here by counting arguments, and by whoever visits them all.

The tuples are visited block by block: a block fixes the token of the first position that has a choice (of a list: it
is a range of rows).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import perm, prod

from ..budget import within

MAX_DISTINCT = 12
MAX_SETS = 1 << 18
_ROWS = 1 << 8


@dataclass(frozen=True)
class Inputs:
    """The tuples of the product of ``tokens`` whose tokens at the positions ``differ`` are pairwise different, and
    whose last token, if ``repeated``, stands earlier, but not directly before; or, if ``once``, exactly once
    earlier, neither first nor directly before; or, if ``ordered``, whose tokens after those of ``differ`` and one more
    are the first ones in ascending order; or the ``rows`` of a list."""

    tokens: tuple[tuple[int, ...], ...]
    differ: tuple[int, ...] = ()
    repeated: bool = False
    rows: tuple[tuple[int, ...], ...] | None = None
    once: bool = False
    ordered: bool = False

    def size(self) -> int:
        """How many there are; nothing is enumerated.

        >>> four = tuple(range(4))
        >>> Inputs((four,) * 3, (0, 1, 2)).size(), Inputs((four,) * 4, (0, 1, 2), True).size()
        (24, 48)
        """
        if self.rows is not None:
            return len(self.rows)
        sets = [set(tokens) for tokens in self.tokens]
        if self.once:
            return sum(
                prod(len(tokens) - (last in tokens) for p, tokens in enumerate(sets[:-1]) if p != i)
                for last in sets[-1]
                for i in range(1, len(sets) - 2)
                if last in sets[i]
            )
        if self.ordered:
            return _distinct([sets[p] for p in self.differ])
        if not self.repeated:
            return _distinct([sets[p] for p in self.differ]) * prod(
                len(tokens) for p, tokens in enumerate(sets) if p not in self.differ
            )
        # the tokens before the last differ, so that at most one of them is the last one
        before, last = sets[:-1], sets[-1]
        return sum(_distinct([*before[:i], before[i] & last, *before[i + 1 :]]) for i in range(len(before) - 1))

    def holds(self, t: Sequence[int]) -> bool:
        """Whether a tuple is one of them."""
        if self.rows is not None or len(t) != len(self.tokens):
            return self.rows is not None and tuple(t) in self.rows
        return tuple(t) in replace(self, tokens=tuple((u,) for u in t)) and all(map(tuple.__contains__, self.tokens, t))

    def blocks(self) -> list[Inputs]:
        """Disjoint sets that are all of it."""
        if self.rows is not None:
            return [replace(self, rows=self.rows[i : i + _ROWS]) for i in range(0, len(self.rows), _ROWS)]
        place = next((p for p, tokens in enumerate(self.tokens) if len(tokens) > 1), 0)
        head, tail = self.tokens[:place], self.tokens[place + 1 :]
        return [replace(self, tokens=(*head, (token,), *tail)) for token in self.tokens[place]]

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        """Each tuple once."""
        if self.rows is not None:
            return iter(self.rows)
        if self.once:
            return (
                (*start, last)
                for start in itertools.product(*self.tokens[:-1])
                for last in self.tokens[-1]
                if start.count(last) == 1 and last in start[1:-1]
            )
        if self.ordered:
            length = len(self.differ)
            return ((*start, *sorted(start[:length])) for start in _different(self.tokens[: length + 1], self.differ))
        if self.repeated:
            starts = _different(self.tokens[:-1], self.differ)
            return ((*start, last) for start in starts for last in self.tokens[-1] if last in start[:-1])
        return _different(self.tokens, self.differ) if self.differ else itertools.product(*self.tokens)


def _distinct(sets: Sequence[set[int]]) -> int:
    """The tuples of pairwise different members: token by token, each goes to at most one place that takes it."""
    if len(set(map(frozenset, sets))) == 1:
        return perm(len(sets[0]), len(sets))
    within("the number of positions that must differ", len(sets), MAX_DISTINCT)
    within("the number of tokens of all positions", len(set().union(*sets)) << len(sets), MAX_SETS)
    filled = [1] + [0] * ((1 << len(sets)) - 1)
    for token in set().union(*sets):
        takers = [1 << p for p, members in enumerate(sets) if token in members]
        for places in range(len(filled) - 1, 0, -1):
            filled[places] += sum(filled[places ^ place] for place in takers if places & place)
    return filled[-1]


def _different(
    tokens: Sequence[tuple[int, ...]], differ: Sequence[int], start: tuple[int, ...] = ()
) -> Iterator[tuple[int, ...]]:
    """The tuples that begin with ``start`` and whose members at ``differ`` are pairwise different."""
    place = len(start)
    if place == len(tokens):
        yield start
        return
    used = {start[p] for p in differ if p < place} if place in differ else set()
    for token in tokens[place]:
        if token not in used:
            yield from _different(tokens, differ, (*start, token))
