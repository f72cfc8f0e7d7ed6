"""What a network on a group does, as claims with proved numbers: the command ``story`` for such networks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from ..engine.graph import ProofGraph
from ..engine.transcript.plain import plain
from ..models.statement import Statement
from .proof import Proof, prove
from .quotient_account import account
from .rules.bi_equivariance import BiEquivariance
from .rules.class_energy import ClassEnergyRule, Classes
from .rules.near_constant_attention import NearConstantAttention
from .rules.quotient import Accepted

# The tasks whose networks have such a story.
TASKS = ("group", "modular-addition")


@dataclass(frozen=True)
class GroupStory:
    """The proof by quotients, and the ids of the claims of its graph that say what the network does."""

    proof: Proof
    claims: tuple[int, ...]

    def sentences(self) -> list[str]:
        """Each claim in words."""
        return [plain(self.proof.graph.claim(claim).sentence()) for claim in self.claims]

    def lines(self) -> list[str]:
        """For the command line: the claims, the cost and the theorem."""
        found = self.proof.account
        assert found is not None, "the proof is one by quotients"
        return [f"PROVED  {sentence}" for sentence in self.sentences()] + [found.sentence(), self.proof.verdict]

    def as_json(self) -> dict[str, Any]:
        return {"claims": self.sentences(), **self.proof.summary()}


def tell(statement: Statement, name: str) -> GroupStory:
    """The story of a network on a group.

    Raises :class:`~mechproof.engine.rule.NotEstablished` for another network or task.
    """
    proof = prove(statement, name, "quotient")
    graph = proof.graph
    found = account(graph, proof.goal)
    assert found is not None, "the proof is one by quotients"
    claims = [step.claim for step in graph.proof(proof.goal) if isinstance(step.rule, NearConstantAttention)]
    grid = _premise(graph, graph.find(found.accepted))
    apply = partial(graph.apply, ClassEnergyRule(), [grid])
    for block in found.accepted.advice.blocks:
        for side, part in enumerate((block.left, block.right)):
            if part is not None:
                claims.append(apply(Classes(block.neurons, side, part.labels)))
    claims.append(graph.apply(BiEquivariance(), [grid]))
    return GroupStory(proof, tuple(claims))


def _premise(graph: ProofGraph, accepted: int | None) -> int:
    """The grid network that inputs were accepted of."""
    assert accepted is not None and isinstance(graph.claim(accepted), Accepted), "it is in the graph"
    return graph.derivations_of(accepted)[0].premises[0]
