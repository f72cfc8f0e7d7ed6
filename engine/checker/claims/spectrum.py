"""Singular values and the best approximation of rank one, from directions that a certificate gives (section 10.2).

A = M + R is m x n with n <= m, M exact, and X is any n x n matrix of real numbers. With G = M^T M and S = X^T G X:

Singular values. If |X^T X - 1| <= a < 1 then the eigenvalues of X^T X lie in [1 - a, 1 + a] and X is invertible.
Ostrowski: in descending order the i-th eigenvalue of S is that of G times a number between the least and the largest
eigenvalue of X^T X. Weyl: it is within b >= |S - diag S| of d_i, the i-th largest entry of the diagonal. None is
negative. So max(0, d_i - b) / (1 + a) <= sigma_i(M)^2 <= (d_i + b) / (1 - a), and sigma_i(A) is within |R| of
sigma_i(M) (Weyl). Frobenius norms bound spectral ones. The rank of A is known apart: sigma_i = 0 beyond it.

Rank one. Let v be a unit vector, r = |M v|^2, t >= |(A^T A - r) v| and l >= sigma_2(A), r > l^2. Some eigenvalue of
A^T A is within t of r; when t < r - l^2 it is above l^2, so it is the largest and simple. Write v = c u + s z for its
unit eigenvector u and a unit z across: A^T A - r maps both parts to orthogonal ones, so
t >= |s| |(A^T A - r) z| >= |s| (r - l^2). The projections along u and v differ by |s| <= e = t / (r - l^2) in spectral
norm. The best approximation is A u u^T, and row i of it differs from that of M v v^T by at most e |A[i]| + |R[i]|.
Here |(A^T A - M^T M) v| <= (2 |M| + |R|) |R|.
"""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from operator import mul

from ..errors import Code, Failure
from .functions import transposed
from .matrix import Arithmetic, Intervals, Row, Rows, between, number, root

HALF = Fraction(1, 2)


def dot(a: Row, b: Row) -> int:
    """The sum of the products."""
    return sum(map(mul, a, b))


