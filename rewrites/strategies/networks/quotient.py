"""Networks of two tokens with one hidden layer of ReLU: classes of tokens in place of tokens, at a fraction of brute
force; what they leave is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from ....engine.errors import MechproofError
from ....engine.graph import ProofGraph
from ....engine.rule import NotEstablished
from ....models.layers.attention import Attention
from ....models.layers.mlp import Mlp
from ...advice.low_rank_search import FoundReadout, balanced_grids, even_grids, readouts
from ...advice.quotient_loss_search import loss_search
from ...advice.quotient_search import Found, search
from ...rules.accuracy import AccuracyFromCount
from ...rules.attention_mixture import AttentionMixtureRule
from ...rules.cascade import Cascade
from ...rules.grid_network import GridNetworkRule
from ...rules.low_rank_readout import LowRankReadout, ReadoutCascade
from ...rules.near_constant_attention import NearConstantAttention
from ...rules.quotient import Quotient
from ...rules.quotient_loss import LossFromQuotient
from ...rules.separable_relu import SeparableReluForm
from .. import Options, Progress

SUMMARY = "groups and modular addition, two tokens and one hidden layer of ReLU: a proof shorter than brute force"


WIDTH = Fraction(1, 100)  # a loss's larger bound is at most so much larger than its smaller one
STEP = Fraction(1, 32)  # a cut that is too small is raised by so many nats, then by twice as many, and so on
RAISED = 10


@dataclass(unsafe_hash=True)
class NoQuotient(MechproofError):
    """A metric was asked for that quotients do not bound."""

    metric: str
    networks: str
    sentence = "the strategy quotient proves no {metric}{networks}; expected the strategy enumerate"


def derive(graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int:
    layers = graph.claim(function).statement.network.layers
    attends = any(isinstance(layer, Attention) for layer in layers)
    if metric == "margin" or (metric == "loss" and attends):
        raise NoQuotient(metric, " of networks with attention" if metric == "loss" else "")
    if metric == "loss":
        return _loss(graph, graph.apply(SeparableReluForm(), [function]), progress)
    form = graph.apply(NearConstantAttention() if attends else SeparableReluForm(), [function])
    found: list[Found | FoundReadout] = [*search(graph.claim(form), partial(progress, "looking for classes of tokens"))]
    mixture = _mixture(graph, function) if attends else None
    if mixture is not None:
        found += readouts(graph.claim(mixture))
        found.sort(key=lambda one: (one.cost, -one.share))
    enough = [one for one in found if options.at_least is not None and one.share >= options.at_least]
    for one in (*enough, min(found, key=lambda one: one.cascade)):
        evaluate = one not in enough
        if isinstance(one, Found):
            grid = graph.apply(GridNetworkRule(), [form], one.grids)
            accepted = graph.apply(Quotient(), [grid], one.advice)
            premises, cascade = [accepted, form], Cascade(evaluate=evaluate)
        else:
            assert mixture is not None, "readouts are of a mixture"
            accepted = graph.apply(LowRankReadout(), [mixture], one.advice)
            premises, cascade = [accepted], ReadoutCascade(evaluate=evaluate)
        claim = graph.claim(accepted)
        if not evaluate and claim.count < (options.at_least or 0) * claim.accepted.size:
            continue
        return graph.apply(AccuracyFromCount(), [graph.apply(cascade, premises)])
    raise AssertionError("the last candidate is always taken")


def _loss(graph: ProofGraph, form: int, progress: Progress) -> int:
    """The mean loss, to WIDTH; cuts are raised until it is reached, or all is evaluated."""
    looking = partial(progress, "looking for classes of tokens")
    found = loss_search(graph.claim(form), WIDTH, looking)
    grid = graph.apply(GridNetworkRule(), [form], found.grids)
    cut, step = found.advice.cut, int(STEP * (1 << found.grids.bits)) + 1
    for _ in range(RAISED):
        goal = graph.apply(LossFromQuotient(), [graph.apply(Quotient(), [grid], replace(found.advice, cut=cut))])
        low, high = graph.claim(goal).bounds
        if high <= low * (1 + WIDTH):
            break
        cut, step = cut + step, 2 * step
    return goal


def _mixture(graph: ProofGraph, function: int) -> int | None:
    """The form with attention as it is, on balanced grids; None where it does not fit the words."""
    mlp = next(layer for layer in graph.claim(function).statement.network.layers if isinstance(layer, Mlp))
    try:
        even = graph.apply(AttentionMixtureRule(), [function], even_grids(mlp.W_out.shape[0]))
        return graph.apply(AttentionMixtureRule(), [function], balanced_grids(graph.claim(even)))
    except NotEstablished:
        return None
