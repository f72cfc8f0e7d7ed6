"""Row differences: how far two entries of one row of a matrix can lie apart.

Attention looks only at differences of scores within a row, and a logit gap only at differences of logits; so the
largest difference within a row is the right size of an error term ("noise").  This module has the claim, the exact
rule, and what transports it along an equation; the bounds that need not multiply everything out are in the modules
row_difference_*.

Source: arXiv 2406.11779.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.bounds import row_ranges
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.printing import ceil_str
from ...engine.certificate import dyadic_matrix
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.equality import Equal
from ...engine.formula import At, ForAll, Max, Min, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Equation, Named, Product, Term, encoded
from ...models.statement import Statement
from .known_matrices import KnownMatrices, Meanings


@dataclass(frozen=True)
class RowDifference(Claim):
    """For every row r and all columns i, j: term[r,i] - term[r,j] <= bounds[r] (``bounds`` is rows × 1).

    ``meanings`` fixes what the term's names of advice stand for.
    """

    statement: Statement
    term: Term
    bounds: DyadicMatrix
    meanings: Meanings

    kind = "row_difference"

    @property
    def largest(self) -> Fraction:
        """The bound that holds for every row."""
        return max(row[0] for row in self.bounds.fractions())

    @property
    def looseness(self) -> Fraction:
        """The sum of the rows' bounds."""
        return sum((row[0] for row in self.bounds.fractions()), Fraction())

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "term": encoded(self.term), "bounds": dyadic_matrix(self.bounds)}

    def identity(self) -> str:
        return f"{self.statement.sha256}:{self.term.key}:{tensor_digest(self.bounds)}:{self.meanings}"

    def sentence(self) -> str:
        return f"Two entries of one row of ${self.term}$ differ by at most {ceil_str(self.largest, 6)}."


_r, _i, _j = Var("r"), Var("i"), Var("j")
_columns = Range(Num(0), Var("m"))
_rows = Range(Num(0), Var("n"))

RANGE = Lemma(
    label="row-range",
    title="The largest difference within a row",
    given="For every matrix $M$ with $n$ rows and $m \\ge 1$ columns, every row $r$ and all columns $i$, $j$:",
    statement=ForAll(
        _r,
        _rows,
        ForAll(
            _i,
            _columns,
            ForAll(
                _j,
                _columns,
                At("M", _r, _i) - At("M", _r, _j)
                <= Max(Var("k"), _columns, At("M", _r, Var("k"))) - Min(Var("k"), _columns, At("M", _r, Var("k"))),
            ),
        ),
    ),
    proof="Any entry is at most the largest of its row and at least the least. Equality holds for some $i$, $j$.",
    source="arXiv 2406.11779",
)


def require_agreement(rule: Rule, known: KnownMatrices, bound: RowDifference) -> None:
    """Raise NotEstablished unless the bound is about the known network and the known values of its names."""
    if not known.agrees(bound.statement, bound.meanings):
        raise NotEstablished(rule.tag, f"the bound for {bound.term} is about other matrices than the known ones")


def multiplications(term: Term) -> int:
    """Scalar multiplications that evaluating a term takes, equal subterms once."""
    seen: set[str] = set()

    def count(part: Term) -> int:
        if part.key in seen:
            return 0
        seen.add(part.key)
        below = (part.body,) if isinstance(part, Named) else part.parts()
        own = part.shape[0] * part.left.shape[1] * part.shape[1] if isinstance(part, Product) else 0
        return own + sum(count(inner) for inner in below)

    return count(term)


class RowDifferenceExact(Rule):
    """From known matrices.  Advice: the term; it is multiplied out."""

    name = "row_difference_exact"
    premises = (KnownMatrices,)
    lemmas = (RANGE,)
    derivation = "[@row-range] on the exact value."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Term) -> RowDifference:
        (known,) = premises
        bounds = row_ranges(advice.evaluate(known.values))
        return RowDifference(known.statement, advice, bounds, known.meanings(advice))

    def charge(self, premises: Sequence[Any], advice: Term) -> Cost:
        rows, columns = advice.shape
        return Cost(multiply=multiplications(advice), compare=2 * rows * columns)


class RowDifferenceAlong(Rule):
    """A bound for one term holds for every term that equals it.  No advice.

    The equation must hold for all matrices (by expansion): one that rests on a fact about some network does not carry
    bounds.
    """

    name = "row_difference_along"
    premises = (RowDifference, Equal)
    lemmas = ()
    derivation = "The two terms are equal."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> RowDifference:
        bound, equal = premises
        if bound.term != equal.left:
            raise NotEstablished(self.tag, f"the bound is about {bound.term}, the equation about {equal.left}")
        if not Equation("along", equal.left, equal.right).holds():
            raise NotEstablished(self.tag, f"{equal.sentence()} does not hold for all matrices")
        return RowDifference(bound.statement, equal.right, bound.bounds, bound.meanings)
