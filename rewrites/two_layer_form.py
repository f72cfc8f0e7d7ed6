"""From the definition of two attention layers to their paths, by rewriting alone; see
:mod:`..models.two_layer_paths`."""

from __future__ import annotations

from ..engine.graph import ProofGraph
from ..engine.normal_form import chained, normalised, same_words
from ..engine.rewriting import Entry
from ..engine.rule import NotEstablished
from ..engine.term import Term
from ..models.network import Network
from ..models.two_layer_paths import TwoLayerPaths
from .equations import rules
from .rules.induction.form import missing
from .rules.induction.tables import InductionTablesRule
from .rules.softmax_rows import SoftmaxRows
from .standard_forms import AVERAGE, SINGLE, path_form

# Towards sums of averages, the tables unopened.
AVERAGING: tuple[Entry, ...] = rules("unit-total", "turn-sum", "expand-left", "expand-right", "bracket-left")


def logits_by_compositions(graph: ProofGraph, network: Network, positions: int) -> int:
    """The id of ``the definition by layers = the paths``, for any numbers of heads.

    Raises :class:`~..models.two_layer_paths.NoCompositions` for other networks.
    """
    terms = TwoLayerPaths(network, positions)
    return path_form(graph, terms.definition, terms.paths)


def mixtures(graph: ProofGraph, terms: TwoLayerPaths) -> tuple[int, int]:
    """The ids of ``the definition by layers = a mixture of keys`` and of ``the scores = a mixture of atoms``, for one
    head in each layer; that attention sums to one are their conditions."""
    (head,) = terms.first
    for attention in (head.last, terms.second(0)):
        graph.apply(SoftmaxRows(), (), attention)
    logits = logits_by_compositions(graph, terms.network, terms.positions)
    return chained(graph, [logits, _averaged(graph, terms.paths, terms.mixture)]), _averaged(
        graph, terms.scores(0), terms.mixed_scores
    )


def _averaged(graph: ProofGraph, paths: Term, mixture: Term) -> int:
    ends: list[int] = []
    for form in (paths, mixture):
        first = normalised(graph, form, AVERAGE, AVERAGING)
        ends.append(chained(graph, [first, normalised(graph, graph.claim(first).right, AVERAGE, SINGLE)]))
    return same_words(graph, ends[0], ends[1])


def tables_of(graph: ProofGraph, function: int) -> int:
    """The id of the tables of an induction head, from the definition of its network.

    Raises :class:`~..engine.rule.NotEstablished` for other networks and tasks.
    """
    statement = graph.claim(function).statement
    if reason := missing(statement):
        raise NotEstablished("induction_tables", reason)
    terms = TwoLayerPaths(statement.network, statement.task.positions)
    return graph.apply(InductionTablesRule(), [function, *mixtures(graph, terms)])
