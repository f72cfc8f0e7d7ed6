"""What is known of a sequence's selection matrix: each row is the indicator of one token, so it sums to one.

Source: the definition of :class:`~mechproof.engine.network_terms.Selection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.cost import Cost
from ...engine.network_terms import Selection
from ...engine.rule import NotEstablished, Rule
from ...engine.term import Row, Term
from ..equations import UnitRowSums


class SelectionRows(Rule):
    """Advice: a selection, or a row of one."""

    name = "selection_rows"
    premises = ()
    lemmas = ()
    derivation = "Row $p$ of $S$ is the indicator of token $t_p$: one entry is 1 and the others are 0."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Term) -> UnitRowSums:
        matrix = advice.body if isinstance(advice, Row) else advice
        if not isinstance(matrix, Selection):
            raise NotEstablished(self.tag, f"{advice} is not the selection of a sequence, nor a row of it")
        return UnitRowSums(advice)
