"""Input sets: a set of tokens for each position, and a condition on the tuple (docs/statement.md §2).

>>> InputSet(((0, 1, 2),) * 3, "distinct").size
6
>>> [row.tolist() for row in InputSet(((0, 1, 2),) * 2, "distinct").blocks(4)]
[[[0, 1], [0, 2], [1, 0], [1, 2]], [[2, 0], [2, 1]]]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import perm, prod

import numpy as np

from ...engine.errors import MechproofError
from ..weights.errors import axes_text

CONDITIONS = ("none", "distinct", "repeated", "once", "listed")


@dataclass(unsafe_hash=True)
class BadInputSet(MechproofError):
    task: str
    expected: str
    found: str
    sentence = "task {task}: expected {expected}, found {found}"


@dataclass(frozen=True, eq=False)
class InputSet:
    """``sets``: the tokens of each position, ascending; ``listed``: the inputs one a row, for that condition only.

    Raises :class:`BadInputSet` for a set that is empty or not ascending, and for a condition whose counting needs what
    the sets do not have: equal sets wherever tokens must differ.
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
        if self.condition == "distinct" and len({self.sets[p] for p in self._free}) > 1:
            raise BadInputSet("inputs", "the same tokens at all positions that are to differ", "several sets")
        if self.condition == "repeated" and (len(self.sets) < 3 or len(set(self.sets)) > 1):
            raise BadInputSet("inputs", "at least three positions with the same tokens", f"{len(self.sets)} positions")
        if self.condition == "once" and (len(self.sets) < 4 or len(set(self.sets)) > 1):
            raise BadInputSet("inputs", "at least four positions with the same tokens", f"{len(self.sets)} positions")
        if (self.condition == "listed") != (self.listed is not None):
            raise BadInputSet("inputs", "a list of inputs for the condition listed, and for no other", self.condition)
        if self.listed is not None:
            self._check_list(self.listed)
        if self.size < 1:
            raise BadInputSet("inputs", "at least one input", "an empty set")

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

    @property
    def _free(self) -> list[int]:
        """The positions that are not fixed."""
        return [p for p, tokens in enumerate(self.sets) if len(tokens) > 1]

    @cached_property
    def size(self) -> int:
        """How many inputs there are, by a formula; :meth:`blocks` counts them one by one.

        distinct: V!/(V-f)! for f free positions with the same V tokens.  repeated: V!/(V-n+1)! choices of
        t_0 … t_{n-2}, times n - 2 for t_{n-1}.  once: n - 3 places for the earlier t_{n-1}, V values of it, V - 1 of
        each other token.
        """
        n = len(self.sets)
        match self.condition:
            case "distinct":
                return perm(len(self.sets[self._free[0]]), len(self._free)) if self._free else 1
            case "repeated":
                return perm(len(self.sets[0]), n - 1) * (n - 2)
            case "once":
                return (n - 3) * len(self.sets[0]) * (len(self.sets[0]) - 1) ** (n - 2)
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
        allowed = np.ones(len(new), dtype=np.bool_)
        if self.condition == "distinct" and len(tokens) > 1:
            allowed = ~(heads[:, [other for other in self._free if other < p]] == new[:, None]).any(axis=1)
        if self.condition == "repeated":
            last = p == self.positions - 1
            seen = (heads[:, : p - 1 if last else p] == new[:, None]).any(axis=1)
            allowed = seen if last else ~seen
        if self.condition == "once" and p == self.positions - 1:
            same = heads == new[:, None]
            allowed = (same.sum(axis=1) == 1) & same[:, 1 : p - 1].any(axis=1)
        return np.concatenate([heads, new[:, None]], axis=1)[allowed]

    def describe(self) -> list[list[int]]:
        """TOKENS of docs/statement.md §3, one a position."""
        return [spelled_set(tokens) for tokens in self.sets]


def spelled_set(tokens: tuple[int, ...]) -> list[int]:
    """A set of tokens as a statement has it: first and last of a range, or three and more numbers.

    >>> spelled_set((0, 1, 2, 3)), spelled_set((7,)), spelled_set((0, 2)), spelled_set((0, 2, 3))
    ([0, 3], [7, 7], [0, 0, 2], [0, 2, 3])
    """
    first, last = tokens[0], tokens[-1]
    if last - first == len(tokens) - 1:
        return [first, last]
    return [first, *tokens] if len(tokens) == 2 else list(tokens)
