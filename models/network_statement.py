"""The statement about any network: its layers, the task, and their hash (docs/statement.md §3, schema 2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..engine.digest import canonical_json
from .network import Network
from .tasks.task import Task


@dataclass(frozen=True, eq=False)
class NetworkStatement:
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

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode("ascii")).hexdigest()
