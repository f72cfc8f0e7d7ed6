"""Theorem.  Every row of a softmax sums to one.

Proof.  Entry j of a row is exp(s_j)/Σ_i exp(s_i), over the columns that the row sees; the others are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.cost import Cost
from ...engine.network_terms import MaskedSoftmax
from ...engine.rule import NotEstablished, Rule
from ...engine.term import Named, Term
from ..equations import UnitRowSums


class SoftmaxRows(Rule):
    """Advice: a softmax, or an abbreviation of one."""

    name = "softmax_rows"
    premises = ()
    lemmas = ()
    derivation = "The entries of a row of a softmax are what the exponentials have of their sum."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Term) -> UnitRowSums:
        matrix = advice
        while isinstance(matrix, Named):
            matrix = matrix.body
        if not isinstance(matrix, MaskedSoftmax):
            raise NotEstablished(self.tag, f"{advice} is not a softmax")
        return UnitRowSums(advice)
