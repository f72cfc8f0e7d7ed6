"""Why a task is none, or not one of this network: one sentence each."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class UnknownTask(MechproofError):
    name: str
    known: str
    sentence = "there is no task {name!r}; the tasks are {known}, expression: and task files (.toml)"


@dataclass(unsafe_hash=True)
class TaskDoesNotFit(MechproofError):
    """The network has too few positions, tokens or outputs for the task, or the task's parameters are none."""

    task: str
    expected: str
    found: str
    sentence = "task {task}: expected {expected}, found {found}"
