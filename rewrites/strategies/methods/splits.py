"""EQKE and UU up to noise: exactly, and with everything that the splits of advice leave over bounded in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ....engine.term import product
from ...rules.row_difference import RowDifference
from ...rules.row_split import RowSplit, Split, SplitAlong
from ..search.goals import Goal
from ..splits import attention, direct, tokens
from ..splits.common import Workbench
from ..splits.direct import Sharpening


@dataclass(frozen=True)
class Recipe:
    """A named recipe for one table."""

    name: str
    table: str
    recipe: Callable[[Workbench], int]
    kind = RowSplit

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return () if goal.subject == self.table else None

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield self.recipe(bench.fresh())


@dataclass(frozen=True)
class ProductRest:
    """A split of EQKE whose rest is a product of factors: every bound of the rest gives one."""

    name: str
    rest: Callable[[Workbench], attention.Rest]
    kind = RowSplit

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        if goal.subject != "EQKE":
            return None
        own = bench.fresh()
        return (Goal(RowDifference, product(self.rest(own).factors), own.known),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        own = bench.fresh()
        rest = self.rest(own)
        split = Split("EQKE", rest.approximation, rest.column)
        yield bench.graph.apply(SplitAlong(), [own.known, *claims], split)


def _direct(name: str) -> Recipe:
    return Recipe(f"direct path: {name}", "UU", lambda bench: direct.direct_split(bench, name, Sharpening()))


def _tokens(name: str) -> Recipe:
    return Recipe(f"EVOU: {name}", "EVOU", tokens.OPTIONS[name])


METHODS = (
    Recipe("EQKE itself", "EQKE", lambda bench: attention.attention_split(bench, "EQKE")),
    ProductRest("rank one and the rest", attention.rank_one),
    ProductRest("four factors and the rest", attention.four_factors),
    *map(_direct, direct.OPTIONS),
    *map(_tokens, tokens.OPTIONS),
)
