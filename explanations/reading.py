"""What a family of sentences knows of one network: whether a sentence is true, and what follows from several.

A family is a file of the folder ``families``: it defines ``read(statement, common_rows) -> Reading``, which raises
:class:`~mechproof.engine.rule.NotEstablished` or :class:`~mechproof.engine.errors.MechproofError` for a network of
which its sentences do not speak.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from ..engine.errors import MechproofError
from ..engine.graph import ProofGraph
from ..models.statement import Statement
from .errors import NoFamily
from .sentence import Kind, Sentence


@dataclass(frozen=True)
class Truth:
    """``holds``: without its numbers, with its exceptions; ``numbers``: the best that would be true, one for all
    tokens, None where none is; ``witnesses``: the tokens of which it does not hold."""

    holds: bool
    numbers: Mapping[str, Fraction | None]
    witnesses: tuple[int, ...] = ()


@dataclass(frozen=True)
class Following:
    """At least ``low`` inputs are right: the claim ``goal`` of the graph, or nothing (None, and 0), as the file lacks
    the sentences of these keys."""

    low: int
    graph: ProofGraph
    goal: int | None = None
    missing: tuple[str, ...] = ()


class Reading(Protocol):
    """A network as one family of sentences sees it."""

    kinds: Mapping[str, Kind]
    statement: Statement

    def truth(self, sentence: Sentence) -> Truth: ...

    def ideal(self, kind: Kind) -> Mapping[str, Fraction]:
        """Numbers that are as good as can be wished, true or not."""
        ...

    def follows(self, said: Mapping[str, Sentence], *, assumed: bool = False) -> Following:
        """What these sentences, by their keys, show by themselves.  With ``assumed`` numbers that are better than the
        true ones are assumed; else NotEstablished is raised."""
        ...


def read(statement: Statement, *, common_rows: bool = True) -> Reading:
    """The reading by the first family that speaks of the network; raises :class:`~.errors.NoFamily`."""
    folder = f"{__package__}.families"
    reasons = []
    for module in pkgutil.iter_modules([str(Path(__file__).with_name("families"))]):
        try:
            return importlib.import_module(f"{folder}.{module.name}").read(statement, common_rows)
        except MechproofError as error:
            reasons.append(f"{module.name}: {error}")
    raise NoFamily(statement.network.source, tuple(reasons))
