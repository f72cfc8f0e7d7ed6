"""Every sequence decided, as an oracle; the same count is also proved by a tree, which the certificate carries."""

from __future__ import annotations

from functools import partial

from ...engine.graph import ProofGraph
from ..rules.enumeration import Enumeration
from . import Options, Progress, branch_and_bound

SUMMARY = "every sequence decided one by one; certified by the branch-and-bound tree of the same count"


def derive(graph: ProofGraph, margin: int, options: Options, progress: Progress) -> int:
    count = graph.apply(Enumeration(partial(progress, "enumerating all sequences")), [margin])
    branch_and_bound.derive(graph, margin, Options(cut=0), progress)
    return count
