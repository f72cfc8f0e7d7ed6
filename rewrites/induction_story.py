"""What an induction head of two layers does, as claims with proved numbers: the command ``story`` for such networks."""

from __future__ import annotations

from ..models.statement import Statement
from .network_story import NetworkStory
from .proof import prove
from .rules.induction.circuits import CIRCUITS

# The tasks whose networks have such a story.
TASKS = ("induction", "induction-once")


def tell(statement: Statement, name: str) -> NetworkStory:
    """The story of an induction head.

    Raises :class:`~mechproof.engine.rule.NotEstablished` for another network or task.
    """
    proof = prove(statement, name, "induction")
    names = [rule.name for rule in CIRCUITS]
    steps = [step for step in proof.graph.derivations() if step.rule.name in names]
    return NetworkStory(proof, tuple(step.claim for step in steps))
