"""A block of inputs, and what differs within it: the distinct tuples of tokens at some of the positions.

A quantity that depends on the tokens at positions P alone is a table with one row for each distinct tuple at P that
occurs in the block.  ``places`` names such a set of tuples by P without the positions that are the same for all inputs;
where every input has a tuple of its own, by all positions.

>>> block = Block(np.array([[0, 1, 7], [0, 2, 7], [3, 1, 7], [3, 2, 7]]))
>>> sorted(block.places([0, 2])), sorted(block.places([0, 1]))
([0], [0, 1])
>>> block.tokens_at(block.places([0, 2]), 0).tolist()
[0, 3]
>>> block.index(frozenset({0}), frozenset({0, 1})).tolist()
[0, 0, 1, 1]
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

Places = frozenset[int]


class Block:
    """``tokens``: inputs × positions, int64, at least one input, none twice."""

    def __init__(self, tokens: np.ndarray) -> None:
        self.tokens = tokens
        self.inputs = len(tokens)
        self.varying = frozenset(int(p) for p in np.flatnonzero((tokens != tokens[:1]).any(axis=0)))
        every = np.arange(self.inputs)
        self._tables: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {(): (every[:1], np.zeros_like(every))}
        self._tables[tuple(sorted(self.varying))] = (every, every)

    def places(self, positions: Iterable[int]) -> Places:
        """The name of the distinct tuples at these positions."""
        found = self.varying.intersection(positions)
        return self.varying if len(self._table(found)[0]) == self.inputs else found

    def rows(self, places: Places) -> int:
        """How many distinct tuples there are."""
        return len(self._table(places)[0])

    def tokens_at(self, places: Places, position: int) -> np.ndarray:
        """The token at a position, for each tuple at these places, of which it is one or does not vary."""
        return self.tokens[self._table(places)[0], position]

    def index(self, small: Places, large: Places) -> np.ndarray | None:
        """For every tuple at the larger places, the number of the tuple at the smaller; None where they are the
        same."""
        return None if small == large else self._table(small)[1][self._table(large)[0]]

    def _table(self, places: Places) -> tuple[np.ndarray, np.ndarray]:
        """(an input with each tuple, the number of each input's tuple)."""
        key = tuple(sorted(places))
        if key not in self._tables:
            before = self._table(frozenset(key[:-1]))[1]
            tokens = self.tokens[:, key[-1]]
            self._tables[key] = _distinct(before * (int(tokens.max()) + 1) + tokens)
        return self._tables[key]


def _distinct(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the index of an occurrence of each code, the rank of each entry's code)."""
    if (codes[1:] >= codes[:-1]).all():
        new = np.concatenate([np.ones(1, dtype=np.bool_), codes[1:] > codes[:-1]])
        return np.flatnonzero(new), np.cumsum(new) - 1
    most = int(codes.max()) + 1
    if most > 8 * len(codes):
        _, first, number = np.unique(codes, return_index=True, return_inverse=True)
        return first, number.reshape(-1)
    occurrence = np.full(most, -1, dtype=np.int64)
    occurrence[codes] = np.arange(len(codes))
    seen = occurrence >= 0
    return occurrence[seen], (np.cumsum(seen) - 1)[codes]
