"""A theorem about one network from a count, with room to spare, about another one near it."""

from __future__ import annotations

from ..engine.graph import ProofGraph
from ..models.statement import Statement
from ..rewrites.advice.slack_search import UNLIMITED, search
from ..rewrites.advice.token_order_search import Limits
from ..rewrites.rules.accuracy import AccuracyFromCount
from ..rewrites.rules.additive_margin import AdditiveMarginRule
from ..rewrites.rules.slack_count import SlackTree
from ..rewrites.rules.weight_transfer import WeightTransfer, moves
from ..rewrites.standard_forms import paths_of


def transferred(old: Statement, new: Statement, limits: Limits = UNLIMITED) -> tuple[ProofGraph, int]:
    """A proof of the new network's accuracy that counts sequences of the old one only; its graph and goal.

    The slack of each cell is what its gaps move by at most.  Raises :class:`NotEstablished` for networks of different
    sizes.
    """
    graph = ProofGraph()
    first, second = (paths_of(graph, statement) for statement in (old, new))
    margin = graph.apply(AdditiveMarginRule(), [first])
    advice = search(graph.claim(margin), moves(graph.claim(first), graph.claim(second)), limits)
    count = graph.apply(WeightTransfer(), [graph.apply(SlackTree(), [margin], advice), first, second])
    return graph, graph.apply(AccuracyFromCount(), [count])
