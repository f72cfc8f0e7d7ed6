"""The checker's view of a network, for tests of single checks."""

from __future__ import annotations

from pathlib import Path

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.one_layer.counts import View
from mechproof.engine.checker.one_layer.margins import Margins
from mechproof.engine.checker.one_layer.sets import roots
from mechproof.engine.checker.rule import Auditor


def auditor_of(path: Path, steps: int = 10**10, task: str = "max-of-k") -> Auditor:
    """The auditor of the network in this file."""
    return Auditor(*read_task(task, read_description(str(path), None)), Budget(steps), 1)


def view_of(path: Path, steps: int = 10**10, task: str = "max-of-k") -> View:
    """The network in this file as one layer with one head."""
    return auditor_of(path, steps, task).of(View)


def first_pass(margins: Margins, q: int, m: int) -> list[int]:
    """The outputs of a cell that rounded bounds leave open."""
    sums = margins.coarse.sums(q, m, [m, *range(m)])
    return margins.coarse.reaching(sums.cell(roots(q == m, margins.positions - 1)), m)
