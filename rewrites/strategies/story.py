"""The proof that goes through the mechanistic story, and nothing else: one direction of attention, copying, small rest.

Its claims are those that `mechproof story` lists; they are proved from the weights, and the bound is what follows from
them alone.

Source: arXiv 2406.11779 for the story; :mod:`..rules.score_gap` and :mod:`..rules.diagonal_gap` for the bounds.
"""

from __future__ import annotations

from collections.abc import Callable

from ...engine.graph import ProofGraph
from ..rules.gap_count import GapCount
from . import Options, Progress, paths_under
from .splits.common import Workbench
from .splits.story import Story, story, story_gap, story_loss

SUMMARY = "lower bound from the mechanistic story alone: one direction of attention, copying, small rest"


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    paths = paths_under(graph, margin)
    gap = _told(graph, paths, progress, story_gap)
    return graph.apply(GapCount(), [gap], 1)


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    return _told(graph, paths, progress, story_loss)


def _told(graph: ProofGraph, paths: int, progress: Progress, end: Callable[[Workbench, Story], int]) -> int:
    """The id of what the story ends in."""
    bench = Workbench.of(graph, paths, any_row=False)
    progress("telling the story", 0, 2)
    told = story(bench)
    progress("telling the story", 1, 2)
    found = end(bench, told)
    progress("telling the story", 2, 2)
    return found
