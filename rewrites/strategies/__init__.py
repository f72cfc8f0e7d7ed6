"""Strategies: recipes for reaching a theorem in a proof graph.

A strategy calls rules; it concludes nothing itself, and a stored graph replays without it.  Each module
of this folder is one strategy and is found by its file: it defines ``SUMMARY`` (one line) and

    derive(graph, margin, options, progress) -> id of a RightCount claim

where ``margin`` is the id of the :class:`~..rules.additive_margin.AdditiveMargin` claim.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from ...engine.errors import MechproofError
from ...engine.graph import ProofGraph
from ...models.statement import Statement
from ..rules.accuracy import AccuracyFromCount
from ..rules.additive_margin import AdditiveMarginRule
from ..rules.network_definition import NetworkDefinition
from ..rules.path_decomposition import PathDecomposition

DEFAULT = "branch_and_bound"

# progress(what is being done, steps done, steps in all)
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """No progress report."""


@dataclass(frozen=True)
class Options:
    """What a user may set: a time budget in seconds, the grid of ``separable``, the cut of ``branch_and_bound``.

    ``cut``: nodes of at most so many sequences are given up; None chooses 0 for up to 2^32 inputs, else a 10^9-th of
    them.
    """

    seconds: int | None = None
    grid: int = 1024
    cut: int | None = None


DEFAULTS = Options()


@dataclass(unsafe_hash=True)
class UnknownStrategy(MechproofError):
    name: str
    known: tuple[str, ...]
    sentence = "there is no strategy {name!r}; the strategies are {known}"


class Strategy(Protocol):
    """What a strategy module looks like."""

    SUMMARY: str

    def derive(self, graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int: ...


def names() -> tuple[str, ...]:
    """All strategies, by file."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def strategy(name: str) -> Strategy:
    """The strategy of that name; raises :class:`UnknownStrategy`."""
    if name not in names():
        raise UnknownStrategy(name, names())
    return cast(Strategy, importlib.import_module(f"{__name__}.{name}"))


def prove_accuracy(
    statement: Statement, name: str = DEFAULT, options: Options = DEFAULTS, progress: Progress = silent
) -> tuple[ProofGraph, int]:
    """A proof graph for the accuracy of the statement's network, and the id of its accuracy claim."""
    recipe = strategy(name)
    graph = ProofGraph()
    network = graph.apply(NetworkDefinition(), (), statement)
    margin = graph.apply(AdditiveMarginRule(), [graph.apply(PathDecomposition(), [network])])
    count = recipe.derive(graph, margin, options, progress)
    return graph, graph.apply(AccuracyFromCount(), [count])
