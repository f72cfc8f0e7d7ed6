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
from ...engine.term import ONE, Named, Tensor, Term
from ...models.one_layer import one_layer_of
from ...models.statement import Statement
from .network_function import NetworkFunction
from .path_decomposition import values_of

# Names of advice with the digests of what they stand for, sorted by name.
Meanings = tuple[tuple[str, str], ...]


# How the selection of a sequence is written, so that no matrix of advice is.
SELECTION = "S"


def tensor_names(term: Term) -> set[str]:
    """The names of all tensors in a term, through abbreviations."""
    if isinstance(term, Tensor):
        return {term.name}
    below = (term.body,) if isinstance(term, Named) else term.parts()
    return set().union(*map(tensor_names, below))


@dataclass(frozen=True)
class KnownMatrices(Claim):
    """The tensors of these names have these exact values."""

    statement: Statement
    values: Mapping[str, DyadicMatrix]
    advice: tuple[str, ...] = ()
    # How formulas write the last of these names.
    written: str = ""

    kind = "known_matrices"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "named": len(self.advice)}

    def identity(self) -> str:
        return ":".join([self.statement.sha256, *(f"{name}={digest}" for name, digest in self._named(self.advice))])

    def meanings(self, term: Term) -> Meanings:
        """What the names of advice in a term stand for; weights are fixed by the statement."""
        return self._named(sorted(tensor_names(term) & set(self.advice)))

    def agrees(self, statement: Statement, meanings: Meanings) -> bool:
        """Whether a claim with these meanings speaks of this network and of the same values under its names."""
        names = [name for name, _ in meanings]
        same_network = statement.sha256 == self.statement.sha256
        return same_network and set(names) <= set(self.advice) and self._named(names) == meanings

    def _named(self, names: Sequence[str]) -> Meanings:
        return tuple((name, tensor_digest(self.values[name])) for name in names)

    def sentence(self) -> str:
        if not self.advice:
            return "The weights are known exactly."
        return named([self])

    @property
    def last(self) -> str:
        """The last name, with its matrix's shape."""
        rows, columns = self.values[self.advice[-1]].shape
        name = f"${self.written}$" if self.written else f"`{self.advice[-1]}`"
        return f"{name} (${rows} \\times {columns}$)"


def named(claims: Sequence[KnownMatrices]) -> str:
    """Matrices of advice in one sentence, each claim's last one."""
    listed = list(dict.fromkeys(claim.last for claim in claims if claim.advice))
    which = "this matrix" if len(listed) == 1 else "these matrices"
    return f"The proof chooses {which}, of which nothing is claimed: {', '.join(listed)}."


class KnownWeights(Rule):
    """From the network; no advice."""

    name = "known_weights"
    certifiable = True
    premises = (NetworkFunction,)
    lemmas = ()
    derivation = "The stored weights, and columns of ones."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> KnownMatrices:
        statement = premises[0].statement
        return KnownMatrices(statement, values_of(one_layer_of(statement)))


class NameMatrix(Rule):
    """Advice: (name, matrix), or (name, matrix, name as formulas write it); the name must be new."""

    name = "name_matrix"
    premises = (KnownMatrices,)
    lemmas = ()
    derivation = "A name for a matrix of advice."
    cost = Cost()

    def conclude(
        self, premises: Sequence[Any], advice: tuple[str, DyadicMatrix] | tuple[str, DyadicMatrix, str]
    ) -> KnownMatrices:
        (known,) = premises
        name, matrix, *written = advice
        if name in known.values or name == SELECTION or name.startswith(ONE):
            raise NotEstablished(self.tag, f"the name {name!r} is taken")
        return KnownMatrices(known.statement, {**known.values, name: matrix}, (*known.advice, name), *written)
