"""The smaller of two bounds, row by row.

Theorem.  If two entries of row r of M differ by at most a_r, and by at most b_r, then by at most min(a_r, b_r).

Source: arXiv 2406.11779 (the elementwise minimum over break-points).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import fmpz_mat

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.rule import NotEstablished, Rule
from .row_difference import RowDifference


class RowDifferenceLeast(Rule):
    """From two bounds for one term.  No advice."""

    name = "row_difference_least"
    premises = (RowDifference, RowDifference)
    lemmas = ()
    derivation = "Both bounds hold, so the smaller one does, row by row."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> RowDifference:
        first, second = premises
        same = (first.statement.sha256, first.meanings, first.term) == (
            second.statement.sha256,
            second.meanings,
            second.term,
        )
        if not same:
            raise NotEstablished(self.tag, f"the bounds are about {first.term} and {second.term}")
        exponent = min(first.bounds.exponent, second.bounds.exponent)
        columns = (bound.bounds.at_exponent(exponent).tolist() for bound in (first, second))
        least = [[min(a[0], b[0])] for a, b in zip(*columns, strict=True)]
        return RowDifference(first.statement, first.term, DyadicMatrix(fmpz_mat(least), exponent), first.meanings)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        return Cost(compare=premises[0].bounds.shape[0])
