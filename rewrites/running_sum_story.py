"""What a network for running sums does, as claims with proved numbers: the command ``story`` for such networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.graph import ProofGraph
from ..engine.transcript.plain import plain
from ..models.statement import Statement
from .rules.network_function import NetworkFunctionDefinition
from .rules.running_mean import RunningMean, RunningMeanRule

TASKS = ("running-sum-sign",)


@dataclass(frozen=True)
class RunningSumStory:
    """The claim, in the graph that proves it."""

    graph: ProofGraph
    claim: RunningMean

    def sentences(self) -> list[str]:
        return [plain(sentence) for sentence in self.claim.sentences()]

    def lines(self) -> list[str]:
        """For the command line."""
        verdict = (
            f"s PROVED accuracy >= {self.claim.low}/{self.claim.statement.inputs} sha256:{self.claim.statement.sha256}"
        )
        return [*(f"PROVED  {sentence}" for sentence in self.sentences()), verdict]

    def as_json(self) -> dict[str, Any]:
        statement = self.claim.statement
        return {
            "claims": self.sentences(),
            "right_low": self.claim.low,
            "inputs": statement.inputs,
            "statement": statement.sha256,
        }


def tell(statement: Statement, name: str) -> RunningSumStory:
    """The story of a network on running sums; raises :class:`~mechproof.engine.rule.NotEstablished` for another one."""
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    return RunningSumStory(graph, graph.claim(graph.apply(RunningMeanRule(), [function])))
