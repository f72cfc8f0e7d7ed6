"""Any network, as a claim: its layers with the stored weights define a real function (docs/statement.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.rule import Rule
from ...models.statement import Statement


@dataclass(frozen=True)
class NetworkFunction(Claim):
    """The logits of a network at the task's read positions, over the reals."""

    statement: Statement

    kind = "network"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "statement": self.statement.sha256}

    def identity(self) -> str:
        return self.statement.sha256

    def sentence(self) -> str:
        layers = ", ".join(layer.kind for layer in self.statement.network.layers)
        return (
            f"The stored weights, read as exact dyadic rationals, define the logits of the network ({layers}) for "
            "every input of the task."
        )


class NetworkFunctionDefinition(Rule):
    """Advice: the :class:`Statement`.  A certificate carries its hash only; a checker reads its own weights."""

    name = "network_definition"
    certifiable = True
    version = 2
    premises = ()
    lemmas = ()
    derivation = "The definition; a checker reads its own copy of the weights and compares the statement's hash."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Statement) -> NetworkFunction:
        return NetworkFunction(advice)
