"""Row differences by one number for all rows: what follows from an explanation's own number.

Theorem.  If two entries of each row r differ by at most b(r), and b(r) <= c for all r, they differ by at most c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from .path_decomposition import V
from .row_difference import RowDifference

_r, _c = Var("r"), Var("c")
_rows = Range(Num(0), Var("n"))

LARGER = Lemma(
    label="stated-row-difference",
    title="One bound for all rows",
    given="For all numbers $x(r)$ and $b(r)$ ($r < n$) and $c$:",
    statement=ForAll(_r, _rows, (At("x", _r) <= At("b", _r)) & (At("b", _r) <= _c)).implies(
        ForAll(_r, _rows, At("x", _r) <= _c)
    ),
    proof="$x(r) \\le b(r) \\le c$.",
    source="a larger bound holds too",
)


class StatedRowDifference(Rule):
    """From row differences.  Advice: a 1 × 1 matrix, the bound of all rows."""

    name = "stated_row_difference"
    premises = (RowDifference,)
    lemmas = (LARGER,)
    derivation = "[@stated-row-difference]: the stated number is compared with the bound of every row."
    cost = Cost(compare=V)

    def conclude(self, premises: Sequence[Any], advice: DyadicMatrix) -> RowDifference:
        (known,) = premises
        if advice.shape != (1, 1):
            raise NotEstablished(self.tag, f"the stated bound is {advice.shape}, not one number")
        if known.largest > advice.fraction(0, 0):
            raise NotEstablished(self.tag, "the stated bound is smaller than the true one")
        return replace(known, bounds=DyadicMatrix.ones(known.term.shape[0], 1) @ advice)
