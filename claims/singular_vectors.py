"""Singular vectors of matrices that are exact or enclosed, from directions.

Theorem.  Let A be m × n with m >= n, |A - M| <= R, e >= ‖R‖_F, f >= ‖M‖_F, w a nonzero column, r = wᵀMᵀM w / wᵀw,
t >= ‖MᵀM w - r w‖/‖w‖ + (2f + e) e, and let all squared singular values of A but the i-th lie at least g > t from r.
Then there is a unit right singular vector v of σ_i(A), and only ±v, with ‖w/‖w‖ - v‖ <= (3/2) t/g for one of the signs.

Proof.  Put G = AᵀA; ‖(G - r) w‖/‖w‖ <= t since ‖G - MᵀM‖ <= (2f + e) e.  Some eigenvalue of G is within t of r, so it
is σ_i², which is then at most t < g away, and simple.  Write w/‖w‖ = c v + s z with a unit z orthogonal to v and, for
one of the signs of v, c >= 0.  G - r keeps the line of v and its complement, on which its eigenvalues are at least g in
size: g |s| <= ‖(G - r) w‖/‖w‖ <= t.  So |s| <= ε = t/g < 1, and ‖w/‖w‖ - v‖² = 2 - 2c <= 2 - 2 sqrt(1 - ε²) <= 2 ε².

Columns for which no such g is known are known to have entries in [-1, 1], and nothing else.  The sign is the one with
which the entry largest in size is positive; where that is not known the column holds both.

Source: Davis-Kahan with the residual.
"""

from __future__ import annotations

from fractions import Fraction

from .intervals import IntervalMatrix, NotPositive, root_above
from .singular import frobenius_above, tall

Ends = tuple[Fraction, Fraction]


def right(matrix: IntervalMatrix, sigmas: IntervalMatrix, directions: IntervalMatrix, bits: int) -> IntervalMatrix:
    """The right singular vectors in columns; ``sigmas``: enclosures of the singular values, the largest first."""
    upright = tall(matrix)
    columns = _short(upright, sigmas, directions, bits)
    if upright is not matrix:
        columns = [_image(matrix.T, column, sigmas.bounds(i), bits) for i, column in enumerate(columns)]
    return _joined([_signed(column) for column in columns], matrix.shape[1])


def images(matrix: IntervalMatrix, vectors: IntervalMatrix, sigmas: IntervalMatrix, bits: int) -> IntervalMatrix:
    """The left singular vectors, A v / σ, in columns."""
    rows = range(vectors.shape[0])
    columns = [vectors.block(rows, range(i, i + 1)) for i in range(vectors.shape[1])]
    found = [_image(matrix, column, sigmas.bounds(i), bits) for i, column in enumerate(columns)]
    return _joined(found, matrix.shape[0])


def _short(
    upright: IntervalMatrix, sigmas: IntervalMatrix, directions: IntervalMatrix, bits: int
) -> list[IntervalMatrix]:
    """Right singular vectors of a matrix with no more columns than rows."""
    middle, radius = upright.midpoint_and_radius()
    e, f = frobenius_above(radius, bits), frobenius_above(middle, bits)
    slack, size, fine = (2 * f + e) * e, directions.shape[0], 2 * bits
    squares = [tuple(end * end for end in sigmas.bounds(i)) for i in range(size)]
    image = middle @ directions
    back = middle.T @ image
    strength = (image.T @ image).diagonal()
    lengths = (directions.T @ directions).diagonal()
    quotients = [
        strength.bounds(i)[0] / Fraction(length) if (length := lengths.bounds(i)[0]) else Fraction(-1)
        for i in range(size)
    ]
    found = []
    for place, i in enumerate(sorted(range(size), key=lambda i: -quotients[i])):
        r = quotients[i]
        if r < 0:
            found.append(_unknown(size))
            continue
        rows, at = range(size), range(i, i + 1)
        w = directions.block(rows, at)
        residual = back.block(rows, at) - w * IntervalMatrix.number(r)
        length = lengths.bounds(i)[0]
        t = root_above((residual.T @ residual).bounds()[0] / Fraction(length), fine) + slack
        others = [ends for j, ends in enumerate(squares) if j != place]
        gap = min((max(low - r, r - high) for low, high in others), default=t + 1)
        if gap <= t:
            found.append(_unknown(size))
            continue
        reach = Fraction(3, 2) * t / Fraction(gap)
        norm = IntervalMatrix.number(length).sqrt(fine)
        unit = w.over(norm, fine)
        found.append((unit + IntervalMatrix.interval(-reach, reach)).coarsened(bits))
    return found


def _unknown(size: int) -> IntervalMatrix:
    return IntervalMatrix.between((size, 1), [-1] * size, [1] * size, Fraction(1))


def _image(matrix: IntervalMatrix, column: IntervalMatrix, sigma: Ends, bits: int) -> IntervalMatrix:
    try:
        return (matrix @ column).over(IntervalMatrix.interval(*sigma), bits).coarsened(bits)
    except NotPositive:
        return _unknown(matrix.shape[0])


def _signed(column: IntervalMatrix) -> IntervalMatrix:
    """With its largest entry positive, or of both signs where that is not known."""
    sizes = column.abs()
    least = max(sizes.lower)
    largest = [place for place, high in enumerate(sizes.upper) if high >= least]
    signs = {column.signs[place] for place in largest}
    if signs == {1}:
        return column
    if signs == {-1}:
        return -column
    reach = sizes.upper
    return IntervalMatrix.between(column.shape, [-high for high in reach], reach, column.scale)


def _joined(columns: list[IntervalMatrix], size: int) -> IntervalMatrix:
    """A matrix of these columns."""
    ends = [[column.bounds(j) for j in range(size)] for column in columns]
    flat = IntervalMatrix.column([ends[i][j] for j in range(size) for i in range(len(columns))])
    return IntervalMatrix((size, len(columns)), flat.lower, flat.upper, flat.scale)
