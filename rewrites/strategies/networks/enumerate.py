"""Every input decided, in blocks of fixed-point integers; near-ties by balls, ties exactly."""

from __future__ import annotations

from functools import partial

from ....engine.graph import ProofGraph
from ...rules.accuracy import AccuracyFromCount
from ...rules.every_input import EveryInput, LossOfEveryInput
from .. import Options, Progress

SUMMARY = "every input decided one by one, for any network and task of up to a billion inputs; the loss enclosed too"


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    told = partial(progress, "deciding every input")
    rule = EveryInput(jobs=options.jobs, progress=told, resume=options.resume)
    decided = graph.apply(rule, [function])
    return graph.apply(AccuracyFromCount() if metric == "accuracy" else LossOfEveryInput(), [decided])