def rank_up_to(rows: Rows, most: int, arithmetic: Arithmetic) -> int:
    """The rank, or ``most`` + 1 where it is larger: how often elimination without fractions finds a pivot.

    After k steps the entries are minors of k+1 rows and columns (Bareiss), so the divisions are exact; a remainder of
    zeros after k steps, with nonzero pivots, says that the rank is k.
    """
    left = [list(row) for row in rows]
    bits = max(max(map(int.bit_length, row)) for row in left)
    before = 1
    for step in range(most + 1):
        pivot = next(((i, j) for i, row in enumerate(left) for j, v in enumerate(row) if v), None)
        if pivot is None or step == most:
            return step + (pivot is not None)
        size = (step + 2) * (bits + 16)
        arithmetic.room(len(left) * len(left[0]), size)
        arithmetic.work(4 * len(left) * len(left[0]), size, size)
        i, j = pivot
        first = left.pop(i)
        value = first.pop(j)
        heads = [row.pop(j) for row in left]
        left = [
            [(value * v - head * w) // before for v, w in zip(row, first, strict=True)]
            for row, head in zip(left, heads, strict=True)
        ]
        before = value
    return most


class Spectrum:
    """What the directions of one matrix prove; ``index`` names them in refusals.

    ``directions`` are the rows of X in units of 2^(2 - 8 width). E297 when A is not exactly known or has a larger rank,
    E296 when X is too far from orthogonal.
    """

    def __init__(
        self, arithmetic: Arithmetic, value: Intervals, rank: int, width: int, directions: Rows, index: int
    ) -> None:
        self.arithmetic = arithmetic
        self.value = value
        self.rank = rank
        self.index = index
        self.precision = 2 * arithmetic.bits
        self._midpoints()
        height, breadth = self.value.shape
        self.wide = height < breadth
        self.size = min(height, breadth)
        self.columns = transposed(directions)
        arithmetic.room(2 * height * breadth, self.value.bits)
        if rank < self.size and not (value.exact and rank_up_to(value.lower, rank, arithmetic) <= rank):
            raise Failure(Code.E297, index=index, rank=rank)
        self._diagonal(Fraction(1, 1 << 8 * width - 2))

    def _midpoints(self) -> None:
        """M, the rows of R, and bounds of the Frobenius norms of both."""
        value = self.value
        if value.exact:
            self.middle, self.unit = value.lower, value.scale
            self.row_errors = [Fraction(0)] * len(value.lower)
            self.error = Fraction(0)
            return
        self.unit = value.scale * HALF
        self.arithmetic.room(2 * len(value.lower) * len(value.lower[0]), value.bits)
        pairs = [list(zip(*rows, strict=True)) for rows in zip(value.lower, value.upper, strict=True)]
        self.middle = tuple(tuple([low + high for low, high in row]) for row in pairs)
        self.row_errors = [self._norm(sum((high - low) ** 2 for low, high in row)) for row in pairs]
        self.error = self._up(root(sum((e * e for e in self.row_errors), Fraction(0)), self.precision)[1])

    def _up(self, value: Fraction) -> Fraction:
        """Not less, and not longer than the precision by much."""
        excess = value.numerator.bit_length() - value.denominator.bit_length() - self.precision
        unit = Fraction(2) ** excess
        return -(-value // unit) * unit

    def _norm(self, squares: int) -> Fraction:
        """From above, the root of a sum of squares in the unit of M."""
        return self._up(root(Fraction(squares), self.precision)[1]) * self.unit

    def _diagonal(self, step: Fraction) -> None:
        """The diagonal of X^T G X and bounds of what stands beside it, and of X^T X - 1."""
        arithmetic, columns, size = self.arithmetic, self.columns, self.size
        bits = max(max(map(int.bit_length, row)) for row in self.middle)
        own = max(max(map(int.bit_length, row)) for row in columns)
        longer = max(self.value.shape)
        images_bits = bits + own + size.bit_length()
        arithmetic.room(size * longer, images_bits)
        arithmetic.work(size * size * longer, bits, own)
        arithmetic.work(size * size * longer, images_bits, images_bits)
        arithmetic.work(size**3, own, own)
        rows = transposed(self.middle) if self.wide else self.middle
        self.images = [tuple([dot(row, column) for row in rows]) for column in columns]
        one = step.denominator**2
        beside = apart = 0
        self.squares: list[Fraction] = []
        unit = (self.unit * step) ** 2
        for i, (image, column) in enumerate(zip(self.images, columns, strict=True)):
            self.squares.append(dot(image, image) * unit)
            apart += (dot(column, column) - one) ** 2
            for other, right in zip(self.images[:i], columns, strict=False):
                beside += 2 * dot(image, other) ** 2
                apart += 2 * dot(column, right) ** 2
        norm = isqrt(apart)
        self.apart = (norm + (norm * norm < apart)) * step * step
        if self.apart >= 1:
            raise Failure(Code.E296, index=self.index)
        self.beside = self._up(root(Fraction(beside), self.precision)[1]) * unit
        self.order = sorted(range(size), key=lambda i: -self.squares[i])

    def sigma(self, i: int) -> Intervals:
        """The i-th largest singular value, i = 1, 2, ...; E292 beyond the smaller side."""
        if not 1 <= i <= self.size:
            raise Failure(Code.E292, what="the number of a singular value", expected=f"1 to {self.size}")
        if i > self.rank:
            return number(Fraction(0))
        low, high = self._bounds(i)
        return self.arithmetic.rounded(between(low, high))

    def _bounds(self, i: int) -> tuple[Fraction, Fraction]:
        if i > self.rank:
            return Fraction(0), Fraction(0)
        square = self.squares[self.order[i - 1]]
        bits = self.precision + square.numerator.bit_length()
        self.arithmetic.work(16, bits, bits)
        below = Fraction(max(Fraction(0), square - self.beside), 1 + self.apart)
        above = Fraction(square + self.beside, 1 - self.apart)
        low, high = root(below, self.precision)[0], root(above, self.precision)[1]
        return max(Fraction(0), low - self.error), high + self.error

    def rank_one(self) -> Intervals:
        """The best approximation of rank one; E298 when the two largest singular values are not told apart."""
        arithmetic, middle = self.arithmetic, self.middle
        leading = self.order[0]
        direction = self.images[leading] if self.wide else self.columns[leading]
        columns = transposed(middle)
        image = tuple([dot(row, direction) for row in middle])
        length, strength = dot(direction, direction), dot(image, image)
        if length == 0:
            raise Failure(Code.E298, index=self.index)
        back = [length * dot(column, image) - strength * w for column, w in zip(columns, direction, strict=True)]
        residual = root(Fraction(sum(v * v for v in back), length**3), self.precision)[1] * self.unit**2
        norm = self._norm(sum(dot(row, row) for row in middle))
        residual += (2 * norm + self.error) * self.error
        second = self._bounds(2)[1]
        gap = Fraction(strength, length) * self.unit**2 - second * second
        if gap <= residual:
            raise Failure(Code.E298, index=self.index)
        angle = self._up(Fraction(residual, gap))
        size = length.bit_length() + strength.bit_length()
        arithmetic.room(len(middle) * len(middle[0]), size + arithmetic.bits)
        arithmetic.work(8 * len(middle) * len(middle[0]), size + arithmetic.bits, size)
        factor = Fraction(self.unit, length * arithmetic.unit)
        lower: list[Row] = []
        upper: list[Row] = []
        for row, own, error in zip(middle, image, self.row_errors, strict=True):
            slack = Fraction(angle * (self._norm(dot(row, row)) + error) + error, arithmetic.unit)
            room = -(-slack.numerator // slack.denominator)
            centre = [own * w * factor.numerator for w in direction]
            lower.append(tuple([v // factor.denominator - room for v in centre]))
            upper.append(tuple([-(-v // factor.denominator) + room for v in centre]))
        return Intervals(tuple(lower), tuple(upper), arithmetic.unit)
