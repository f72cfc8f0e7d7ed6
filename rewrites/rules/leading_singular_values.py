"""How far a product stands out from its best approximation of rank one: its two largest singular values.

Theorem.  The squares of the singular values of M = A B are, apart from zeros, the roots of the characteristic
polynomial of (A^T A)(B B^T).  A polynomial of degree n that changes sign on n disjoint intervals has exactly one root
in each.

Proof.  M M^T = A (B B^T) A^T, and X Y and Y X have the same characteristic polynomial apart from powers of the
variable; all roots are real and not negative.  A change of sign means a root, and there are no more than n.

Source: :mod:`...engine.arithmetic.spectral`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.arithmetic.spectral import singular_values_of_product
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from ...engine.term import Term, encoded, product
from ...models.statement import Statement
from .known_matrices import KnownMatrices, Meanings
from .path_decomposition import V, d

BITS = 24


@dataclass(frozen=True)
class LeadingSingularValues(Claim):
    """The largest singular value of ``term`` is at least ``first``, all others are at most ``second``."""

    statement: Statement
    term: Term
    first: Fraction
    second: Fraction
    meanings: Meanings

    kind = "leading_singular_values"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "term": encoded(self.term), "first": str(self.first), "second": str(self.second)}

    def identity(self) -> str:
        return f"{self.statement.sha256}:{self.term.key}:{self.meanings}"

    def sentence(self) -> str:
        return (
            f"The largest singular value of ${self.term}$ is at least {floor_str(self.first, 4)}, every other at most "
            f"{ceil_str(self.second, 4)}."
        )


class LeadingSingularValuesRule(Rule):
    """From known matrices.  Advice: the factors, as terms; nothing is multiplied out."""

    name = "leading_singular_values"
    premises = (KnownMatrices,)
    lemmas = ()
    derivation = (
        "The squares of the singular values are roots of the characteristic polynomial of a product of two Gram "
        "matrices, which is exact; each root lies in an interval on which the polynomial was seen to change sign."
    )
    cost = Cost(multiply=2 * V * d**2 + d**4, add=2 * V * d**2 + d**4)

    def conclude(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> LeadingSingularValues:
        (known,) = premises
        if not advice:
            raise NotEstablished(self.tag, "there are no factors")
        values = singular_values_of_product([factor.evaluate(known.values) for factor in advice], BITS)
        term = product(advice)
        second = values[1][1] if len(values) > 1 else Fraction()
        return LeadingSingularValues(known.statement, term, values[0][0], second, known.meanings(term))
