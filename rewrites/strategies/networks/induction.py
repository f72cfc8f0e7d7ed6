"""Induction heads of two layers: a tree of nodes, each settled by one test, until every input is decided.

Source: :mod:`...rules.induction`.
"""

from __future__ import annotations

from functools import partial

from ....engine.graph import ProofGraph
from ...advice.induction_search import search
from ...rules.accuracy import AccuracyFromCount
from ...rules.induction.tables import InductionTablesRule
from ...rules.induction.tree import InductionTree
from .. import Options, Progress, UnknownMetric

SUMMARY = "two layers of attention on induction: exact count by bounds for sets of inputs and branching over tokens"


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    if metric != "accuracy":
        raise UnknownMetric(metric, ("accuracy",))
    tables = graph.apply(InductionTablesRule(), [function])
    tree = search(graph.claim(tables), seconds=options.seconds, progress=partial(progress, "testing groups of inputs"))
    count = graph.apply(InductionTree(), [function, tables], tree)
    return graph.apply(AccuracyFromCount(), [count])
