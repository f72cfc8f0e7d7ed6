"""Singular values, and the best approximation of rank one, of matrices that are exact or enclosed, from directions.

Theorem (singular values).  Let A be m × n with m >= n, X any n × n matrix, S = Xᵀ AᵀA X, d_1 >= … >= d_n the entries of
its diagonal D, β >= ‖S - D‖_F and 1 > α >= ‖XᵀX - 1‖_F.  Then for every i

    (d_i - β)/(1 + α)  <=  σ_i(A)²  <=  (d_i + β)/(1 - α).

Proof.  The eigenvalues of XᵀX lie in [1 - α, 1 + α], so X is invertible, and by Ostrowski's theorem the i-th eigenvalue
of Xᵀ AᵀA X is a number in [1 - α, 1 + α] times the i-th of AᵀA, which is σ_i(A)² >= 0.  By Weyl's theorem it is within
‖S - D‖₂ <= β of d_i.

Theorem (uncertainty).  If |A - M| <= R entry by entry, the i-th singular values of A and M differ by at most ‖R‖_F.

Proof.  Weyl: singular values of A and M differ by at most ‖A - M‖₂ <= ‖A - M‖_F <= ‖R‖_F.

Theorem (rank one).  Let |A - M| <= R, e >= ‖R‖_F, f >= ‖M‖_F, l >= σ₂(A), let w be a nonzero row and r any number with
r > l².  Put G = AᵀA, t >= ‖MᵀM wᵀ - r wᵀ‖/‖w‖ + (2f + e) e and ε = t/(r - l²).  If ε < 1 then σ₁(A) > σ₂(A), so the
best approximation B of rank one in the Frobenius norm is unique, and with Q = wᵀw/(w wᵀ), entry by entry,

    |B[i,j] - (M Q)[i,j]| <= ε·(‖M[i]‖ + ‖R[i]‖) + ‖R[i]‖.

Proof.  Let v be a leading right singular vector of A, unit, and wᵀ/‖w‖ = c v + s z with a unit z orthogonal to v.
G - r keeps the line of v and its complement, on which the eigenvalues of G lie in [0, l²], so ‖(G - r) wᵀ‖/‖w‖ >=
|s|·‖(G - r) z‖ >= |s| (r - l²).  As ‖G - MᵀM‖ <= (2f + e) e, the left side is at most t, so |s| <= ε.  Also some
eigenvalue of G is within t of r, so at least r - t > l² if ε < 1, and then σ₁ > σ₂.  By Eckart-Young B = A P with
P = v vᵀ, and ‖P - Q‖₂ = |s| (projections onto two lines).  Hence |(A P - A Q)[i,j]| <= ‖A[i]‖ ε and
|(A Q - M Q)[i,j]| <= ‖A[i] - M[i]‖ <= ‖R[i]‖.

Source: Ostrowski; Weyl; Davis-Kahan with the residual; Eckart-Young.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .intervals import IntervalMatrix, root_above, root_below


class NotSeparated(Exception):
    """The largest singular value is not known to be simple."""


class BadDirections(Exception):
    """The directions are not nearly orthonormal, or not as many as the matrix has on its smaller side; or the matrix is
    not known to have the rank that comes with them."""


@dataclass(frozen=True)
class Spectrum:
    """Advice: n × n, in its columns nearly the right singular vectors of an m × n matrix, or of its transpose if m < n;
    with a ``rank`` also that the matrix has no larger one."""

    directions: IntervalMatrix
    rank: int | None = None


def tall(matrix: IntervalMatrix) -> IntervalMatrix:
    """The matrix, or its transpose if that has more rows."""
    return matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T


def frobenius_above(matrix: IntervalMatrix, bits: int) -> Fraction:
    """A fraction at least the Frobenius norm."""
    largest = (max(abs(low), abs(high)) for low, high in zip(matrix.lower, matrix.upper, strict=True))
    return root_above(sum(entry * entry for entry in largest) * matrix.scale**2, bits)


def sigma(matrix: IntervalMatrix, spectrum: Spectrum, bits: int) -> list[tuple[Fraction, Fraction]]:
    """Bounds of all singular values, largest first; as many as the smaller side is long.

    Raises :class:`BadDirections`.
    """
    middle, radius = matrix.midpoint_and_radius()
    slack, fine = frobenius_above(radius, bits), 2 * bits
    stretched, alpha = _stretched(middle, spectrum.directions), _skewness(spectrum.directions, fine)
    size = stretched.shape[0]
    diagonal = stretched.diagonal()
    off = [entry for place, entry in enumerate(stretched.lower) if place % (size + 1)]
    beta = frobenius_above(IntervalMatrix.exactly((1, len(off)), off, stretched.scale), fine)
    values = []
    for numerator in sorted(diagonal.lower, reverse=True):
        d = numerator * diagonal.scale
        low = root_below(max((d - beta) / Fraction(1 + alpha), Fraction(0)), bits) - slack
        values.append((max(low, Fraction(0)), root_above((d + beta) / Fraction(1 - alpha), bits) + slack))
    return values if spectrum.rank is None else _cut_off(matrix, spectrum.rank, values)


def _stretched(middle: IntervalMatrix, directions: IntervalMatrix) -> IntervalMatrix:
    """S, which is exact."""
    upright = tall(middle)
    if directions.shape != (upright.shape[1], upright.shape[1]):
        raise BadDirections
    image = upright @ directions
    return image.T @ image


def _skewness(directions: IntervalMatrix, bits: int) -> Fraction:
    """α."""
    size = directions.shape[0]
    one = IntervalMatrix.exactly((size, size), [int(i == j) for i in range(size) for j in range(size)], Fraction(1))
    alpha = frobenius_above(directions.T @ directions - one, bits)
    if alpha >= 1:
        raise BadDirections
    return alpha


def _cut_off(
    matrix: IntervalMatrix, rank: int, values: list[tuple[Fraction, Fraction]]
) -> list[tuple[Fraction, Fraction]]:
    """Zero beyond the rank."""
    if not matrix.exact or matrix.numerators().rank() > rank:
        raise BadDirections
    return values[:rank] + [(Fraction(0), Fraction(0))] * (len(values) - rank)


def leading_row(matrix: IntervalMatrix, directions: IntervalMatrix, bits: int) -> IntervalMatrix:
    """A row near the leading right singular vector: any nonzero row would do."""
    middle, _ = matrix.midpoint_and_radius()
    stretched = _stretched(middle, directions).diagonal().lower
    first = directions.T.row(stretched.index(max(stretched)))
    row = (first if matrix.shape[0] >= matrix.shape[1] else first @ middle).lower
    drop = max(max(abs(entry) for entry in row).bit_length() - 2 * bits, 0)
    return IntervalMatrix.exactly((1, len(row)), [entry >> drop for entry in row], Fraction(1))


def rank_one(matrix: IntervalMatrix, second: Fraction, w: IntervalMatrix, bits: int) -> IntervalMatrix:
    """The best approximation of rank one, enclosed; ``second`` is at least the second singular value (0 if there is
    none).  Raises :class:`NotSeparated`."""
    middle, radius = matrix.midpoint_and_radius()
    length = (w @ w.T).bounds()[0]
    if length == 0:
        raise NotSeparated
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
