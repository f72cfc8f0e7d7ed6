"""Sets of inputs instead of inputs: a tree of boxes for one layer of attention, with MLP and norms (boxes)."""

from __future__ import annotations

from functools import partial

from ....engine.domains.separable import NotSeparable
from ....engine.graph import ProofGraph
from ....engine.rule import NotEstablished
from ....models.statement import Statement
from ...advice.boxes.thresholds import loss_boxes, margin_boxes
from ...advice.boxes.trees import found_boxes
from ...boxes.answers import NoBoxes, ReadPosition
from ...rules.accuracy import AccuracyFromCount
from ...rules.box_loss import BoxLoss
from ...rules.box_margin import BoxMargin
from ...rules.box_rule import BoxTree, forms_of
from .. import Options, Progress, UnknownMetric

SUMMARY = "sets of inputs decided at once, for one layer of attention with MLP and norms, on inputs past enumeration"


def missing(statement: Statement) -> str:
    """Why sets of inputs are no help; empty if they are."""
    try:
        forms_of(statement)
        for index in range(len(statement.task.read)):
            ReadPosition(statement.network, statement.task, index)
    except (NotSeparable, NoBoxes) as reason:
        return str(reason)
    return ""


METRICS = ("accuracy", "loss", "margin")


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    if metric not in METRICS:
        raise UnknownMetric(metric, METRICS)
    statement, told = graph.claim(function).statement, partial(progress, "searching sets of inputs")
    if metric != "accuracy" and statement.network.outputs == 1:
        raise NotEstablished("branch_and_bound", "there is one output only, and nothing to be larger than")
    testing = partial(progress, "testing every set")

    def once(*, careful: bool) -> int:
        if metric == "accuracy":
            advice = found_boxes(statement, options.cut, told, careful=careful, resume=options.resume)
            return graph.apply(AccuracyFromCount(), [graph.apply(BoxTree(testing), [function], advice)])
        find, rule = (margin_boxes, BoxMargin) if metric == "margin" else (loss_boxes, BoxLoss)
        advice = find(statement, told, careful=careful)
        if advice is None:
            raise NotEstablished("branch_and_bound", f"no threshold was found that all margins exceed: no {metric}")
        return graph.apply(rule(testing), [function], advice)

    try:
        return once(careful=False)
    except NotEstablished:  # a test that held in floats did not in integers
        return once(careful=True)
