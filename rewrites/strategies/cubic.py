"""The cubic proof: each smaller token is judged against the maximum on its own, and good ones may be mixed.

Source: arXiv 2406.11779.
"""

from __future__ import annotations

from functools import partial

from ...engine.graph import ProofGraph
from ..rules.cubic_cells import JOINT, SEPARATE, CubicCells
from ..rules.cubic_loss import CubicLoss, Thresholds
from ..rules.loss_tree import GRID_BITS
from . import Options, Progress

SUMMARY = "lower bound from pairs of a token and the maximum, in V^3 K steps; no search"
TIGHTENINGS = {"joint": "joint maxima over the outputs; the query's own position; output k by itself"}


# What logit differences are compared with, for the loss.
THRESHOLDS = (-8, -6, -4, -3, -2, -1, 0, 2, 5, 10, 16, 24)


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    bounds = SEPARATE if "joint" in options.off else JOINT
    return graph.apply(CubicCells(partial(progress, "judging tokens")), [margin], bounds)


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    thresholds = Thresholds(tuple(threshold << GRID_BITS for threshold in THRESHOLDS))
    return graph.apply(CubicLoss(partial(progress, "judging tokens")), [paths], thresholds)
