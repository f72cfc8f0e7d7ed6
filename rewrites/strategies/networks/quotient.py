"""Networks of two tokens with one hidden layer of ReLU: classes of tokens in place of tokens, at a fraction of brute
force; what they leave is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ....engine.errors import MechproofError
from ....engine.graph import ProofGraph
from ....models.layers.attention import Attention
from ...advice.quotient_search import search
from ...rules.accuracy import AccuracyFromCount
from ...rules.cascade import Cascade
from ...rules.grid_network import GridNetworkRule
from ...rules.near_constant_attention import NearConstantAttention
from ...rules.quotient import Quotient
from ...rules.separable_relu import SeparableReluForm
from .. import Options, Progress

SUMMARY = "groups and modular addition, two tokens and one hidden layer of ReLU: a proof shorter than brute force"


@dataclass(unsafe_hash=True)
class OnlyAccuracy(MechproofError):
    """Another metric was asked for."""

    metric: str
    sentence = "the strategy quotient proves accuracies; for the metric {metric} expected the strategy enumerate"


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    if metric != "accuracy":
        raise OnlyAccuracy(metric)
    layers = graph.claim(function).statement.network.layers
    attends = any(isinstance(layer, Attention) for layer in layers)
    form = graph.apply(NearConstantAttention() if attends else SeparableReluForm(), [function])
    found = search(graph.claim(form), partial(progress, "looking for classes of tokens"))
    enough = [one for one in found if options.at_least is not None and one.share >= options.at_least]
    for one in (*enough, min(found, key=lambda one: one.cascade)):
        grid = graph.apply(GridNetworkRule(), [form], one.grids)
        accepted = graph.apply(Quotient(), [grid], one.advice)
        share = graph.claim(accepted).count
        if one in enough and share < (options.at_least or 0) * graph.claim(accepted).accepted.size:
            continue
        count = graph.apply(Cascade(evaluate=one not in enough), [accepted, form])
        return graph.apply(AccuracyFromCount(), [count])
    raise AssertionError("the last candidate is always taken")
