"""From splits to counts: logit gaps, and the counting rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...advice.gap_search import Handling, search
from ...rules.accuracy import Accuracy, AccuracyFromCount
from ...rules.additive_margin import AdditiveMargin, AdditiveMarginRule
from ...rules.attention_range import AttentionRange, AttentionRangeRule, Reach
from ...rules.gap_count import GapCount
from ...rules.logit_gap import LogitGap, LogitGapRule
from ...rules.right_count import RightCount
from ...rules.row_split import RowSplit
from .. import DEFAULTS, silent, strategy
from ..search.goals import Goal
from ..splits.common import Workbench


class Margin:
    """The sign of a gap as a sum over positions."""

    name, kind = "additive margin", AdditiveMargin

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return ()

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield bench.graph.apply(AdditiveMarginRule(), [bench.paths])


@dataclass(frozen=True)
class Gap:
    """Reaches searched for a split of EQKE and one of UU."""

    name: str
    handling: Handling
    kind = LogitGap

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return Goal(RowSplit, "EQKE"), Goal(RowSplit, "UU"), Goal(RowSplit, "EVOU"), Goal(AdditiveMargin)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        graph = bench.graph
        noise, around, rows, margin = claims
        found = (graph.claim(claim) for claim in (bench.paths, noise, around, rows))
        reach, anchors = search(*found, handling=self.handling)
        ranges = graph.apply(AttentionRangeRule(), [bench.paths, noise], reach)
        yield graph.apply(LogitGapRule(), [ranges, around, rows, margin], anchors)
        if not graph.claim(rows).largest:  # where EVOU is multiplied out, UU may be as well for the last few sequences
            yield graph.apply(LogitGapRule(), [ranges, around, rows, margin], replace(anchors, single=True))


class Ranges:
    """Attention when every other token is at least a gap below the maximum."""

    name, kind = "attention ranges at one gap", AttentionRange

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(RowSplit, "EQKE"),) if isinstance(goal.subject, int) else None

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        size, positions = bench.terms.d_vocab, bench.terms.n_ctx
        q, m, c = np.indices((size, size, positions))
        reach = m - goal.subject
        table = np.where((c >= 1) & (reach >= 0) & ((q == m) | (q <= reach)), reach, -1)
        yield bench.graph.apply(AttentionRangeRule(), [bench.paths, *claims], Reach(table))


class CountGaps:
    """The sequences of cells with negative gaps."""

    name, kind = "counting logit gaps", RightCount

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(LogitGap),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield bench.graph.apply(GapCount(), claims, 1)


@dataclass(frozen=True)
class ByStrategy:
    """A strategy that counts from the margin alone."""

    name: str
    kind = RightCount

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(AdditiveMargin),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield strategy(self.name).derive(bench.graph, claims[0], DEFAULTS, silent)


class Share:
    """Counts over the number of inputs."""

    name, kind = "accuracy", Accuracy

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return (Goal(RightCount),)

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield bench.graph.apply(AccuracyFromCount(), claims)


METHODS = (
    Margin(),
    Gap("logit gaps between anchors", Handling(chord=True, anchor="none", single=False)),
    Ranges(),
    CountGaps(),
    ByStrategy("cubic"),
    ByStrategy("separable"),
    ByStrategy("branch_and_bound"),
    Share(),
)
