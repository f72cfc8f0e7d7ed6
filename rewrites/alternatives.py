"""All proofs found for a goal, as rows for people and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from ..engine.graph import ProofGraph
from ..engine.transcript.plain import plain
from ..models.problem import problem
from ..models.weights import load
from .backward import Engine, Limits
from .goal_names import goal
from .rules.accuracy import Accuracy
from .rules.path_decomposition import paths_of
from .splits.common import Workbench


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


def alternatives(weights: str | PathLike[str], text: str, seconds: int, task: str = "max-of-k") -> Alternatives:
    """Everything a backward search finds for the goal of that name.

    Raises :class:`UnknownGoal`, and :class:`Unreachable` when nothing is found.
    """
    graph = ProofGraph()
    bench = Workbench.of(graph, paths_of(graph, problem(load(weights), task)), any_row=True)
    engine = Engine(bench, Limits(seconds=seconds))
    rows = []
    for found in engine.solve(goal(text, bench)):
        steps = engine.proof(found.claim).steps
        claim = graph.claim(found.claim)
        sentence = claim.relation() if isinstance(claim, Accuracy) else plain(claim.sentence())
        rules = tuple(dict.fromkeys(step.rule.tag for step in steps))
        rows.append(Alternative(sentence, found.price, len(steps), found.dominated, rules))
    return Alternatives(tuple(rows), not engine.cut_short)
