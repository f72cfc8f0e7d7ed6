"""Row differences from Frobenius norms: the cheapest bound, and the loosest.

Theorem.  For M = M_1 … M_n, two entries of one row of M differ by at most sqrt(2)·‖M_1‖_F … ‖M_n‖_F.

Proof.  The difference is the row times e_i - e_j, a vector of length at most sqrt(2); a row is no longer than the
matrix's Frobenius norm, which is submultiplicative (Cauchy-Schwarz).  The square root is taken of the exact product
of squared norms and rounded up.

Source: arXiv 2406.11779 (Frobenius fallback).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.arithmetic.bounds import square_root_up, squared_norm
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, Rule
from ...engine.term import Term
from .known_matrices import KnownMatrices
from .row_difference import RowDifference, multiplications

ROOT_BITS = 32

_i, _j, _k, _c = Var("i"), Var("j"), Var("k"), Var("c")
_inner, _columns = Range(Num(0), Var("n")), Range(Num(0), Var("m"))
_gap = Total(_k, _inner, At("A", _k) * (At("B", _k, _i) - At("B", _k, _j)))
_a = Total(_k, _inner, At("A", _k) * At("A", _k))
_b = Total(_k, _inner, Total(_c, _columns, At("B", _k, _c) * At("B", _k, _c)))

FROBENIUS = Lemma(
    label="row-difference-frobenius",
    title="Row differences from Frobenius norms",
    given="For every row vector $A$ and every matrix $B$, with squares on both sides:",
    statement=ForAll(_i, _columns, ForAll(_j, _columns, _gap * _gap <= Num(2) * _a * _b)),
    proof=(
        "By Cauchy-Schwarz the left side is at most $\\sum_k A(k)^{2}$ times $\\sum_k (B(k,i) - B(k,j))^{2}$, and "
        "$(x - y)^{2} \\le 2 x^{2} + 2 y^{2}$, whose sum over $k$ is at most twice the sum of all squares of $B$ "
        "when $i \\ne j$; for $i = j$ the left "
        "side is zero. For more factors, $\\|A M\\|_F \\le \\|A\\|_F \\|M\\|_F$ by the same inequality."
    ),
    source="arXiv 2406.11779 (Frobenius fallback)",
)


class RowDifferenceNorm(Rule):
    """From known matrices.  Advice: the factors M_1, …, M_n as terms; the conclusion is about their product from the
    left."""

    name = "row_difference_norm"
    premises = (KnownMatrices,)
    lemmas = (FROBENIUS,)
    derivation = "[@row-difference-frobenius], the root rounded up."
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> RowDifference:
        (known,) = premises
        numerator, exponent = 2, 0
        product = advice[0]
        for position, factor in enumerate(advice):
            product = product @ factor if position else factor
            square = squared_norm(factor.evaluate(known.values))
            numerator, exponent = numerator * square[0], exponent + square[1]
        root, unit = square_root_up(numerator, exponent, ROOT_BITS)
        rows = product.shape[0]
        bounds = DyadicMatrix.from_integers(rows, 1, [root] * rows, unit)
        return RowDifference(known.statement, product, bounds, known.meanings(product))

    def charge(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> Cost:
        sizes = sum(factor.shape[0] * factor.shape[1] for factor in advice)
        return Cost(multiply=sizes + sum(multiplications(factor) for factor in advice), add=sizes)
