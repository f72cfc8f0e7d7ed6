"""EQKE as one direction of tokens: every query looks along the same "size", each with its own strength.

Theorem.  If within its rows T is A up to differences of d[q], and A[q,i] = a[q] s[i], then for all q, i, j

    T[q,i] - T[q,j]  <=  a[q] (s[i] - s[j]) + d[q].

Proof.  Put the product in place of A.

The strengths a[q] are required to be positive: then larger s means more attention, for every query.

Source: arXiv 2406.11779 (EQKE is nearly of rank one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.formula import At, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from .path_decomposition import V
from .row_split import RowSplit, everywhere, row_gap


@dataclass(frozen=True)
class Factors:
    """The strengths a (V × 1) and the direction s (1 × V)."""

    strength: DyadicMatrix
    size: DyadicMatrix


@dataclass(frozen=True)
class RankOne(Claim):
    """For all q, i, j: T[q,i] - T[q,j] <= a[q] (s[i] - s[j]) + d[q], with a[q] > 0 and d the split's bounds."""

    split: RowSplit
    factors: Factors

    kind = "rank_one"

    @property
    def statement(self) -> Statement:
        return self.split.statement

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "table": self.split.name}

    def identity(self) -> str:
        digests = tensor_digest(self.factors.strength), tensor_digest(self.factors.size)
        return ":".join((self.split.identity(), *digests))

    def sentence(self) -> str:
        low, high = (end(row[0] for row in self.factors.strength.fractions()) for end in (min, max))
        return (
            f"Within its rows, $\\mathrm{{{self.split.name}}}[q,t]$ is $a(q)\\,s(t)$ up to differences of at most "
            f"{ceil_str(self.split.largest, 4)}, with one direction $s$ of tokens and strengths $a(q)$ between "
            f"{floor_str(low, 4)} and {ceil_str(high, 4)}."
        )


_q, _i, _j = Var("q"), Var("i"), Var("j")
_a, _d = At("a", _q), At("d", _q)


DIRECTION = Lemma(
    label="rank-one",
    title="One direction for all rows",
    given=(
        "For all $n \\times m$ tables $T$ and $A$, numbers $a(q)$ and $d(q)$ by row, $s(i)$ by column, with $A(q,i) = "
        "a(q)\\,s(i)$:"
    ),
    statement=(
        everywhere(At("A", _q, _i).equals(_a * At("s", _i))) & everywhere(row_gap("T") <= row_gap("A") + _d)
    ).implies(everywhere(row_gap("T") <= _a * (At("s", _i) - At("s", _j)) + _d)),
    proof="$A(q,i) - A(q,j) = a(q)\\,(s(i) - s(j))$.",
    source="arXiv 2406.11779",
)


class RankOneRule(Rule):
    """From a split with one bound a row.  Advice: :class:`Factors`, whose product must be the split's table exactly."""

    name = "rank_one"
    premises = (RowSplit,)
    lemmas = (DIRECTION,)
    derivation = "[@rank-one]: the split's table is the product of a column and a row, and the column is positive."
    cost = Cost(multiply=V**2, compare=V**2 + V)

    def conclude(self, premises: Sequence[Any], advice: Factors) -> RankOne:
        (split,) = premises
        if split.bounds.shape[1] != 1:
            raise NotEstablished(self.tag, "the split does not have one bound a row")
        column, row = advice.strength, advice.size
        if column.shape != split.bounds.shape:
            raise NotEstablished(self.tag, f"there are {column.shape[0]} strengths for {split.bounds.shape[0]} queries")
        if row.shape[0] != 1 or column @ row != split.approximation:
            raise NotEstablished(self.tag, f"{split.name}'s split is not the product of this column and this row")
        rows = column.integers()
        weak = [q for q, (entry,) in enumerate(rows) if entry <= 0]
        if weak:
            raise NotEstablished(self.tag, f"the strengths of the queries {weak} are not positive")
        return RankOne(split, advice)
