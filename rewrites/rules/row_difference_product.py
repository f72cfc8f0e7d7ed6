"""Row differences of a product from those of its right factor.

Theorem.  If two entries of row k of B differ by at most d_k, then two entries of row r of A B differ by at most
Σ_k |A[r,k]| d_k; and, for every row vector a such that two entries of a B differ by at most e, by at most
e + Σ_k |A[r,k] - a[k]| d_k.

Proof.  (AB)[r,i] - (AB)[r,j] = Σ_k A[r,k] (B[k,i] - B[k,j]), and each difference is at most d_k in size.  For the
second, write A[r,k] = a[k] + (A[r,k] - a[k]); the first part gives a difference of two entries of a B.  (Any a is
sound; the mean row is a good one.)

Source: arXiv 2406.11779 (max row diff of a product; mean + max diff).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.arithmetic.bounds import absolute
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Term
from .known_matrices import KnownMatrices
from .row_difference import RowDifference, multiplications, require_agreement

_i, _j, _k = Var("i"), Var("j"), Var("k")
_inner, _columns = Range(Num(0), Var("n")), Range(Num(0), Var("m"))


def _difference(row: str) -> Total:
    return Total(_k, _inner, At(row, _k) * (At("B", _k, _i) - At("B", _k, _j)))


_small_rows = ForAll(
    _k,
    _inner,
    ForAll(_i, _columns, ForAll(_j, _columns, At("B", _k, _i) - At("B", _k, _j) <= At("d", _k, subscript=True))),
)

PRODUCT = Lemma(
    label="row-difference-product",
    title="Row differences of a product",
    given="For every row vector $A$ and every matrix $B$ whose row $k$ has differences of at most $d_k$:",
    statement=_small_rows.implies(
        ForAll(
            _i,
            _columns,
            ForAll(
                _j,
                _columns,
                _difference("A") <= Total(_k, _inner, Absolute(At("A", _k)) * At("d", _k, subscript=True)),
            ),
        )
    ),
    proof=(
        "Each summand $A(k)\\,(B(k,i) - B(k,j))$ is at most $|A(k)|\\,d_k$, since the difference is at most $d_k$ "
        "and, with $i$ and $j$ exchanged, at least $-d_k$."
    ),
    source="arXiv 2406.11779 (max row diff of a product)",
)

MEAN = Lemma(
    label="row-difference-mean",
    title="Row differences of a product, a common row split off",
    given=(
        "For all row vectors $A$ and $a$ and every matrix $B$ whose row $k$ has differences of at most $d_k$, where "
        "$aB$ has differences of at most $e$:"
    ),
    statement=(_small_rows & ForAll(_i, _columns, ForAll(_j, _columns, _difference("a") <= Var("e")))).implies(
        ForAll(
            _i,
            _columns,
            ForAll(
                _j,
                _columns,
                _difference("A")
                <= Var("e") + Total(_k, _inner, Absolute(At("A", _k) - At("a", _k)) * At("d", _k, subscript=True)),
            ),
        )
    ),
    proof="$A = a + (A - a)$; the first part is bounded by $e$, the second by [@row-difference-product].",
    source="arXiv 2406.11779 (mean + max diff)",
)


class RowDifferenceProduct(Rule):
    """From known matrices and a bound for B.  Advice: A; the conclusion is about A B."""

    name = "row_difference_product"
    premises = (KnownMatrices, RowDifference)
    lemmas = (PRODUCT,)
    derivation = "[@row-difference-product] for every row."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Term) -> RowDifference:
        known, right = premises
        require_agreement(self, known, right)
        term = advice @ right.term
        bounds = absolute(advice.evaluate(known.values)) @ right.bounds
        return RowDifference(known.statement, term, bounds, known.meanings(term))

    def charge(self, premises: Sequence[Any], advice: Term) -> Cost:
        rows, inner = advice.shape
        return Cost(multiply=multiplications(advice) + rows * inner, add=rows * inner)


class RowDifferenceMean(Rule):
    """From known matrices, a bound for B and one for a B.  Advice: (A, a)."""

    name = "row_difference_mean"
    premises = (KnownMatrices, RowDifference, RowDifference)
    lemmas = (PRODUCT, MEAN)
    derivation = "[@row-difference-mean], which rests on [@row-difference-product], for every row."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: tuple[Term, Term]) -> RowDifference:
        known, right, common = premises
        for bound in (right, common):
            require_agreement(self, known, bound)
        left, row = advice
        if common.term != row @ right.term:
            raise NotEstablished(self.tag, f"the second bound is about {common.term}, not about {row @ right.term}")
        ones = DyadicMatrix.ones(left.shape[0], 1)
        rest = left.evaluate(known.values) - ones @ row.evaluate(known.values)
        bounds = ones @ common.bounds + absolute(rest) @ right.bounds
        term = left @ right.term
        return RowDifference(known.statement, term, bounds, known.meanings(term))

    def charge(self, premises: Sequence[Any], advice: tuple[Term, Term]) -> Cost:
        rows, inner = advice[0].shape
        return Cost(multiply=multiplications(advice[0]) + rows * inner, add=2 * rows * inner)
