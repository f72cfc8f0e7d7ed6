"""Input sets: a set of tokens for each position, and a condition on the tuple (docs/statement.md §2).

>>> InputSet(((0, 1, 2),) * 3, "distinct").size
6
>>> [row.tolist() for row in InputSet(((0, 1, 2),) * 2, "distinct").blocks(4)]
[[[0, 1], [0, 2], [1, 0], [1, 2]], [[2, 0], [2, 1]]]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import perm, prod

import numpy as np

from ...engine.errors import MechproofError
from ..weights.errors import axes_text

MOST_DIFFERENT = 12
CONDITIONS = ("none", "distinct", "repeated", "once", "sorted", "listed")


@dataclass(unsafe_hash=True)
class BadInputSet(MechproofError):
    task: str
    expected: str
    found: str
    sentence = "task {task}: expected {expected}, found {found}"


@dataclass(frozen=True, eq=False)
class InputSet:
    """``sets``: the tokens of each position, ascending; ``listed``: the inputs one a row, for that condition only.

    Raises :class:`BadInputSet` for a set that is empty or not ascending, and for more positions whose tokens must
    differ than can be counted.
    """

    sets: tuple[tuple[int, ...], ...]
    condition: str = "none"
    listed: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise BadInputSet("inputs", f"a condition of {', '.join(CONDITIONS)}", self.condition)
        for p, tokens in enumerate(self.sets):
            if not tokens or list(tokens) != sorted(set(tokens)) or tokens[0] < 0:
                raise BadInputSet("inputs", f"ascending tokens, at least one, at position {p}", str(tokens)[:60])
        differ = {"distinct": len(self._free), "repeated": len(self.sets) - 1}.get(self.condition, 0)
        if differ > MOST_DIFFERENT and len({self.sets[p] for p in self._free}) > 1:
            expected = f"at most {MOST_DIFFERENT} positions with several sets of tokens that must differ"
            raise BadInputSet("inputs", expected, str(differ))
        if self.condition == "sorted":
            self._check_lists()
        if (self.condition == "listed") != (self.listed is not None):
            raise BadInputSet("inputs", "a list of inputs for the condition listed, and for no other", self.condition)
        if self.listed is not None:
            self._check_list(self.listed)
        if self.size < 1:
            raise BadInputSet("inputs", "at least one input", "an empty set")

    def _check_lists(self) -> None:
        """L numbers, a separator, and the L numbers again."""
        L = len(self.sets) // 2
        if len(self.sets) != 2 * L + 1 or L < 1 or len(self.sets[L]) != 1:
            raise BadInputSet("inputs", "L positions, one with a separator alone, and L more", f"{len(self.sets)}")
        numbers = {self.sets[p] for p in range(2 * L + 1) if p != L}
        if len(numbers) != 1 or len(self.sets[0]) < L or self.sets[L][0] in self.sets[0]:
            raise BadInputSet("inputs", f"the same {L} numbers or more at all places of a list", "others")

    def _check_list(self, listed: np.ndarray) -> None:
        if listed.ndim != 2 or listed.shape[1] != len(self.sets):
            raise BadInputSet("inputs", f"a list of {len(self.sets)} tokens a row", f"shape {axes_text(listed.shape)}")
        for p, tokens in enumerate(self.sets):
            strangers = set(np.unique(listed[:, p]).tolist()) - set(tokens)
            if strangers:
                raise BadInputSet("inputs", f"tokens of position {p} in its set", str(min(strangers)))
        if len(np.unique(listed, axis=0)) < len(listed):
            raise BadInputSet("inputs", "a list with no input twice", "one that stands twice")

    @property
    def positions(self) -> int:
        return len(self.sets)

    def holds(self, tokens: Sequence[int]) -> bool:
        """Whether this is one of the inputs.

        >>> InputSet(((0, 1, 2),) * 2, "distinct").holds((1, 2)), InputSet(((0, 1, 2),) * 2, "distinct").holds((1, 1))
        (True, False)
        """
        if len(tokens) != self.positions or any(t not in own for t, own in zip(tokens, self.sets, strict=True)):
            return False
        if self.listed is not None:
            return bool((self.listed == np.array(tokens)).all(axis=1).any())
        row = np.array([tokens], dtype=np.int64)
        return all(len(self._kept(row[:, : p + 1])) == 1 for p in range(self.positions))

    @property
    def _free(self) -> list[int]:
        """The positions that are not fixed."""
        return [p for p, tokens in enumerate(self.sets) if len(tokens) > 1]

    @cached_property
    def size(self) -> int:
        """How many inputs there are, by a formula; :meth:`blocks` counts them one by one.

        repeated: the last token stands at one place i < n - 2 only, since those before it differ; so it counts the
        different tuples whose token there is one that may be last.  once: the same place is one of 1 … n - 3, and every
        other token is another one.  sorted: the list; what stands behind the separator follows from it.
        """
        sets = [frozenset(tokens) for tokens in self.sets]
        match self.condition:
            case "distinct":
                return different([sets[p] for p in self._free])
            case "repeated":
                *before, last = sets
                places = range(len(before) - 1)
                return sum(different([*before[:i], before[i] & last, *before[i + 1 :]]) for i in places)
            case "once":
                *before, last = sets
                return sum(
                    prod(len(tokens) - (token in tokens) for p, tokens in enumerate(before) if p != i)
                    for i in range(1, len(before) - 1)
                    for token in before[i] & last
                )
            case "sorted":
                return different([sets[0]] * (len(sets) // 2))
            case "listed":
                assert self.listed is not None
                return len(self.listed)
        return prod(len(tokens) for tokens in self.sets)

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """All inputs, at most ``rows`` at a time, as int64 arrays (inputs × positions); lexicographic but for a list,
        which keeps its order.  Every block but the last of a common beginning is cut where ``rows`` says.
        """
        if self.listed is not None:
            for first in range(0, len(self.listed), rows):
                yield self.listed[first : first + rows]
            return
        waiting: list[np.ndarray] = []
        held = 0
        for found in self._below(np.zeros((1, 0), dtype=np.int64), rows):
            waiting.append(found)
            held += len(found)
            if held >= rows:
                together = np.concatenate(waiting)
                full = held - held % rows
                for first in range(0, full, rows):
                    yield together[first : first + rows]
                waiting, held = [together[full:]], held - full
        if held:
            yield np.concatenate(waiting)

    def _below(self, beginnings: np.ndarray, rows: int) -> Iterator[np.ndarray]:
        """All inputs that begin so, in order; expanded at once while they are few, one beginning at a time else."""
        length = beginnings.shape[1]
        if length == self.positions:
            yield beginnings
            return
        extended = self._extended(beginnings)
        rest = prod(len(tokens) for tokens in self.sets[length + 1 :])
        size = max(1, rows // rest)
        for first in range(0, len(extended), size):
            yield from self._below(extended[first : first + size], rows)

    def _extended(self, beginnings: np.ndarray) -> np.ndarray:
        """Every beginning with every token that may follow."""
        p = beginnings.shape[1]
        tokens = np.array(self.sets[p], dtype=np.int64)
        heads = np.repeat(beginnings, len(tokens), axis=0)
        new = np.tile(tokens, len(beginnings))
        return self._kept(np.concatenate([heads, new[:, None]], axis=1))

    def _kept(self, beginnings: np.ndarray) -> np.ndarray:
        """Those of these beginnings whose last token may follow the others."""
        heads, new, p = beginnings[:, :-1], beginnings[:, -1], beginnings.shape[1] - 1
        allowed = np.ones(len(new), dtype=np.bool_)
        if self.condition == "distinct" and len(self.sets[p]) > 1:
            allowed = ~(heads[:, [other for other in self._free if other < p]] == new[:, None]).any(axis=1)
        L = self.positions // 2
        if self.condition == "sorted" and p < L:
            allowed = ~(heads == new[:, None]).any(axis=1)
        if self.condition == "sorted" and p > L:
            allowed = np.sort(heads[:, :L], axis=1)[:, p - L - 1] == new
        if self.condition == "repeated":
            last = p == self.positions - 1
            seen = (heads[:, : p - 1 if last else p] == new[:, None]).any(axis=1)
            allowed = seen if last else ~seen
        if self.condition == "once" and p == self.positions - 1:
            same = heads == new[:, None]
            allowed = (same.sum(axis=1) == 1) & same[:, 1 : p - 1].any(axis=1)
        return beginnings[allowed]

    def describe(self) -> list[list[int]]:
        """TOKENS of docs/statement.md §3, one a position."""
        return [spelled_set(tokens) for tokens in self.sets]


def different(sets: Sequence[frozenset[int]]) -> int:
    """How many tuples of pairwise different members, one of each set.

    Of k equal sets of V members there are V!/(V-k)!.  Else Möbius inversion on the partitions of the positions: the
    sum, over all partitions, of the product over their blocks B of (-1)^(|B|-1) (|B|-1)! times the number of members
    that all sets of B have.  The block of the first position that is left may be any set of positions with it.

    >>> different([frozenset({0, 1}), frozenset({1, 2})]), different([frozenset(range(5))] * 30), different([])
    (3, 0, 1)
    """
    if len(set(sets)) == 1:
        return perm(len(sets[0]), len(sets))
    common: dict[int, frozenset[int]] = {}
    counts = {0: 1}
    for left in range(1, 1 << len(sets)):
        first = left & -left
        rest = left ^ first
        own = sets[first.bit_length() - 1]
        common[left] = own & common[rest] if rest else own
        total, others = 0, rest
        while True:  # every subset of the rest, the empty one last
            block = first | others
            size = others.bit_count()
            if common[block]:
                total += (-1 if size % 2 else 1) * perm(size) * len(common[block]) * counts[left ^ block]
            if not others:
                break
            others = (others - 1) & rest
        counts[left] = total
    return counts[(1 << len(sets)) - 1]


def spelled_set(tokens: tuple[int, ...]) -> list[int]:
    """A set of tokens as a statement has it: first and last of a range, or three and more numbers.

    >>> spelled_set((0, 1, 2, 3)), spelled_set((7,)), spelled_set((0, 2)), spelled_set((0, 2, 3))
    ([0, 3], [7, 7], [0, 0, 2], [0, 2, 3])
    """
    first, last = tokens[0], tokens[-1]
    if last - first == len(tokens) - 1:
        return [first, last]
    return [first, *tokens] if len(tokens) == 2 else list(tokens)
