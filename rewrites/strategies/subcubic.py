"""The sub-cubic family: 100 published configurations, repaired, and 65 of our own.

A configuration is direct/attention/error, in the short names of the published results:

* direct: how the direct path is bounded.  exact, glob: by its exact row differences, per query or for all at once;
  mean, svdq: around a common row, by a product bound; md: by a product bound.
* attention: how the largest gap of a cell is bounded.  mean: from one anchor (two repairs of the published rule,
  which is not sound); drop: from the anchor 0; chord: between equidistant anchors (ours).
* error: the noise of EQKE.  EQKE: there is none; mdx, md, mmd, svd, len (ours): what a rank-one split of the table
leaves; sub, msub,
  rec, mrec, mmrec: what a split of its four factors leaves.

Source: arXiv 2406.11779.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from ...engine.graph import ProofGraph
from ..advice.gap_search import Handling, layers, search
from ..rules.attention_range import AttentionRangeRule
from ..rules.gap_count import GapCount
from ..rules.gap_loss import GapLoss, Layers
from ..rules.logit_gap import LogitGapRule
from . import Options, Progress, paths_under
from .splits import attention, direct, tokens
from .splits.common import Workbench
from .splits.direct import Sharpening

Parts = tuple[str, str, str, str]
SUMMARY = "lower bound from attention ranges and logit gaps, below V^3 steps"
HANDLINGS: Mapping[str, tuple[bool, str]] = {"mean": (False, "best"), "drop": (False, "zero"), "chord": (True, "none")}
DEFAULT_VARIANT = "exact/chord/EQKE"
VARIANTS = tuple("/".join(parts) for parts in itertools.product(direct.OPTIONS, HANDLINGS, attention.OPTIONS))
PARTS = (
    ("direct path", direct.TOLD),
    (
        "largest gap",
        {
            "mean": "of a cell, from one anchor, the best",
            "drop": "of a cell, from the anchor 0",
            "chord": "of a cell, between equidistant anchors",
        },
    ),
    ("attention", attention.TOLD),
)
# What makes the published bounds tighter at no price; each can be switched off.  T6 (searching for the repaired bound)
# has no switch, since there is no search for the unrepaired one.
TIGHTENINGS: Mapping[str, str] = {
    "T1": "all j + 1 tokens within a reach are counted",
    "T2": "exact direct path: the target's own logit is kept",
    "T3": "other tokens are measured against the target's logit, not by their row difference",
    "T4": "every query uses its own reach for the other tokens",
    "T5": "medians and mid-range rows are tried beside the mean row",
    "T8": "exact direct path: a common row is split off first",
}


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    return gap_proof(graph, margin, options, progress, _parts(options))


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    return gap_loss_proof(graph, paths, options, progress, _parts(options))


def _parts(options: Options) -> Parts:
    direct_name, handling, error = (options.variant or DEFAULT_VARIANT).split("/")
    return direct_name, handling, error, "EVOU"


def gap_proof(graph: ProofGraph, margin: int, options: Options, progress: Progress, parts: Parts) -> int:
    """The count for a configuration direct, attention, error, tokens (an option of :mod:`.splits.tokens`)."""
    off = set(options.off)
    paths = paths_under(graph, margin)
    noise, around, rows = _splits(graph, paths, parts, off)
    chord, anchor = HANDLINGS[parts[1]]
    single = parts[3] == "EVOU"
    handling = Handling(chord, anchor, single=single, spread="T3" in off, shared="T4" in off)
    progress("searching for reaches", 0, 1)
    found = (graph.claim(claim) for claim in (paths, noise, around, rows))
    reach, anchors = search(*found, handling=handling)
    progress("searching for reaches", 1, 1)
    ranges = graph.apply(AttentionRangeRule(), [paths, noise], reach)
    gap = graph.apply(LogitGapRule(), [ranges, around, rows, margin], anchors)
    return graph.apply(GapCount(), [gap], int("T1" not in off))


def gap_loss_proof(graph: ProofGraph, paths: int, options: Options, progress: Progress, parts: Parts) -> int:
    """The loss for such a configuration; chords bound its gaps whatever the configuration, without T1, T3 and T4."""
    splits = _splits(graph, paths, parts, set(options.off))
    progress("searching for reaches", 0, 1)
    reaches = layers(graph.claim(paths), *map(graph.claim, splits))
    progress("searching for reaches", 1, 1)
    return graph.apply(GapLoss(), [paths, *splits], Layers(reaches))


def _splits(graph: ProofGraph, paths: int, parts: Parts, off: set[str]) -> tuple[int, int, int]:
    """The ids of the splits of EQKE, UU and EVOU."""
    direct_name, _, error_name, tokens_name = parts
    bench = Workbench.of(graph, paths, any_row="T5" not in off)
    noise = attention.attention_split(bench, error_name)
    sharpening = Sharpening(pairs="T2" not in off, common_row="T8" not in off)
    around = direct.direct_split(bench, direct_name, sharpening)
    return noise, around, tokens.OPTIONS[tokens_name](bench.fresh())
