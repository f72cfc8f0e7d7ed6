"""The mechanistic story of a max-of-K network, claim by claim: look for the largest token along one direction, copy
it.

Every query's scores grow along one direction of tokens; positions hardly matter; attending to a token adds most to its
own logit, once what the direct path and the positions have in common for all tokens is counted in; the rest of the
direct path and of the positions is small.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....engine.term import Ones, Tensor, Term
from ...advice.directions import middle_row
from ...advice.size_direction import near_reaches, size_factors, story_reach
from ...rules.attention_floor import AttentionFloorRule
from ...rules.diagonal import DiagonalRule
from ...rules.diagonal_gap import CommonRows, DiagonalGap
from ...rules.diagonal_loss import DiagonalLoss, StoryLayers
from ...rules.increasing import IncreasingRule
from ...rules.rank_one import RankOneRule
from ...rules.row_split import Split, SplitAlong
from ...rules.score_gap import ScoreGapRule
from .common import Workbench


@dataclass(frozen=True)
class Story:
    """The ids of the story's claims; ``direct``, ``values`` and ``diagonal`` are without, or with, the common
    ``rows``."""

    split: int
    rank_one: int
    increasing: int
    gap: int
    positions: int
    direct: int
    values: int
    diagonal: int
    rows: CommonRows


def story(bench: Workbench, *, common: bool = True) -> Story:
    """All claims that :func:`story_gap` builds upon; ``common``: with common rows of UU and PVOU moved to EVOU."""
    bench = bench.fresh()
    graph, tables = bench.graph, bench.terms.tables
    paths = graph.claim(bench.paths).tables
    factors = size_factors(paths["EQKE"])
    along = bench.name("a", factors.strength, "a") @ bench.name("s", factors.size, "s")
    noise = bench.exact(tables["EQKE"] - along)
    split = graph.apply(SplitAlong(), [bench.known, noise], Split("EQKE", along))
    rank_one = graph.apply(RankOneRule(), [split], factors)
    increasing = graph.apply(IncreasingRule(), [rank_one])
    gap = graph.apply(ScoreGapRule(), [rank_one, increasing])
    rest: dict[str, Term] = {name: tables[name] for name in ("UU", "PVOU")}
    with_rows: Term = tables["EVOU"]
    rows: list[Tensor] = []
    for name, letter in (("UU", "u"), ("PVOU", "w")) if common else ():
        row = bench.name(letter, middle_row(paths[name]), letter)
        rest[name], with_rows = _without(rest[name], row), with_rows + Ones(bench.terms.d_vocab) @ row
        rows.append(row)
    direct, values = bench.exact(rest["UU"]), bench.exact(rest["PVOU"])
    diagonal = graph.apply(DiagonalRule(), [bench.known], with_rows)
    positions = bench.exact(tables["EQKP"])
    moved = CommonRows(*rows) if common else CommonRows(None, None)
    return Story(split, rank_one, increasing, gap, positions, direct, values, diagonal, moved)


def _without(table: Term, row: Tensor) -> Term:
    return table - Ones(table.shape[0]) @ row


def story_gap(bench: Workbench, told: Story) -> int:
    """The id of the cells that the story shows right."""
    graph = bench.graph
    parts = told.positions, told.diagonal, told.direct, told.values
    reach = story_reach(graph.claim(told.gap), *map(graph.claim, parts))
    floor = graph.apply(AttentionFloorRule(), [bench.paths, told.gap, told.positions], reach)
    return graph.apply(DiagonalGap(), [floor, told.diagonal, told.direct, told.values], told.rows)


def story_loss(bench: Workbench, told: Story) -> int:
    """The id of what the story says of the losses."""
    reaches = near_reaches(bench.graph.claim(told.gap))
    premises = [bench.paths, told.gap, told.positions, told.diagonal, told.direct, told.values]
    return bench.graph.apply(DiagonalLoss(), premises, StoryLayers(reaches, told.rows))
