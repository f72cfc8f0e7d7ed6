"""Sets of inputs instead of inputs: a tree of boxes for one layer of attention, with MLP and norms (boxes)."""

from __future__ import annotations

from functools import partial

from ....engine.domains.separable import NotSeparable
from ....engine.graph import ProofGraph
from ....engine.rule import NotEstablished
from ....models.statement import Statement
from ...advice.boxes.trees import found_boxes
from ...boxes.answers import NoBoxes, ReadPosition
from ...rules.accuracy import AccuracyFromCount
from ...rules.box_rule import BoxTree, forms_of
from .. import Options, Progress

SUMMARY = "sets of inputs decided at once, for one layer of attention with MLP and norms, on inputs past enumeration"


def missing(statement: Statement) -> str:
    """Why sets of inputs are no help; empty if they are."""
    try:
        for index in range(len(statement.task.read)):
            ReadPosition(statement.network, statement.task, index)
        forms_of(statement)
    except (NotSeparable, NoBoxes) as reason:
        return str(reason)
    return ""


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    if metric != "accuracy":
        raise NotEstablished("branch_and_bound", f"it proves accuracies, not {metric}")
    statement, told = graph.claim(function).statement, partial(progress, "searching sets of inputs")
    rule = BoxTree(partial(progress, "testing every set"))
    try:
        count = graph.apply(rule, [function], found_boxes(statement, options.cut, told))
    except NotEstablished:  # a test that held in floats did not in integers
        count = graph.apply(rule, [function], found_boxes(statement, options.cut, told, careful=True))
    return graph.apply(AccuracyFromCount(), [count])
