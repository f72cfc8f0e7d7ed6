"""Tasks: which inputs, which right answers; one named task a file, with a ``TASK`` that builds it for a network.

>>> ", ".join(sorted(named()))
'group, induction, induction-once, kth-max, max-of-k, modular-addition, running-sum-sign, sorted-list, table'
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol

from ..network import Network
from .errors import UnknownTask
from .expression import parse
from .task import Task
from .task_file import load_task
from .whole import check, on_all_inputs


class Builder(Protocol):
    """A named task: ``name`` before the colon, and the task for the parameters behind it."""

    name: str

    def build(self, parameters: str, network: Network) -> Task: ...


@cache
def named() -> dict[str, Builder]:
    """The named tasks of this folder."""
    modules = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name)
    ]
    return {module.TASK.name: module.TASK for module in modules if hasattr(module, "TASK")}


def task_of(text: str, network: Network) -> Task:
    """The task that ``text`` names (docs/statement.md §2): a named one, an expression, or a task file's path.

    Raises :class:`~.errors.UnknownTask`, :class:`~.errors.TaskDoesNotFit`,
    :class:`~.expression.BadExpression` or :class:`~.inputs.BadInputSet`.
    """
    name, _, parameters = text.partition(":")
    if name in named():
        task = named()[name].build(parameters, network)
    elif name == "expression":
        task = on_all_inputs(name, network, parse(parameters))
    elif text.endswith(".toml"):
        task = load_task(text, network)
    else:
        raise UnknownTask(text, ", ".join(named()))
    return check(task, network)
