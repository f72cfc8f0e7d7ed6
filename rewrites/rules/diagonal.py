"""A diagonal table: attending to a token adds more to its own logit than to any other, exceptions named.

Theorem.  For all k <= j and x != m: M[k,m] - M[k,x] >= o[m,j], the least such difference; and M[m,m] - M[m,x] >= g[m].

Proof.  A least number is at most each of them.

For M[t,x] = what attention to t adds to logit x, g is the margin of copying, and o says what the other tokens can do
against m at worst.  The largest and the second largest entry of each row give both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Any

from flint import fmpz_mat

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import floor_str
from ...engine.certificate import dyadic_matrix
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.formula import At, ForAll, Min, Num, Range, Var, Where
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Term, encoded
from ...models.statement import Statement
from .increasing import listed
from .known_matrices import KnownMatrices, Meanings
from .row_difference import multiplications


@dataclass(frozen=True)
class Diagonal(Claim):
    """For all x != m and k <= j: term[m,m] - term[m,x] >= own[m] and term[k,m] - term[k,x] >= others[m,j].

    ``own`` is V × 1, ``others`` V × V; ``meanings`` fixes what the term's names of advice stand for.
    """

    statement: Statement
    term: Term
    own: DyadicMatrix
    others: DyadicMatrix
    meanings: Meanings

    kind = "diagonal"

    @property
    def margins(self) -> tuple[Fraction, ...]:
        """g by row."""
        return tuple(row[0] for row in self.own.fractions())

    @property
    def exceptions(self) -> tuple[int, ...]:
        """The rows whose largest entry is not the diagonal one alone."""
        return tuple(t for t, margin in enumerate(self.margins) if margin <= 0)

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "term": encoded(self.term), "margins": dyadic_matrix(self.own)}

    def identity(self) -> str:
        margins = f"{tensor_digest(self.own)}:{tensor_digest(self.others)}"
        return f"{self.statement.sha256}:{self.term.key}:{margins}:{self.meanings}"

    def sentence(self) -> str:
        good = [margin for margin in self.margins if margin > 0]
        if not good:
            return f"In no row of ${self.term}$ the diagonal entry is the largest."
        if not self.exceptions:
            least = floor_str(min(good), 4)
            return f"In every row of ${self.term}$ the diagonal entry is the largest, by at least {least}."
        middle = sorted(good)[len(good) >> 1]
        return (
            f"In {len(good)} rows of ${self.term}$ the diagonal entry is the largest (by at least "
            f"{floor_str(middle, 4)} in half of them, {floor_str(min(good), 4)} in all); in the rows "
            f"{listed(self.exceptions)} it is not."
        )


_m, _j, _k, _x, _y = Var("m"), Var("j"), Var("k"), Var("x"), Var("y")
_tokens = Range(Num(0), Var("n"))


def _off(name: Var) -> Where:
    return Where(_tokens, name.differs(_m), name)


def _against(row: Var, output: Var) -> Any:
    return At("M", row, _m) - At("M", row, output)


DIAGONAL = Lemma(
    label="diagonal",
    title="What a row does for one output, at worst",
    given="For every $n \\times n$ table $M$ with $n \\ge 2$:",
    statement=ForAll(
        _m,
        _tokens,
        ForAll(
            _j,
            _tokens,
            ForAll(
                _k,
                Range(Num(0), _j + Num(1)),
                ForAll(
                    _x,
                    _off(_x),
                    _against(_k, _x)
                    >= Min(Var("i"), Range(Num(0), _j + Num(1)), Min(_y, _off(_y), _against(Var("i"), _y))),
                ),
            ),
        ),
    ),
    proof=(
        "A least number is at most each of them, and equal to one. With the row $m$ alone in place of the rows $k \\le "
        "j$ this is the margin of the diagonal entry."
    ),
    source="a least number is at most each of them",
)


class DiagonalRule(Rule):
    """From known matrices.  Advice: the term of a square table, which is multiplied out."""

    name = "diagonal"
    premises = (KnownMatrices,)
    lemmas = (DIAGONAL,)
    derivation = "[@diagonal] on the exact value."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Term) -> Diagonal:
        (known,) = premises
        rows, columns = advice.shape
        if rows != columns or rows < 2:
            raise NotEstablished(self.tag, f"{advice} is {rows} × {columns}, not square with two rows or more")
        table = advice.evaluate(known.values)
        each = _least(table.integers())
        own = fmpz_mat(rows, 1, [each[m][m] for m in range(rows)])
        others = fmpz_mat([list(accumulate(column, min)) for column in each])
        meanings = known.meanings(advice)
        exponent = table.exponent
        return Diagonal(known.statement, advice, DyadicMatrix(own, exponent), DyadicMatrix(others, exponent), meanings)

    def charge(self, premises: Sequence[Any], advice: Term) -> Cost:
        rows, columns = advice.shape
        return Cost(multiply=multiplications(advice), add=rows * columns, compare=3 * rows * columns)


def _least(table: list[list[int]]) -> list[list[int]]:
    """[m][k]: the least table[k][m] - table[k][x] over x != m."""
    tops = [sorted(row)[-2:] for row in table]
    return [
        [row[m] - (second if row[m] == first else first) for row, (second, first) in zip(table, tops, strict=True)]
        for m in range(len(table))
    ]
