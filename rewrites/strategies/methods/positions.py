"""Logit gaps whose positional part is shared by the copies of the maximum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...advice.position_search import search
from ...rules.additive_margin import AdditiveMargin
from ...rules.attention_range import AttentionRangeRule
from ...rules.logit_gap import LogitGap
from ...rules.position_gap import PositionGap
from ..search.goals import Goal
from ..splits.attention import attention_split
from ..splits.common import Workbench
from ..splits.direct import Sharpening, direct_split
from ..splits.tokens import exact


@dataclass(frozen=True)
class Positions:
    """Exact direct path and EVOU, and a split of EQKE by name."""

    scores: str
    kind = LogitGap

    @property
    def name(self) -> str:
        return f"positions shared by the copies: {self.scores}"

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(AdditiveMargin),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        graph, (margin,) = bench.graph, claims
        scores, tokens = attention_split(bench, self.scores), exact(bench.fresh())
        direct = direct_split(bench, "exact", Sharpening())
        reach = search(*(graph.claim(claim) for claim in (margin, scores, direct, tokens)))
        ranges = graph.apply(AttentionRangeRule(), [bench.paths, scores], reach)
        yield graph.apply(PositionGap(), [ranges, direct, tokens, margin])


METHODS = (Positions("EQKE"), Positions("ellipsoid"))
