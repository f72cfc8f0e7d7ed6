"""Singular values, and the best approximation of rank one, of matrices that are exact or enclosed.

Theorem (singular values).  If |A - M| <= R entry by entry, the i-th singular values of A and M differ by at most ‖R‖_F.

Proof.  Weyl: singular values of A and M differ by at most ‖A - M‖₂ <= ‖A - M‖_F <= ‖R‖_F.

Theorem (rank one).  Let |A - M| <= R, e >= ‖R‖_F, f >= ‖M‖_F, l >= σ₂(A), let w be a nonzero row and r any number with
r > l².  Put G = AᵀA, t >= ‖MᵀM wᵀ - r wᵀ‖/‖w‖ + (2f + e) e and ε = t/(r - l²).  If ε < 1 then σ₁(A) > σ₂(A), so the
best approximation B of rank one in the Frobenius norm is unique, and with Q = wᵀw/(w wᵀ), entry by entry,

    |B[i,j] - (M Q)[i,j]| <= ε·(‖M[i]‖ + ‖R[i]‖) + ‖R[i]‖.

Proof.  Let v be a leading right singular vector of A, unit, and wᵀ/‖w‖ = c v + s z with a unit z orthogonal to v.
G - r keeps the line of v and its complement, on which the eigenvalues of G lie in [0, l²], so ‖(G - r) wᵀ‖/‖w‖ >=
|s|·‖(G - r) z‖ >= |s| (r - l²).  As ‖G - MᵀM‖ <= (2f + e) e, the left side is at most t, so |s| <= ε.  If ε < 1 then
w wᵀ-quotient of G is at least r - t > l², so σ₁ > σ₂.  By Eckart-Young B = A P with P = v vᵀ, and ‖P - Q‖₂ = |s|
(projections onto two lines).  Hence |(A P - A Q)[i,j]| <= ‖A[i]‖ ε and |(A Q - M Q)[i,j]| <= ‖A[i] - M[i]‖ <= ‖R[i]‖.

Source: Weyl; Davis-Kahan with the residual; Eckart-Young.
"""

from __future__ import annotations

from fractions import Fraction

from flint import fmpz_mat

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.spectral import singular_values
from .intervals import IntervalMatrix, root_above

# Squarings of the Gram matrix: the leading direction stands out by the factor (σ₁/σ₂)^(2^SQUARINGS).
SQUARINGS = 40
GUARD = 32


class NotSeparated(Exception):
    """The largest singular value is not known to be simple."""


def frobenius_above(matrix: IntervalMatrix, bits: int) -> Fraction:
    """A fraction at least the Frobenius norm."""
    largest = (max(abs(low), abs(high)) for low, high in zip(matrix.lower, matrix.upper, strict=True))
    return root_above(sum(entry * entry for entry in largest) * matrix.scale**2, bits)


def sigma(matrix: IntervalMatrix, bits: int) -> list[tuple[Fraction, Fraction]]:
    """Bounds of all singular values, largest first; as many as the smaller side is long."""
    middle, radius = matrix.midpoint_and_radius()
    slack = frobenius_above(radius, bits)
    values = singular_values(DyadicMatrix(middle.numerators(), 0), bits)
    return [(max(low * middle.scale - slack, Fraction(0)), high * middle.scale + slack) for low, high in values]


def rank_one(matrix: IntervalMatrix, second: Fraction, bits: int) -> IntervalMatrix:
    """The best approximation of rank one, enclosed; ``second`` is at least the second singular value (0 if there is
    none).  Raises :class:`NotSeparated`."""
    middle, radius = matrix.midpoint_and_radius()
    w = _leading_row(middle, bits)
    length = (w @ w.T).bounds()[0]
    image = (middle @ w.T).T @ middle
    quotient = (image @ w.T).bounds()[0] / Fraction(length)
    residual = image - w * IntervalMatrix.number(quotient)
    e, f = frobenius_above(radius, bits), frobenius_above(middle, bits)
    t = root_above((residual @ residual.T).bounds()[0] / Fraction(length), 2 * bits) + (2 * f + e) * e
    gap = quotient - second**2
    if gap <= t:
        raise NotSeparated
    epsilon = t / Fraction(gap)
    projected = (middle @ w.T) @ w * IntervalMatrix.number(Fraction(1) / length)
    reach = []
    for i in range(matrix.shape[0]):
        row, error = frobenius_above(middle.row(i), bits), frobenius_above(radius.row(i), bits)
        reach.append((-epsilon * (row + error) - error, epsilon * (row + error) + error))
    return (projected + IntervalMatrix.column(reach)).coarsened(bits)


def _leading_row(middle: IntervalMatrix, bits: int) -> IntervalMatrix:
    """A row near the leading right singular vector: advice, any nonzero row would do.

    The Gram matrix is squared and rounded again and again; what is left of it has nearly rank one.
    """
    numerators = middle.numerators()
    power = _rounded(numerators.transpose() * numerators, 2 * bits + GUARD)
    for _ in range(SQUARINGS):
        power = _rounded(power * power, 2 * bits + GUARD)
    rows = power.tolist()
    heaviest = max(range(len(rows)), key=lambda i: int(rows[i][i]))
    row = [int(entry) for entry in rows[heaviest]]
    return IntervalMatrix.exactly((1, len(row)), row if any(row) else [1] * len(row), Fraction(1))


def _rounded(matrix: fmpz_mat, bits: int) -> fmpz_mat:
    drop = max(abs(int(entry)) for entry in matrix.entries()).bit_length() - bits
    if drop <= 0:
        return matrix
    return fmpz_mat(matrix.nrows(), matrix.ncols(), [int(entry) >> drop for entry in matrix.entries()])
