"""Named matrices with exact values: the network's weights, and advice that a proof gives a name to.

Splits such as "rank one plus rest" use matrices that are not weights.  Once named, they are tensors like the
others, and equations between terms hold whatever they are: good advice makes a bound tight, bad advice only makes
it loose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.rule import NotEstablished, Rule
from ...engine.term import ONE
from ...models.statement import Statement
from .network_definition import Network
from .path_decomposition import values_of


@dataclass(frozen=True)
class KnownMatrices(Claim):
    """The tensors of these names have these exact values."""

    statement: Statement
    values: Mapping[str, DyadicMatrix]
    advice: tuple[str, ...] = ()

    kind = "known_matrices"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "advice": {name: tensor_digest(self.values[name]) for name in self.advice}}

    def identity(self) -> str:
        return ":".join([self.statement.sha256, *(f"{n}={tensor_digest(self.values[n])}" for n in self.advice)])

    def sentence(self) -> str:
        named = f", and advice names {len(self.advice)} more" if self.advice else ""
        return f"The weights are known exactly{named}."


class KnownWeights(Rule):
    """From the network; no advice."""

    name = "known_weights"
    premises = (Network,)
    lemmas = ()
    derivation = "The stored weights, and columns of ones."
    cost = Cost()
    certifiable = False

    def conclude(self, premises: Sequence[Any], advice: Any) -> KnownMatrices:
        statement = premises[0].statement
        return KnownMatrices(statement, values_of(statement.network))


class NameMatrix(Rule):
    """Advice: (name, matrix); the name must be new."""

    name = "name_matrix"
    premises = (KnownMatrices,)
    lemmas = ()
    derivation = "A name for a matrix of advice."
    cost = Cost()
    certifiable = False

    def conclude(self, premises: Sequence[Any], advice: tuple[str, DyadicMatrix]) -> KnownMatrices:
        (known,) = premises
        name, matrix = advice
        if name in known.values or name.startswith(ONE):
            raise NotEstablished(self.tag, f"the name {name!r} is taken")
        return KnownMatrices(known.statement, {**known.values, name: matrix}, (*known.advice, name))
