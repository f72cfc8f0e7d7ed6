"""The checker's view of a network, for tests of single checks."""

from __future__ import annotations

from pathlib import Path

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.rule import Auditor


def auditor_of(path: Path, steps: int = 10**10, task: str = "max-of-k") -> Auditor:
    """The auditor of the network in this file."""
    return Auditor(*read_task(task, read_description(str(path), None)), Budget(steps), 1)
