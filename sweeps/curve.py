"""The proof-length/tightness curve of one network: which proofs no other proof beats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ..engine.front import front
from .selection import GROUPS, group
from .storage import Row


@dataclass(frozen=True)
class Curve:
    """The proved rows of one network, refused ones apart; at least one row."""

    rows: tuple[Row, ...]
    refused: tuple[Row, ...] = ()

    @staticmethod
    def of(rows: Iterable[Row]) -> Curve:
        """Sorted from the largest bound down, the fewest operations first among equals."""
        ordered = sorted(rows, key=lambda row: (-row.right_low, row.operations, row.strategy, row.off))
        return Curve(tuple(row for row in ordered if row.proved), tuple(row for row in ordered if not row.proved))

    @cached_property
    def most_right(self) -> int:
        """The exact count where a row has proved it; else the least number that a row proves not to be exceeded."""
        return min(row.right_high for row in self.rows)

    @property
    def exact(self) -> bool:
        """Whether ``most_right`` is the exact count."""
        return self.rows[0].right_low == self.most_right

    def normalised(self, row: Row) -> Fraction:
        """The bound as a share of the network's accuracy; never more, and less where the accuracy is not known."""
        return Fraction(row.right_low, self.most_right) if self.most_right else Fraction(1)

    @cached_property
    def front(self) -> tuple[Row, ...]:
        """The rows that no row beats, from the fewest operations up: less costs more of the bound."""
        return tuple(front(self.rows, lambda row: (row.operations, -row.right_low, row.strategy)))

    def best(self) -> dict[str, Row]:
        """The best row of every group that has one."""
        by_group: dict[str, Row] = {}
        for row in self.rows:
            by_group.setdefault(group(row.strategy), row)
        return {name: by_group[name] for name in GROUPS if name in by_group}
