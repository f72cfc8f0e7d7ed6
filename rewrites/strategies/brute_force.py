"""Every sequence decided, as an oracle; the same count is also proved by a tree, which the certificate carries."""

from __future__ import annotations

from functools import partial

from ...engine.graph import ProofGraph
from ..advice.allowance import last_allowance
from ..rules.enumeration import Enumeration
from . import Options, Progress, branch_and_bound

SUMMARY = (
    "every sequence decided one by one; certified by the branch-and-bound tree of the same count; the loss by such a "
    "tree alone"
)


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    count = graph.apply(Enumeration(partial(progress, "enumerating all sequences")), [margin])
    with last_allowance():  # without the tree the count stands, and has no certificate
        branch_and_bound.derive(graph, margin, Options(cut=0), progress)
    return count


def derive_loss(graph: ProofGraph, paths: int, options: Options, progress: Progress) -> int:
    """The tree of branch_and_bound, split until the enclosure is as narrow as its rounding: down to single sequences
    where these are few."""
    return branch_and_bound.derive_loss(graph, paths, options, progress)
