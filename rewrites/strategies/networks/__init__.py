"""Strategies for any network: recipes for reaching a theorem about a network that is stated by its layers.

Each module of this folder is one strategy and is found by its file: it defines ``SUMMARY`` (one line) and

    derive(graph, function, metric, options, progress) -> id of an Accuracy, a Loss or a LeastMargin claim

where ``function`` is the id of the :class:`~...rules.network_function.NetworkFunction` claim.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from ....engine.graph import ProofGraph
from ....models.statement import Statement
from ...rules.network_function import NetworkFunctionDefinition
from .. import Options, Progress, UnknownMetric, UnknownStrategy, UnknownTightening, general_names

DEFAULT = "enumerate"
PAST_ENUMERATION = ("branch_and_bound", "induction")  # for more inputs than enumeration takes
METRICS = ("accuracy", "loss", "margin")


class NetworkStrategy(Protocol):
    """What a strategy module looks like."""

    SUMMARY: str

    def derive(self, graph: ProofGraph, function: int, metric: str, options: Options, progress: Progress) -> int: ...


def strategy(name: str) -> NetworkStrategy:
    """The strategy of that name; raises :class:`UnknownStrategy`."""
    if name not in general_names():
        raise UnknownStrategy(name, general_names())
    return cast(NetworkStrategy, importlib.import_module(f"{__name__}.{name}"))


def past_enumeration(statement: Statement) -> tuple[str, dict[str, str]]:
    """The first strategy for more inputs than enumeration takes that applies, or none (empty), and what those before it
    lack.  Each of these modules says what it lacks for a statement: ``missing(statement)``, empty if nothing."""
    lacks: dict[str, str] = {}
    for name in PAST_ENUMERATION:
        lacks[name] = importlib.import_module(f"{__name__}.{name}").missing(statement)
        if not lacks[name]:
            return name, lacks
    return "", lacks


def prove_network(
    statement: Statement, name: str, metric: str, options: Options, progress: Progress
) -> tuple[ProofGraph, int]:
    """A proof graph for the metric of the statement's network, and the id of the claim.

    Raises :class:`UnknownStrategy`, :class:`UnknownTightening` and :class:`UnknownMetric`.
    """
    if metric not in METRICS:
        raise UnknownMetric(metric, METRICS)
    recipe = strategy(name)
    for off in options.off:
        raise UnknownTightening(off, name, ())
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    return graph, recipe.derive(graph, function, metric, options, progress)
