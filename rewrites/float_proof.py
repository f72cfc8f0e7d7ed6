"""Proofs about float runs: the real theorem and the float theorem side by side, in one graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..engine.arithmetic.float_format import FORMATS
from ..engine.errors import MechproofError
from ..engine.graph import ProofGraph
from ..models.float_statement import EXP_ULPS, FloatStatement
from ..models.statement import Statement
from .rules.accuracy import AccuracyFromCount
from .rules.additive_margin import AdditiveMarginRule
from .rules.float_accuracy import FloatAccuracyFromCounts
from .rules.float_error import FloatErrorAnalysis
from .rules.float_margin import FloatMarginRule
from .rules.network_function import NetworkFunctionDefinition
from .standard_forms import paths_of
from .strategies import DEFAULT, DEFAULTS, Options, Progress, silent, strategy

# Those that count from the margins alone; others look at the real tables besides.
STRATEGIES = ("branch_and_bound", "brute_force", "separable")
# Where results are stored with few bits, many inputs stay open, and looking at each alone would take hours.
GIVEN_UP_SHARE = 1 << 18
SEMANTICS = ("real", *FORMATS)


@dataclass(unsafe_hash=True)
class UnknownSemantics(MechproofError):
    name: str
    known: tuple[str, ...]
    sentence = "there is no semantics {name!r}; there are {known}"


@dataclass(unsafe_hash=True)
class NoFloatProof(MechproofError):
    name: str
    known: tuple[str, ...]
    sentence = "{name} proves nothing about float runs; these strategies do, for the accuracy: {known}"


def prove_float(
    statement: Statement,
    semantics: str,
    name: str = DEFAULT,
    options: Options = DEFAULTS,
    progress: Progress = silent,
    exp_ulps: int = EXP_ULPS,
) -> tuple[ProofGraph, int]:
    """A proof graph for the accuracy of every float run, and the id of its claim.

    Raises :class:`UnknownSemantics`, and :class:`NoFloatProof` for a strategy that needs more than the margins.
    """
    if semantics not in FORMATS:
        raise UnknownSemantics(semantics, SEMANTICS)
    if name not in STRATEGIES:
        raise NoFloatProof(name, STRATEGIES)
    recipe = strategy(name)
    runs = FloatStatement(statement.network, statement.task, FORMATS[semantics], exp_ulps)
    graph = ProofGraph()
    network = graph.apply(NetworkFunctionDefinition(), (), statement)
    margin = graph.apply(AdditiveMarginRule(), [paths_of(graph, statement)])
    real = graph.apply(AccuracyFromCount(), [recipe.derive(graph, margin, options, progress)])
    error = graph.apply(FloatErrorAnalysis(), [network], runs)
    if runs.format.storage and options.cut is None:
        options = replace(options, cut=statement.inputs // GIVEN_UP_SHARE)
    count = recipe.derive(graph, graph.apply(FloatMarginRule(), [error]), options, progress)
    return graph, graph.apply(FloatAccuracyFromCounts(), [count, real])
