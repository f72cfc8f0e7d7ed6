"""Directions to many bits: how nearly orthonormal they are, and how little a matrix couples them."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from flint import fmpz_mat

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.rewrites.advice.principal_directions import principal_directions

BITS = 96


def quality(matrix: DyadicMatrix) -> tuple[Fraction, Fraction]:
    """Squares of ‖XᵀX - 1‖_F, and of what is off the diagonal of (M X)ᵀ(M X) over the square of its largest entry."""
    x = principal_directions(matrix, BITS)
    size = matrix.shape[1]
    assert x.shape == (size, size) and x.exponent == -BITS
    image = matrix @ x
    skew = (x.T @ x).fractions()
    stretched = (image.T @ image).fractions()
    alpha = sum((skew[i][j] - (i == j)) ** 2 for i in range(size) for j in range(size))
    beta = sum(stretched[i][j] ** 2 for i in range(size) for j in range(size) if i != j)
    largest = max(stretched[i][i] for i in range(size))
    return Fraction(alpha), Fraction(beta, 1) / largest**2 if largest else Fraction(beta)


def of(rows: list[list[int]]) -> DyadicMatrix:
    return DyadicMatrix(fmpz_mat(rows), 0)


def product(*factors: list[list[int]]) -> DyadicMatrix:
    found = of(factors[0])
    for factor in factors[1:]:
        found = found @ of(factor)
    return found


def drawn(seed: int, rows: int, columns: int, size: int = 1000) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randint(-size, size) for _ in range(columns)] for _ in range(rows)]


@pytest.mark.parametrize(
    "matrix",
    [
        of(drawn(0, 12, 8)),
        of(drawn(1, 5, 5)),
        product(drawn(2, 9, 2), drawn(3, 2, 9)),  # of rank 2: seven directions that are not stretched
        product(drawn(4, 8, 8), [[10 ** (5 * i) * (i == j) for j in range(8)] for i in range(8)], drawn(5, 8, 8)),
        of([[7 * (i == j) for j in range(4)] for i in range(4)]),  # all stretched alike
        of([[1] * 4] * 6),
        of([[10**60, 1], [1, 10**60 + 1]]),
        of([[3], [4]]),
    ],
)
def test_directions_are_precise(matrix):
    """To nearly all bits asked for, whatever lies close together, far apart, or at zero."""
    alpha, beta = quality(matrix)
    tiny = Fraction(1, 1 << 2 * (BITS - 8))
    assert alpha < tiny and beta < tiny


def test_nothing_is_stretched_by_zero():
    """Some orthonormal directions all the same."""
    alpha, beta = quality(of([[0] * 3] * 3))
    assert alpha < Fraction(1, 1 << 2 * (BITS - 8)) and beta == 0
