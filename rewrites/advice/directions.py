"""Directions of query-key and direct-path tables: singular vectors in floats, rounded to short dyadics.  Untrusted.

The splits that use them are exact for any vectors; good ones leave a small rest.
"""

from __future__ import annotations

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from .gap_search import floats

BITS = 24


def dyadic(values: np.ndarray, bits: int = BITS) -> DyadicMatrix:
    """A float matrix rounded to ``bits`` bits of its largest entry; what is not finite becomes zero."""
    finite = np.where(np.isfinite(values), values, 0.0)
    largest = float(np.abs(finite).max(initial=0.0))
    exponent = int(np.frexp(largest)[1]) - bits
    rounded = np.rint(np.ldexp(finite, -exponent))
    rows, columns = finite.shape
    return DyadicMatrix.from_integers(rows, columns, [int(entry) for entry in rounded.ravel()], exponent)


def projection(matrix: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """The row z for which direction·z is closest to the matrix."""
    return (direction.T @ matrix) / max(float(np.sum(direction**2)), 1e-300)


def peeled(matrix: np.ndarray, direction: np.ndarray) -> tuple[DyadicMatrix, DyadicMatrix, np.ndarray]:
    """column, row and matrix - column·row, for the part of a matrix along a direction of its rows' space."""
    column = dyadic(direction)
    row = dyadic(projection(matrix, floats(column)))
    return column, row, matrix - floats(column) @ floats(row)


def leading(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First left and right singular vectors as columns."""
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, :1], right[:1].T


def low_rank_factors(left: DyadicMatrix, right: DyadicMatrix, rank: int) -> tuple[DyadicMatrix, DyadicMatrix]:
    """u of ``rank`` columns and z with u z close to ``left``, where rows of left·right differ most."""
    x, y = floats(left), floats(right)
    table = x @ y
    u = dyadic(np.linalg.svd(table - table.mean(axis=1, keepdims=True))[0][:, :rank])
    return u, dyadic(np.linalg.pinv(floats(u)) @ x) if rank > 1 else dyadic(projection(x, floats(u)))


def mean_row(matrix: DyadicMatrix) -> DyadicMatrix:
    """The mean of the rows."""
    return dyadic(floats(matrix).mean(axis=0, keepdims=True))


def median_row(matrix: DyadicMatrix) -> DyadicMatrix:
    """The median of every column."""
    return dyadic(np.median(floats(matrix), axis=0, keepdims=True))


def middle_row(matrix: DyadicMatrix) -> DyadicMatrix:
    """Halfway between the least and the largest entry of every column."""
    values = floats(matrix)
    return dyadic((values.min(axis=0, keepdims=True) + values.max(axis=0, keepdims=True)) / 2)


def weighted_row(matrix: DyadicMatrix, weights: np.ndarray) -> DyadicMatrix:
    """The mean row with the given weights (a column), the plain mean when they add up to nearly nothing."""
    values, total = floats(matrix), float(weights.sum())
    if abs(total) <= 1e-6 * float(np.abs(weights).sum()) or not np.isfinite(total):
        weights, total = np.ones_like(weights), float(len(weights))
    return dyadic(weights.T @ values / total)
