"""All proofs found for a goal, as rows for people and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from ....engine.graph import ProofGraph, carried
from ....engine.transcript.plain import plain
from ....models import DEFAULT_TASK
from ....models.problem import statement_of
from ....models.statement import Statement
from ...advice.allowance import Allowance, BudgetSpent
from ...rules.accuracy import Accuracy
from ...standard_forms import paths_of
from ..splits.common import Workbench
from .backward import Engine, Limits
from .goal_names import goal
from .goals import Unreachable


@dataclass(frozen=True)
class Alternative:
    """One proof: the claim in words, its operations, its derivations, and whether another is no worse in price and
    size."""

    sentence: str
    price: int
    length: int
    dominated: bool
    rules: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Alternatives:
    """Cheapest first; not ``complete`` when a limit ended the search."""

    rows: tuple[Alternative, ...]
    complete: bool


def alternatives(
    weights: str | PathLike[str], text: str, seconds: int, task: str = DEFAULT_TASK, memory: int | None = None
) -> Alternatives:
    """Everything a backward search finds for the goal of that name.

    ``memory``: bytes that the process may hold.  Raises :class:`UnknownGoal`, :class:`Unreachable` when nothing is
    found, and :class:`~mechproof.rewrites.advice.allowance.Spent` when the time or the memory ends before anything is.
    """
    with Allowance(seconds, memory):
        return _alternatives(statement_of(weights, task), text, seconds)


def _alternatives(statement: Statement, text: str, seconds: int) -> Alternatives:
    graph = ProofGraph()
    bench = Workbench.of(graph, paths_of(graph, statement), any_row=True)
    engine = Engine(bench, Limits(seconds=seconds))
    rows = []
    try:
        solved = engine.solve(goal(text, bench))
    except Unreachable:
        if engine.cut_short:
            raise BudgetSpent(f"{seconds}") from None
        raise
    for found in solved:
        steps = carried(engine.proof(found.claim).steps)
        claim = graph.claim(found.claim)
        sentence = claim.relation() if isinstance(claim, Accuracy) else plain(claim.sentence())
        rules = tuple(dict.fromkeys(step.rule.tag for step in steps))
        rows.append(Alternative(sentence, found.price, len(steps), found.dominated, rules))
    return Alternatives(tuple(rows), not engine.cut_short)
