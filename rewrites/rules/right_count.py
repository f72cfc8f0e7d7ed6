"""The claim that counting rules conclude: by parts, how many inputs are certainly right and certainly wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...engine.claim import Shown
from ...engine.digest import digest
from ...models.statement import Statement
from .cell_sets import CellSets
from .count import Count
from .parts import Part, Parts
from .path_decomposition import V


@dataclass(frozen=True)
class RightCount(Count):
    """At least ``right[part]`` inputs of every part are right, at least ``wrong[part]`` wrong.

    ``sets``: sets of sequences that are right, which together are no fewer than ``right`` says.
    """

    partition: Parts
    right: Mapping[Part, int]
    wrong: Mapping[Part, int]
    sets: CellSets | None = None

    parts = V**2

    @property
    def statement(self) -> Statement:
        """What it is about."""
        return self.partition.statement

    @property
    def low(self) -> int:
        """At least so many sequences are right."""
        return sum(self.right.values())

    @property
    def high(self) -> int:
        """At most so many sequences are right."""
        return self.statement.inputs - sum(self.wrong.values())

    @property
    def looseness(self) -> int:
        """How many sequences are not shown to be right."""
        return self.statement.inputs - self.low

    def identity(self) -> str:
        numbers = self.partition.listed(self.right, self.wrong)
        return digest([self.statement.sha256, numbers, *([] if self.sets is None else [self.sets.identity])])

    def shown(self) -> Shown | None:
        sets = self.sets
        return None if sets is None else Shown("right_cells/1", (sets.paths,), lambda: {"sets": sets.encode()})

    def sentence(self) -> str:
        total = self.statement.inputs
        if self.low == self.high:
            return f"Exactly {self.low} of {total} sequences are right."
        most = "" if self.high == total else f" and at most {self.high}"
        return f"At least {self.low}{most} of {total} sequences are right."
