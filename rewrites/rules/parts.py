"""Partitions of the inputs: counts and sums are stated part by part, and add up to what is said of all inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ...models.one_layer import one_layer_of
from ...models.statement import Statement

Part = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Parts:
    """Disjoint sets that make up the inputs of a statement: how many inputs each has, by its name.

    ``names``: what the numbers of a name are called, ``meaning``: what they are; ``coarse`` says which of them, alone,
    names the parts of a coarser partition, which is ``coarse_meaning``.  Raises ValueError unless the sizes add up to
    all inputs.
    """

    statement: Statement
    sizes: Mapping[Part, int]
    names: tuple[str, ...]
    meaning: str
    coarse: int
    coarse_meaning: str

    def __post_init__(self) -> None:
        if sum(self.sizes.values()) != self.statement.inputs:
            raise ValueError("the parts are not all of the inputs")

    def name(self, part: Part) -> str:
        """As transcripts show it."""
        return f"$({', '.join(self.names)}) = ({', '.join(map(str, part))})$"

    def listed(self, *tables: Mapping[Part, int]) -> list[list[object]]:
        """The numbers of some tables, part by part: what a count or a sum is identified by."""
        return [[*part, *(hex(table[part]) for table in tables)] for part in self.sizes]

    def coarsely(self, table: Mapping[Part, int]) -> Counter[int]:
        """The numbers of a table, added up by the parts of the coarser partition."""
        found = Counter[int]()
        for part, number in table.items():
            found[part[self.coarse]] += number
        return found


@lru_cache(maxsize=64)
def cells(statement: Statement) -> Parts:
    """One layer of attention on the largest of its tokens: sequences by their last token q and their largest, m."""
    layer = one_layer_of(statement)
    sizes = {cell: layer.cell_size(*cell) for cell in layer.cells()}
    return Parts(statement, sizes, ("q", "m"), "cells $(q, m)$: query $q$, maximum $m$", 1, "maximum $m$")
