"""What a network does, as claims of a graph: what the command ``story`` prints of groups and induction heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.transcript.plain import plain
from .proof import Proof


@dataclass(frozen=True)
class NetworkStory:
    """A proof, and the ids of the claims of its graph that say what the network does."""

    proof: Proof
    claims: tuple[int, ...]

    def sentences(self) -> list[str]:
        """Each claim in words."""
        return [plain(self.proof.graph.claim(claim).sentence()) for claim in self.claims]

    def lines(self) -> list[str]:
        """For the command line: the claims, what a proof by quotients cost, and the theorem."""
        account = self.proof.account
        cost = [] if account is None else [account.sentence()]
        return [*(f"PROVED  {sentence}" for sentence in self.sentences()), *cost, self.proof.verdict]

    def as_json(self) -> dict[str, Any]:
        return {"claims": self.sentences(), **self.proof.summary()}
