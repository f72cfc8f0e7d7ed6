"""Every input decided, in blocks of fixed-point integers; near-ties by balls, ties exactly."""

from __future__ import annotations

from functools import partial

from ....engine.graph import ProofGraph
from ...rules.accuracy import AccuracyFromCount
from ...rules.enumerated_loss import LossOfEveryInput
from ...rules.every_input import EveryInput
from ...rules.least_margin import MarginOfEveryInput
from .. import Options, Progress

SUMMARY = "every input decided one by one, for any network and task of up to a billion inputs; margin and loss too"


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    told = partial(progress, "deciding every input")
    rule = EveryInput(jobs=options.jobs, progress=told, resume=options.resume)
    decided = graph.apply(rule, [function])
    conclude = {"accuracy": AccuracyFromCount, "loss": LossOfEveryInput, "margin": MarginOfEveryInput}[metric]
    return graph.apply(conclude(), [decided])
