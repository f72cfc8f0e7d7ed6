"""The statement that a theorem is about: a network, a task, and their hash (docs/statement.md §3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..engine.digest import canonical_json
from .network import Network
from .tasks.task import Task


@dataclass(frozen=True, eq=False)
class Statement:
    """A network and a task on it."""

    network: Network
    task: Task

    def content(self) -> dict[str, Any]:
        """What is hashed: all that the statement says."""
        return {
            "schema": "mechproof-statement/2",
            "network": self.network.describe(self.task.positions),
            "task": self.task.describe(),
        }

    def text(self) -> str:
        """The canonical text that is hashed."""
        return canonical_json(self.content())

    @property
    def inputs(self) -> int:
        """What an accuracy is a share of: inputs, or pairs of an input and a read position."""
        return self.task.size

    @property
    def unit(self) -> str:
        """What is counted, in words."""
        return "pairs of an input and a position" if self.task.counted == "pairs" else "inputs"

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode("ascii")).hexdigest()
