"""From the truth to the bound: how many inputs each step of a count by cells loses, one step after the other.

The exact count comes first, by branch and bound.  Then the proof is made again from the exact tables, and its own
claims are put in their place one after the other; what the count falls by is the loss of that claim.  All counts are
proved in the proof's own graph, and the losses add up by construction: each is the difference of two counts.

A loss depends on the order: what is put in last is blamed for what it loses beside all the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..engine.errors import MechproofError
from ..engine.graph import Derivation, ProofGraph
from ..engine.transcript import Figure, Section, Table, paragraph, prose
from ..engine.transcript.figures import Cascade
from .advice.directions import mean_row
from .advice.gap_search import Handling, search
from .advice.token_order_search import Limits
from .advice.token_order_search import search as search_tree
from .rules.additive_margin import AdditiveMarginRule
from .rules.attention_range import AttentionRangeRule
from .rules.gap_count import GapCount
from .rules.logit_gap import LogitGap, LogitGapRule
from .rules.path_decomposition import Paths
from .rules.right_count import RightCount
from .rules.row_split import RowSplit, TableItself
from .rules.row_split_range import CommonRow, SplitRange
from .rules.token_order_tree import TokenOrderTree
from .rules.vertex_cells import VertexCells


@dataclass(frozen=True)
class Fall:
    """One step: ``name`` for the figure, ``told`` for the table, and how many inputs are shown right after it."""

    name: str
    told: str
    left: int


@dataclass(frozen=True)
class Waterfall:
    """From all inputs to the bound."""

    inputs: int
    falls: tuple[Fall, ...]

    @property
    def bound(self) -> int:
        return self.falls[-1].left

    @property
    def losses(self) -> tuple[int, ...]:
        """By step; negative where a step shows more than the one before."""
        counts = (self.inputs, *(fall.left for fall in self.falls))
        return tuple(before - after for before, after in pairwise(counts))

    def rows(self) -> list[dict[str, str | int]]:
        """As plain data."""
        return [
            {"step": fall.told, "lost": loss, "left": fall.left}
            for fall, loss in zip(self.falls, self.losses, strict=True)
        ]

    def then(self, falls: Sequence[Fall]) -> Waterfall:
        """With more steps behind."""
        return Waterfall(self.inputs, (*self.falls, *falls))

    def section(self, title: str = "From the truth to the bound", explained: str = "") -> Section:
        """Figure and table; ``explained``: what the steps are, unless they are those of :func:`waterfall`."""
        rows: list[tuple[str, str, str]] = [("all inputs", "", str(self.inputs))]
        rows += [(fall.told, str(loss), str(fall.left)) for fall, loss in zip(self.falls, self.losses, strict=True)]
        rows.append(("together, and what is shown right", str(sum(self.losses)), str(self.bound)))
        header = ("step", "inputs lost", "left")
        table = Table(
            tuple(map(prose, header)),
            tuple(tuple(map(prose, row)) for row in rows),
            sides=("left", "right", "right"),
        )
        names = ("all inputs", *(fall.name for fall in self.falls), "shown right")
        picture = Cascade(
            "inputs, from all to those that are shown right", names, (self.inputs, *(f.left for f in self.falls))
        )
        figure = Figure(
            picture,
            prose("What each step loses. The axis begins at the number below it."),
            "Bars: inputs lost by each step, from all inputs to those that are shown right",
            "figure-waterfall",
        )
        return Section(title, (paragraph(explained or EXPLAINED), figure, table))


EXPLAINED = (
    "The exact count is made by branch and bound. The proof is then made again with every table known exactly, and "
    "what it says of each table is put in place of the table, one after the other; each row is the count that is "
    "proved so far, with reaches searched anew. What a step loses is the difference of two rows, so that the losses "
    "add up to what lies between all inputs and the bound; it depends on the order. No step of the proof rests on this "
    "section."
)
TOLD = {
    "EVOU": "what is known of EVOU, in place of the table",
    "UU": "what is known of the direct path UU, in place of the table",
    "EQKE": "what is known of EQKE, in place of the table: noise beside a table of low rank",
}
# By the rule of the proof's own count, or of its gaps.
LAST = {
    "vertex_cells": ("vertices", "cells are judged at the vertices of their scores' box"),
    "cubic_cells": ("pairs", "each smaller token is judged alone against the maximum"),
    "generating_function_count": ("grid", "sums are rounded to a grid and truncated"),
    "gap_count": ("the rest", "the proof's own reaches and lemmas, in place of chords between anchors"),
}
# Of inputs beyond 10^9, branch and bound leaves open sets of so small a share.
LEFT_OPEN = 10**9


@dataclass(unsafe_hash=True)
class NoWaterfall(MechproofError):
    """A proof that does not count cells of one layer."""

    theorem: str
    sentence = "a waterfall is of a count of inputs by cells of one layer, not of this proof of {theorem}"


def waterfall(graph: ProofGraph, goal: int) -> Waterfall:
    """The steps of the proof of ``goal``, an accuracy that a count of cells ends in; what they prove is added to the
    graph.  Raises :class:`NoWaterfall` for a proof without such a count."""
    proof = graph.proof(goal)
    count = next((step for step in reversed(proof) if isinstance(graph.claim(step.claim), RightCount)), None)
    paths = next((step.claim for step in proof if isinstance(graph.claim(step.claim), Paths)), None)
    if count is None or paths is None:
        raise NoWaterfall(graph.claim(goal).kind)
    found: RightCount = graph.claim(count.claim)
    falls = [*_truth(graph, paths, count)]
    if not isinstance(count.rule, TokenOrderTree):
        falls += _between(graph, proof, count, paths)
        falls.append(Fall(*LAST.get(count.rule.name, ("the rule", f"what the rule {count.rule.tag} loses")), found.low))
    return Waterfall(found.statement.inputs, tuple(falls))


def _truth(graph: ProofGraph, paths: int, count: Derivation) -> Iterator[Fall]:
    """What is wrong, and what branch and bound leaves open."""
    if isinstance(count.rule, TokenOrderTree):
        exact: RightCount = graph.claim(count.claim)
    else:
        margin = graph.apply(AdditiveMarginRule(), [paths])
        tree = search_tree(graph.claim(margin), Limits(graph.claim(paths).statement.inputs // LEFT_OPEN))
        exact = graph.claim(graph.apply(TokenOrderTree(), [margin], tree))
    yield Fall("wrong", "inputs that are wrong, by branch and bound", exact.high)
    if exact.low < exact.high:
        yield Fall("open", "inputs that branch and bound leaves open", exact.low)


def _between(graph: ProofGraph, proof: Sequence[Derivation], count: Derivation, paths: int) -> Iterator[Fall]:
    """The proof with exact tables, and with its own claims in their place, one after the other."""
    if isinstance(count.rule, VertexCells):
        if graph.claim(count.premises[0]).largest:
            exact = graph.apply(TableItself(), [paths], "EQKE")
            counted = graph.claim(graph.apply(VertexCells(), [exact, count.premises[1]]))
            yield Fall("cells", LAST["vertex_cells"][1], counted.low)
        return
    gap = next((step for step in proof if isinstance(graph.claim(step.claim), LogitGap)), None)
    if gap is not None:
        own = {claim.name: step.claim for step in proof if isinstance(claim := graph.claim(step.claim), RowSplit)}
        yield from _gaps(graph, paths, own)


def _gaps(graph: ProofGraph, paths: int, own: Mapping[str, int]) -> Iterator[Fall]:
    """By attention ranges and logit gaps between anchors, from splits of EQKE, UU and EVOU: exact ones first."""
    common = CommonRow("UU", mean_row(graph.claim(paths).tables["UU"]), "pairs")
    splits = {name: graph.apply(TableItself(), [paths], name) for name in ("EVOU", "EQKE")}
    splits["UU"] = graph.apply(SplitRange(), [paths], common)
    yield Fall("cells", "sequences are judged together, cell by cell and within a reach", _count(graph, paths, splits))
    for name in ("EVOU", "UU", "EQKE"):
        if name in own and own[name] != splits[name]:
            splits[name] = own[name]
            yield Fall(name, TOLD[name], _count(graph, paths, splits))


def _count(graph: ProofGraph, paths: int, splits: Mapping[str, int]) -> int:
    """How many inputs these splits show right."""
    ordered = [splits[name] for name in ("EQKE", "UU", "EVOU")]
    reach, anchors = search(*map(graph.claim, (paths, *ordered)), handling=Handling(chord=True, anchor="none"))
    ranges = graph.apply(AttentionRangeRule(), [paths, ordered[0]], reach)
    margin = graph.apply(AdditiveMarginRule(), [paths])
    gap = graph.apply(LogitGapRule(), [ranges, *ordered[1:], margin], anchors)
    return graph.claim(graph.apply(GapCount(), [gap], 1)).low
