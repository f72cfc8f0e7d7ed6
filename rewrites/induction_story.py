"""What an induction head of two layers does, as claims with proved numbers: the command ``story`` for such networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.transcript.plain import plain
from ..models.statement import Statement
from .proof import Proof, prove
from .rules.induction.circuits import CIRCUITS

# The tasks whose networks have such a story.
TASKS = ("induction", "induction-once")


@dataclass(frozen=True)
class InductionStory:
    """The proof by sets of inputs, and the ids of the claims of its graph that say what the network does."""

    proof: Proof
    claims: tuple[int, ...]

    def sentences(self) -> list[str]:
        """Each claim in words."""
        return [plain(self.proof.graph.claim(claim).sentence()) for claim in self.claims]

    def lines(self) -> list[str]:
        """For the command line: the claims and the theorem."""
        return [f"PROVED  {sentence}" for sentence in self.sentences()] + [self.proof.verdict]

    def as_json(self) -> dict[str, Any]:
        return {"claims": self.sentences(), **self.proof.summary()}


def tell(statement: Statement, name: str) -> InductionStory:
    """The story of an induction head.

    Raises :class:`~mechproof.engine.rule.NotEstablished` for another network or task.
    """
    proof = prove(statement, name, "induction")
    names = [rule.name for rule in CIRCUITS]
    steps = [step for step in proof.graph.derivations() if step.rule.name in names]
    return InductionStory(proof, tuple(step.claim for step in steps))
