"""The network itself, as a claim: the stored weights under a stated architecture define a real function.

This is the only rule without premises.  Everything else in a proof graph is derived from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.rule import Rule
from ...models.statement import Statement


@dataclass(frozen=True)
class Network(Claim):
    """The function computed by a network, over the reals, and the task it is judged on."""

    statement: Statement

    kind = "network"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "statement": self.statement.sha256}

    def identity(self) -> str:
        return self.statement.sha256

    def sentence(self) -> str:
        network = self.statement.network
        return (
            "The stored weights, read as exact dyadic rationals, define $\\mathrm{logits}(t) \\in \\mathbb{R}^{V}$ "
            "for every "
            f"sequence $t$ of $K = {network.n_ctx}$ tokens out of $V = {network.d_vocab}$ "
            f"(width $d = {network.d_model}$, head width $h = {network.d_head}$)."
        )


class NetworkDefinition(Rule):
    """Advice: the :class:`Statement`.  A certificate carries its hash only; a checker reads its own weights."""

    name = "network_definition"
    certifiable = True
    premises = ()
    lemmas = ()
    derivation = "The definition; a checker reads its own copy of the weights and compares the statement's hash."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Statement) -> Network:
        return Network(advice)
