"""The mean row is near the rows; whatever it is, nothing depends on it but tightness."""

from __future__ import annotations

from fractions import Fraction

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.rewrites.advice.mean_row import mean_row


def test_the_mean_is_within_a_grid_step():
    """Two rows: the mean of each column, cut to 24 bits of the largest."""
    matrix = DyadicMatrix.from_integers(2, 2, [2**40, 3, 2**41, -5], -10)

    row = mean_row(matrix).fractions()[0]

    mean = [sum(column) / Fraction(2) for column in zip(*matrix.fractions(), strict=True)]
    assert all(abs(a - b) <= Fraction(2**18, 2**10) for a, b in zip(row, mean, strict=True))
