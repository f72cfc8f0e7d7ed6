"""Row differences of a term: all derivations that the rules give for a product, whatever its brackets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...rules.row_difference import RowDifference
from ..search.goals import Goal
from ..search.products import row_difference_bounds
from ..splits.common import Workbench


class ProductBounds:
    """Multiplying out, norms and row lengths of every interval of factors, and both product rules at every break."""

    name = "row differences of a product"
    kind = RowDifference

    def needs(self, bench: Workbench, goal: Goal) -> Sequence[Goal] | None:
        return ()

    def attempts(self, bench: Workbench, goal: Goal, claims: Sequence[int]) -> Iterator[int]:
        known = bench.known if goal.known is None else goal.known
        for bound in row_difference_bounds(bench.graph, known, goal.subject):
            yield bound.claim


METHODS = (ProductBounds(),)
