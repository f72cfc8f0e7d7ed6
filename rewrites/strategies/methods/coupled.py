"""Counts from bounds in which a token's score and its value belong together.

Each method makes one attempt, from named splits: which of them pay is known (docs/noise.md), and trying all pairs
takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....models.one_layer import one_layer_of
from ...advice.coupling_search import search
from ...rules.additive_margin import AdditiveMargin
from ...rules.attention_range import AttentionRangeRule
from ...rules.coupled_gap import CoupledGap
from ...rules.logit_gap import LogitGap
from ...rules.right_count import RightCount
from ...rules.vertex_cells import VertexCells
from ..search.goals import Goal
from ..splits.attention import attention_split
from ..splits.common import Workbench
from ..splits.direct import Sharpening, direct_split
from ..splits.tokens import exact


@dataclass(frozen=True)
class Coupled:
    """Exact direct path and EVOU, a split of EQKE by name; tokens in ``blocks``, None for each by itself."""

    scores: str
    blocks: int | None
    kind = LogitGap

    @property
    def name(self) -> str:
        return f"coupled gaps: {self.scores}, blocks: {self.blocks or 'none'}"

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(AdditiveMargin),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        graph, (margin,) = bench.graph, claims
        size = one_layer_of(graph.claim(bench.paths).statement).d_vocab
        scores, tokens = attention_split(bench, self.scores), exact(bench.fresh())
        direct = direct_split(bench, "exact", Sharpening())
        blocks = size if self.blocks is None else min(self.blocks, size)
        reach, multipliers = search(
            graph.claim(margin), graph.claim(scores), graph.claim(direct), graph.claim(tokens), blocks
        )
        ranges = graph.apply(AttentionRangeRule(), [bench.paths, scores], reach)
        yield graph.apply(CoupledGap(), [ranges, direct, tokens, margin], multipliers)


@dataclass(frozen=True)
class Vertices:
    """Every token against the maximum, output by output, from a split of EQKE by name."""

    scores: str
    kind = RightCount

    @property
    def name(self) -> str:
        return f"worst ratios at vertices: {self.scores}"

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(AdditiveMargin),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield bench.graph.apply(VertexCells(), [attention_split(bench, self.scores), *claims])


METHODS = (
    Coupled("EQKE", 8),
    Coupled("EQKE", None),
    Coupled("ellipsoid", None),
    Vertices("EQKE"),
    Vertices("ellipsoid"),
)
