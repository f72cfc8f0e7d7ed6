r"""Row differences of a product whose right factor's columns lie in an ellipsoid.

Theorem.  Let |S (b_i - z)|² <= R for every column b_i of B, and a = y S + e for a row a of A.  Then two entries of a B
differ by at most 2·sqrt(R)·|y| + Σ_k |e_k| d_k, where two entries of row k of B differ by at most d_k.

Proof.  a (b_i - b_j) = y (S (b_i - z) - S (b_j - z)) + e (b_i - b_j).  The first is at most |y| times a distance of two
points of a ball of radius sqrt(R); the second is bounded summand by summand.

With G = SᵀS the columns lie in the ellipsoid (b - z)ᵀ G (b - z) <= R, over which a linear form a varies by
2·sqrt(R a G⁻¹ aᵀ): that is |y| for y = a S⁻¹.  S, z and y are advice, any are sound, and no inverse is ever checked:
what y S misses of a is the exact rest e.  For the ball of rows (:mod:`.row_difference_spectral`) the bound grows with
the number of columns; here with the inner size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...engine.arithmetic.bounds import absolute, row_ranges, square_root_up
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Term
from .known_matrices import KnownMatrices
from .row_difference import RowDifference, multiplications
from .row_difference_product import PRODUCT

ROOT_BITS = 32

_i, _j, _k = Var("i"), Var("j"), Var("k")
_inner, _columns = Range(Num(0), Var("n")), Range(Num(0), Var("m"))
_y = At("y", _k, subscript=True)


def _square(expr: Any) -> Any:
    return expr.power(Num(2))


ELLIPSOID = Lemma(
    label="row-difference-ellipsoid",
    title="A linear form over columns in a ball",
    given=(
        "For every row $y$ with entries $y_k$, every $n \\times m$ matrix $U$ and every $R$, with squares on both "
        "sides:"
    ),
    statement=ForAll(_i, _columns, Total(_k, _inner, _square(At("U", _k, _i))) <= Var("R")).implies(
        ForAll(
            _i,
            _columns,
            ForAll(
                _j,
                _columns,
                _square(Total(_k, _inner, _y * (At("U", _k, _i) - At("U", _k, _j))))
                <= Num(4) * Var("R") * Total(_k, _inner, _square(_y)),
            ),
        )
    ),
    proof=(
        "By Cauchy-Schwarz the left side is at most $\\sum_k y_k^{2}$ times the square of the distance of two columns, "
        "and $(s - t)^{2} \\le 2 s^{2} + 2 t^{2}$ for their entries $s$ and $t$. With $U = S (B - z)$, $z$ a column "
        "that is "
        "taken from every column of $B$, the columns $b$ of $B$ lie in the ellipsoid $|S (b - z)|^{2} \\le R$. "
        "Equality holds for opposite columns along $y$."
    ),
    source="Cauchy-Schwarz in the ellipsoid's norm",
)


@dataclass(frozen=True)
class Ellipsoid:
    """Advice: the factors A (rows × d) and B (d × columns), and y (rows × e), S (e × d), z (d × 1) as terms."""

    left: Term
    right: Term
    coordinates: Term
    shape: Term
    centre: Term


class RowDifferenceEllipsoid(Rule):
    """From known matrices.  Advice: :class:`Ellipsoid`; the conclusion is about A B, with a bound for every row."""

    name = "row_difference_ellipsoid"
    premises = (KnownMatrices,)
    lemmas = (ELLIPSOID, PRODUCT)
    derivation = (
        "Put $E = A - y S$ and $U = S (B - z)$, so that a row of $A B$ has the differences of that row of $y U$ and of "
        "that of $E B$. The first are bounded by [@row-difference-ellipsoid] with the largest square of a length of a "
        "column of $U$, the root rounded up; the second by [@row-difference-product] with the exact ranges of the "
        "rows of $B$."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Ellipsoid) -> RowDifference:
        (known,) = premises
        parts = (advice.left, advice.right, advice.coordinates, advice.shape, advice.centre)
        a, b, y, s, z = (part.evaluate(known.values) for part in parts)
        (rows, inner), (height, columns) = a.shape, b.shape
        size = s.shape[0]
        if (height, y.shape, s.shape, z.shape) != (inner, (rows, size), (size, inner), (inner, 1)):
            raise NotEstablished(self.tag, f"the shapes {[m.shape for m in (a, b, y, s, z)]} do not fit")
        columns_in_ball = s @ (b - z @ DyadicMatrix.ones(1, columns))
        lengths, squares = _squared_rows(y), _squared_rows(columns_in_ball.T)
        radius = max(square for (square,) in squares.integers())
        unit = lengths.exponent + squares.exponent
        roots = [square_root_up(4 * radius * length, unit, ROOT_BITS) for (length,) in lengths.integers()]
        inside = DyadicMatrix.from_integers(rows, 1, [root for root, _ in roots], roots[0][1])
        bounds = inside + absolute(a - y @ s) @ row_ranges(b)
        term = advice.left @ advice.right
        return RowDifference(known.statement, term, bounds, known.meanings(term))

    def charge(self, premises: Sequence[Any], advice: Ellipsoid) -> Cost:
        (rows, inner), columns, size = advice.left.shape, advice.right.shape[1], advice.shape.shape[0]
        factors = multiplications(advice.left) + multiplications(advice.right)
        own = rows * inner * size + size * inner * columns + rows * size + size * columns + rows * inner
        return Cost(multiply=factors + own, add=own + rows * inner + inner * columns, compare=2 * inner * columns)


def _squared_rows(matrix: DyadicMatrix) -> DyadicMatrix:
    """The squares of the lengths of the rows (rows × 1)."""
    squares = [sum(entry * entry for entry in row) for row in matrix.integers()]
    return DyadicMatrix.from_integers(len(squares), 1, squares, 2 * matrix.exponent)
