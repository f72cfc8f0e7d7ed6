"""Sets of inputs with exact sizes, and the ways to split them into disjoint parts (docs/certificate.md, boxes).

Two kinds.  A *product* gives every position that counts a set of tokens, as the bits of an integer; where the task
labels tokens with numbers, the sum of the labels may be held in an interval.  A *list set* holds lists of distinct
numbers in any order, behind them a separator and the same numbers sorted, as they stand when the next one is read:
which number was read last, which comes next, which others are in the list and which are not.

Every split partitions its set, so that sizes of the parts add up; parts without members are left out.

>>> space = Products(((0, 1, 2), (0, 1, 2)))
>>> [space.size(part) for part in space.by_maximum(space.root)]
[1, 2, 1, 3, 2]
>>> lists = Lists(length=2, values=4, step=1)
>>> [(cell.before, cell.next, lists.size(cell)) for cell in lists.cells(lists.root)]
[(0, 1, 2), (0, 2, 2), (0, 3, 2), (1, 2, 2), (1, 3, 2), (2, 3, 2)]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import comb, perm, prod
from typing import NamedTuple

import numpy as np


class Product(NamedTuple):
    """``sets``: bits of the tokens of each position; ``label``: bounds of the sum of labels, None for no condition."""

    sets: tuple[int, ...]
    label: tuple[int, int] | None = None


class ListSet(NamedTuple):
    """``before``: the number that was read last (-1: none), ``next`` the one to come (-1: not yet split by them)."""

    before: int = -1
    next: int = -1
    inside: int = 0
    outside: int = 0


def members(bits: int) -> list[int]:
    """The tokens of a set, ascending.

    >>> members(0b1011)
    [0, 1, 3]
    """
    return [t for t in range(bits.bit_length()) if bits >> t & 1]


def bits_of(tokens: Sequence[int]) -> int:
    """A set of tokens as the bits of an integer."""
    return sum(1 << t for t in set(tokens))


@dataclass(frozen=True)
class Products:
    """Products within ``tokens`` (one set a position); ``labels``: the number of each token, or None."""

    tokens: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...] | None = None

    @cached_property
    def root(self) -> Product:
        return Product(tuple(bits_of(tokens) for tokens in self.tokens))

    def size(self, node: Product) -> int:
        """How many inputs it holds."""
        if node.label is None:
            return prod(bits.bit_count() for bits in node.sets)
        low, high = node.label
        return sum(count for total, count in self.sums(node).items() if low <= total <= high)

    def sums(self, node: Product) -> Mapping[int, int]:
        """The sums of labels over the product, whatever its interval, with how many inputs have each."""
        assert self.labels is not None, "only labelled tokens have sums"
        return sums(tuple(tuple(self.labels[t] for t in members(bits)) for bits in node.sets))

    def range_of(self, node: Product) -> tuple[int, int]:
        """Bounds of the sum of labels on the set."""
        assert self.labels is not None, "only labelled tokens have sums"
        values = [[self.labels[t] for t in members(bits)] for bits in node.sets]
        low, high = sum(map(min, values)), sum(map(max, values))
        return (low, high) if node.label is None else (max(low, node.label[0]), min(high, node.label[1]))

    def each(self, node: Product, position: int) -> list[Product]:
        """One part for each token of a position."""
        return self._held([_with(node, position, 1 << t) for t in members(node.sets[position])])

    def holds(self, node: Product, position: int, token: int) -> list[Product]:
        """The position holds the token, or it does not."""
        bits, one = node.sets[position], 1 << token
        return self._held([_with(node, position, bits & one), _with(node, position, bits & ~one)])

    def below(self, node: Product, position: int, token: int) -> list[Product]:
        """The position holds a smaller token, or not."""
        bits, smaller = node.sets[position], (1 << token) - 1
        return self._held([_with(node, position, bits & smaller), _with(node, position, bits & ~smaller)])

    def by_maximum(self, node: Product) -> list[Product]:
        """By the largest token and the first position that holds it."""
        parts: list[Product] = []
        everything = 0
        for bits in node.sets:
            everything |= bits
        for m in members(everything):
            smaller = (1 << m) - 1
            for p, bits in enumerate(node.sets):
                if bits >> m & 1:
                    before = [other & smaller for other in node.sets[:p]]
                    after = [other & (smaller << 1 | 1) for other in node.sets[p + 1 :]]
                    parts.append(node._replace(sets=(*before, 1 << m, *after)))
        return self._held(parts)

    def sum_below(self, node: Product, bound: int) -> list[Product]:
        """The sum of labels is smaller, or not."""
        low, high = self.range_of(node)
        return self._held([node._replace(label=(low, bound - 1)), node._replace(label=(bound, high))])

    def _held(self, parts: list[Product]) -> list[Product]:
        return [part for part in parts if all(part.sets) and (part.label is None or self.size(part))]

    def inputs(self, node: Product) -> Iterator[tuple[int, ...]]:
        """All inputs, lexicographically."""
        held: list[tuple[int, ...]] = [()]
        for bits in node.sets:
            held = [(*beginning, t) for beginning in held for t in members(bits)]
        for found in held:
            if node.label is None or node.label[0] <= sum((self.labels or ())[t] for t in found) <= node.label[1]:
                yield found


@dataclass(frozen=True)
class Lists:
    """Lists of ``length`` distinct numbers below ``values``, read when ``step`` of the sorted ones are known."""

    length: int
    values: int
    step: int

    root = ListSet()

    @property
    def below_needed(self) -> int:
        """How many numbers are smaller than the one read last."""
        return max(self.step - 1, 0)

    @property
    def above_needed(self) -> int:
        """How many are larger than the next one."""
        return self.length - 1 - self.step

    def pools(self, node: ListSet) -> tuple[int, int]:
        """The numbers that may stand below ``before``, and above ``next``: bits, those known to be out left out."""
        below = (1 << node.before) - 1 if node.before >= 0 else 0
        above = (1 << self.values) - (1 << node.next + 1)
        return below & ~node.outside, above & ~node.outside

    def size(self, node: ListSet) -> int:
        """How many lists it holds: an order for each set of numbers."""
        if node.next < 0:
            return perm(self.length) * comb(self.values, self.length)
        sets = 1
        for pool, needed in zip(self.pools(node), (self.below_needed, self.above_needed), strict=True):
            known = (pool & node.inside).bit_count()
            if known > needed:
                return 0
            sets *= comb(pool.bit_count() - known, needed - known)
        return perm(self.length) * sets

    def cells(self, node: ListSet) -> list[ListSet]:
        """By the number read last and the next one."""
        before = range(self.values) if self.step else (-1,)
        found = (ListSet(b, n) for b in before for n in range(b + 1, self.values))
        return [cell for cell in found if self.size(cell)]

    def holds(self, node: ListSet, number: int) -> list[ListSet]:
        """A number that is still free is in the list, or it is not; raises ValueError for any other."""
        one = 1 << number
        below, above = self.pools(node)
        if not (below | above) & one or node.inside & one:
            raise ValueError(f"{number} is not free in {node}")
        parts = [node._replace(inside=node.inside | one), node._replace(outside=node.outside | one)]
        return [part for part in parts if self.size(part)]


@lru_cache(maxsize=4096)
def sums(labels: tuple[tuple[int, ...], ...]) -> Mapping[int, int]:
    """The sums of one number of each position, with how many choices have each.

    >>> sums(((0, 1), (0, 1)))
    {0: 1, 1: 2, 2: 1}
    """
    if not labels:
        return {0: 1}
    found: dict[int, int] = {}
    for total, count in sums(labels[:-1]).items():
        for label in labels[-1]:
            found[total + label] = found.get(total + label, 0) + count
    return found


def _with(node: Product, position: int, bits: int) -> Product:
    return node._replace(sets=(*node.sets[:position], bits, *node.sets[position + 1 :]))


def masks(sets: Sequence[int], tokens: int) -> np.ndarray:
    """Sets of tokens as rows of booleans."""
    width = -(-tokens // 8)
    data = np.frombuffer(b"".join(bits.to_bytes(width, "little") for bits in sets), dtype=np.uint8)
    return np.unpackbits(data.reshape(-1, width), axis=1, count=tokens, bitorder="little").astype(np.bool_)
