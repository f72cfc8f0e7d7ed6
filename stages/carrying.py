"""A proof about one network tried on another: the same rules with the same advice, on other weights.

Advice (reaches, anchors, common rows, trees) is trusted by no rule, so whatever comes out is a proof about the new
weights; it only may show less than advice that was searched for them.
"""

from __future__ import annotations

from ..engine.graph import ProofGraph
from ..engine.graph import carried as certified_part
from ..models.statement import Statement
from ..rewrites.advice.token_order_search import Limits
from ..rewrites.advice.tree_reuse import KEEP, adapted
from ..rewrites.rules.network_function import NetworkFunctionDefinition
from ..rewrites.rules.path_decomposition import PathDecomposition
from ..rewrites.rules.token_order_tree import TokenOrderTree
from ..rewrites.standard_forms import paths_of


def carried(graph: ProofGraph, goal: int, statement: Statement, limits: Limits = KEEP) -> tuple[ProofGraph, int]:
    """The goal's proof run on the statement's network; a graph of its own and the id of the conclusion there.

    Leaves of a tree that no longer hold are given up or, as ``limits`` say, searched further: a rule refuses a tree
    with a single false leaf.  Raises :class:`NotEstablished` where a rule refuses its advice.
    """
    fresh = ProofGraph()
    ids: dict[int, int] = {}
    for step in certified_part(graph.proof(goal)):
        if isinstance(step.rule, PathDecomposition):  # the equations of a network say which of its biases are zero
            ids[step.claim] = paths_of(fresh, statement)
            continue
        premises, advice = [ids[premise] for premise in step.premises], step.advice
        match step.rule:
            case NetworkFunctionDefinition():
                advice = statement
            case TokenOrderTree():
                advice = adapted(fresh.claim(premises[0]), advice, limits)
        ids[step.claim] = fresh.apply(step.rule, premises, advice)
    return fresh, ids[goal]
