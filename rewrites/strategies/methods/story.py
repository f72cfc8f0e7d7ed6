"""The mechanistic story as one way to logit gaps (see :mod:`..splits.story`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...rules.logit_gap import LogitGap
from ..search.goals import Goal
from ..splits.common import Workbench
from ..splits.story import story, story_gap


class Story:
    """One direction of attention, copying, small rest; all claims come from the recipe."""

    name, kind = "the mechanistic story", LogitGap

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return ()

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        yield story_gap(bench, story(bench))


METHODS = (Story(),)
