"""Induction heads of two layers: a tree of nodes, each settled by one test, until every input is decided.

Source: :mod:`...rules.induction`.
"""

from __future__ import annotations

from functools import partial

from ....engine.graph import ProofGraph
from ...advice import induction_loss_search, induction_margin_search
from ...advice.induction_search import search
from ...rules.accuracy import AccuracyFromCount
from ...rules.induction.circuits import CIRCUITS
from ...rules.induction.form import missing
from ...rules.induction.least_margin import InductionMargin
from ...rules.induction.margin_loss import InductionLoss
from ...rules.induction.tree import InductionTree
from ...two_layer_form import tables_of
from .. import Options, Progress, UnknownMetric

SUMMARY = "two layers of attention on induction: exact count by bounds for sets of inputs and branching over tokens"
METRICS = ("accuracy", "loss", "margin")
__all__ = ["METRICS", "SUMMARY", "derive", "missing"]


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    if metric not in METRICS:
        raise UnknownMetric(metric, METRICS)
    tables, told = tables_of(graph, function), partial(progress, "testing groups of inputs")
    for circuit in CIRCUITS:  # said in the transcript; the theorem does not rest on them
        graph.apply(circuit, [tables])
    if metric == "margin":
        margin = induction_margin_search.search(graph.claim(tables), options.seconds, told)
        return graph.apply(InductionMargin(), [function, tables], margin)
    if metric == "loss":
        costly = induction_loss_search.search(graph.claim(tables), options.seconds, told)
        return graph.apply(InductionLoss(), [function, tables], costly)
    tree = search(graph.claim(tables), cut=options.cut or 0, seconds=options.seconds, progress=told)
    count = graph.apply(InductionTree(), [function, tables], tree)
    return graph.apply(AccuracyFromCount(), [count])
