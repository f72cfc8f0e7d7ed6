"""What would follow if a claim were different: conditional graphs.

An assumption is a rule like any other, but what is derived from one is *conditional*: it never prints as PROVED and no
certificate carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .claim import Claim
from .cost import Cost
from .graph import ProofGraph
from .rule import Rule


class Assumption(Rule):
    """Advice: the claim to assume."""

    name = "assumption"
    premises = ()
    lemmas = ()
    derivation = "Assumed, not proved."
    cost = Cost()
    conditional = True

    def conclude(self, premises: Sequence[Any], advice: Claim) -> Claim:
        return advice


def what_if(graph: ProofGraph, goal: int, claim: int, instead: Claim) -> tuple[ProofGraph, int]:
    """A graph in which ``instead`` is assumed in place of ``claim`` and the proof of ``goal`` is run again from there.

    Returns the new graph and the goal's id in it.  Raises :class:`~.rule.NotEstablished` where a rule no longer
    applies.
    """
    fresh = ProofGraph()
    known = {claim: fresh.apply(Assumption(), (), instead)}
    for step in graph.proof(goal):
        if step.claim not in known:
            known[step.claim] = fresh.apply(step.rule, [known[premise] for premise in step.premises], step.advice)
    return fresh, known[goal]


def merge(into: ProofGraph, other: ProofGraph) -> dict[int, int]:
    """Run every derivation of ``other`` in ``into``; returns the ids that its claims have there."""
    known: dict[int, int] = {}
    for step in other.derivations():
        known[step.claim] = into.apply(step.rule, [known[premise] for premise in step.premises], step.advice)
    return known
