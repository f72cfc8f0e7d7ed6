r"""Row differences from spectral norms and from lengths of rows, for products that are never multiplied out.

Theorem.  Two entries of row r of M differ by at most sqrt(2)·‖row r of M‖, and that by at most sqrt(2)·‖M‖₂.

Proof.  The difference is the row times e_i - e_j, a vector of length at most sqrt(2); the row is e_r^T M.

For M = A B with a small inner dimension both bounds come from the small matrices A^T A and B B^T: the square of row
r's length is row r of A times B B^T times the same row, exactly, and ‖M‖₂² is bounded by power traces
(:mod:`...engine.arithmetic.spectral`).  The second is the published bound, one number for all rows; the first costs
less and is never larger.

Source: arXiv 2406.11779 (svd).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import matmul
from typing import Any

from ...engine.arithmetic.bounds import square_root_up
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.spectral import (
    chain,
    power_multiplications,
    row_length_multiplications,
    squared_norm_up,
    squared_row_lengths,
)
from ...engine.cost import Cost
from ...engine.formula import Absolute, At, Expr, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, Rule
from ...engine.term import Term
from .known_matrices import KnownMatrices
from .row_difference import RowDifference, multiplications

ROOT_BITS = 32
# The spectral norm's bound is 2^-25 above it: the root halves what the square's has.
NORM_BITS = 24

_i, _j, _c = Var("i"), Var("j"), Var("c")
_rows, _columns = Range(Num(0), Var("n")), Range(Num(0), Var("m"))


def _v(index: Var) -> At:
    return At("v", index, subscript=True)


def _square(expr: Expr) -> Expr:
    return expr.power(Num(2))


def _form(name: str) -> Total:
    return Total(_i, _rows, Total(_j, _rows, _v(_i) * At(name, _i, _j) * _v(_j)))


_v_squared = Total(_i, _rows, _square(_v(_i)))

LENGTH = Lemma(
    label="row-difference-length",
    title="Row differences from the length of the row",
    given="For every row vector $M$ with $m$ entries, with squares on both sides:",
    statement=ForAll(
        _i,
        _columns,
        ForAll(
            _j,
            _columns,
            _square(At("M", _i) - At("M", _j)) <= Num(2) * Total(_c, _columns, _square(At("M", _c))),
        ),
    ),
    proof=(
        "For $i = j$ the left side is zero. Otherwise $(x - y)^{2} \\le 2 x^{2} + 2 y^{2}$, with $x$ and $y$ the two "
        "entries, and both squares occur in "
        "the sum. Equality holds for the row $(1, -1)$."
    ),
    source="arXiv 2406.11779 (svd)",
)

POWER = Lemma(
    label="power-step",
    title="The form of the square of a matrix",
    given="For every $n \\times n$ matrix $X$ and every vector $v$ with entries $v_i$:",
    statement=_square(_form("X")) <= _v_squared * Total(_i, _rows, _square(Total(_j, _rows, At("X", _i, _j) * _v(_j)))),
    proof=(
        "Cauchy-Schwarz for $v$ and $X v$. For a symmetric $X$ the last sum is $v^{\\top} X^{2} v$. Equality holds "
        "for eigenvectors."
    ),
    source="Cauchy-Schwarz",
)

ROUNDING = Lemma(
    label="rounding-up",
    title="A form rounded up",
    given="For all $n \\times n$ matrices $X$ and $Y$, every vector $v$ with entries $v_i$, and every $u$:",
    statement=ForAll(_i, _rows, ForAll(_j, _rows, Absolute(At("X", _i, _j) - At("Y", _i, _j)) <= Var("u"))).implies(
        _form("X") <= Var("n") * Var("u") * _v_squared + _form("Y")
    ),
    proof=(
        "The form of $X - Y$ is at most $u \\left(\\sum_i |v_i|\\right)^{2}$, and by Cauchy-Schwarz the square is at "
        "most $n \\sum_i v_i^{2}$. So $Y$ with $n u$ added to its diagonal has the larger form."
    ),
    source="mechproof",
)

TRACE = Lemma(
    label="form-at-most-trace",
    title="A form is at most its trace",
    given="For every $n \\times m$ matrix $W$ and every vector $v$ with entries $v_i$:",
    statement=Total(_c, _columns, _square(Total(_i, _rows, _v(_i) * At("W", _i, _c))))
    <= _v_squared * Total(_i, _rows, Total(_c, _columns, _square(At("W", _i, _c)))),
    proof=(
        "Cauchy-Schwarz for $v$ and each column of $W$. The left side is the form of $X = W W^{\\top}$, and the double "
        "sum is the trace of $X$."
    ),
    source="Cauchy-Schwarz",
)


class RowDifferenceSpectral(Rule):
    """From known matrices.  Advice: the factors M_1, …, M_n as terms; the conclusion is about their product from the
    left, with one bound for all rows."""

    name = "row_difference_spectral"
    premises = (KnownMatrices,)
    lemmas = (LENGTH, POWER, ROUNDING, TRACE)
    derivation = (
        "Cut the product where it is narrowest, $M = A B$ with factors $A$ and $B$, and put $G = A^{\\top} A$, $H_0 = "
        "B B^{\\top}$ and "
        "$X_j = A H_j A^{\\top}$, so that the square of the length of row $r$ of $M$ is the form of $X_0$ at the "
        "$r$-th unit vector $v$. The square of $X_j$ is $A H_j G H_j A^{\\top}$, and $H_{j+1}$ is $H_j G H_j$ rounded "
        "to a short grid and raised by [@rounding-up]; so by [@power-step] the square of the form of $X_j$ at $v$ is "
        "at most the form of $X_{j+1}$ at $v$. The last form is at most the trace of the last $X_j$ by "
        "[@form-at-most-trace], and that trace is the trace of $G H_j$. As many square roots, each rounded up, give a "
        "bound for the square of the length of every row, which [@row-difference-length] turns into one for "
        "differences."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> RowDifference:
        (known,) = premises
        product = reduce(matmul, advice)
        square, unit = squared_norm_up([factor.evaluate(known.values) for factor in advice], NORM_BITS)
        root, unit = square_root_up(2 * square, unit, ROOT_BITS)
        rows = product.shape[0]
        bounds = DyadicMatrix.from_integers(rows, 1, [root] * rows, unit)
        return RowDifference(known.statement, product, bounds, known.meanings(product))

    def charge(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> Cost:
        return Cost(multiply=power_multiplications(chain(advice), NORM_BITS) + sum(map(multiplications, advice)))


class RowDifferenceLength(Rule):
    """From known matrices.  Advice: the factors M_1, …, M_n as terms; the conclusion is about their product from the
    left, with a bound for every row."""

    name = "row_difference_length"
    premises = (KnownMatrices,)
    lemmas = (LENGTH,)
    derivation = (
        "Cut the product where it is narrowest, $M = A B$ with factors $A$ and $B$: the square of the length of row "
        "$r$ of $M$ is $a B "
        "B^{\\top} a^{\\top}$ for row $a$ of $A$. [@row-difference-length], the root rounded up."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> RowDifference:
        (known,) = premises
        product = reduce(matmul, advice)
        squares = squared_row_lengths([factor.evaluate(known.values) for factor in advice])
        roots = [square_root_up(2 * square, squares.exponent, ROOT_BITS) for (square,) in squares.integers()]
        bounds = DyadicMatrix.from_integers(len(roots), 1, [root for root, _ in roots], roots[0][1])
        return RowDifference(known.statement, product, bounds, known.meanings(product))

    def charge(self, premises: Sequence[Any], advice: tuple[Term, ...]) -> Cost:
        return Cost(multiply=row_length_multiplications(chain(advice)) + sum(map(multiplications, advice)))
