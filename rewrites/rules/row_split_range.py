"""The direct path as one row for all queries, with the rest measured exactly.

Theorem.  Let T be a table and a a row, and R = T - 1a.  Then for all q, i, j

    T[q,i] - T[q,j]  <=  a[i] - a[j] + g[q,j],

where g[q,j] may be max_k R[q,k] - R[q,j] (pairs), max_k R[q,k] - min_k R[q,k] (rows), or max R - min R (all).

Proof.  T[q,i] - T[q,j] = a[i] - a[j] + R[q,i] - R[q,j], and R[q,i] <= max_k R[q,k] <= max R, R[q,j] >= min_k R[q,k]
>= min R.  Pairs is exact: equality holds for some i.

Source: arXiv 2406.11779 (max_diff_exact, global_max_diff_exact), with the target's own entry kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpz_mat

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Max, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from .notions import SPLIT_TABLE
from .path_decomposition import TABLE_COSTS, Paths, V
from .row_split import RowSplit, require_table

_q, _i, _j, _k = Var("q"), Var("i"), Var("j"), Var("k")
_rows, _columns = Range(Num(0), Var("n")), Range(Num(0), Var("m"))


def _rest(column: Var) -> Any:
    return At("T", _q, column) - At("a", column)


PAIRS = Lemma(
    label="row-split-range",
    title="A common row, and the rest exactly",
    given="For every $n \\times m$ table $T$ and every row $a$ of $m$ numbers:",
    statement=ForAll(
        _q,
        _rows,
        ForAll(
            _i,
            _columns,
            ForAll(
                _j,
                _columns,
                At("T", _q, _i) - At("T", _q, _j)
                <= At("a", _i) - At("a", _j) + (Max(_k, _columns, _rest(_k)) - _rest(_j)),
            ),
        ),
    ),
    proof=(
        "The left side is $a(i) - a(j)$ plus $(T(q,i) - a(i)) - (T(q,j) - a(j))$, and $T(q,i) - a(i)$ is at most the "
        "largest such number of the row. Replacing the last term by the least of its row, or both extremes by those "
        "of the whole table, only enlarges the bound."
    ),
    source="arXiv 2406.11779 (max_diff_exact), with the target's own entry kept",
)

KINDS = ("pairs", "rows", "all")


@dataclass(frozen=True)
class CommonRow:
    """Advice: the table's name, the row a (None for zero) and how the rest is bounded: pairs, rows or all."""

    name: str
    row: DyadicMatrix | None
    kind: str


class SplitRange(Rule):
    """From the paths.  Advice: :class:`CommonRow`; any row is sound."""

    name = "split_range"
    premises = (Paths,)
    lemmas = (PAIRS,)
    notions = (SPLIT_TABLE,)
    derivation = "[@row-split-range] on the exact table."
    cost = Cost(add=2 * V**2, compare=2 * V**2)

    def conclude(self, premises: Sequence[Any], advice: CommonRow) -> RowSplit:
        (paths,) = premises
        require_table(self, advice.name)
        table = paths.tables[advice.name]
        rows, columns = table.shape
        row = DyadicMatrix.zero(1, columns) if advice.row is None else advice.row
        if row.shape != (1, columns):
            raise NotEstablished(self.tag, f"the common row is {row.shape}, the table {table.shape}")
        rest = table - DyadicMatrix.ones(rows, 1) @ row
        return RowSplit(paths.statement, advice.name, row, self._bounds(rest, advice.kind))

    def charge(self, premises: Sequence[Any], advice: CommonRow) -> Cost:
        return self.cost + TABLE_COSTS[advice.name]

    def _bounds(self, rest: DyadicMatrix, kind: str) -> DyadicMatrix:
        entries = rest.integers()
        match kind:
            case "pairs":
                bounds = [[max(row) - entry for entry in row] for row in entries]
            case "rows":
                bounds = [[max(row) - min(row)] for row in entries]
            case "all":
                spread = max(map(max, entries)) - min(map(min, entries))
                bounds = [[spread] for _ in entries]
            case _:
                raise NotEstablished(self.tag, f"the rest is bounded by one of {KINDS}, not by {kind!r}")
        return DyadicMatrix(fmpz_mat(bounds), rest.exponent)
