"""Leading singular vectors of a product of matrices, on a short grid.  Untrusted: floating point; splits by projection
hold for any vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix

BITS = 16
# What a double holds of each entry.
MANTISSA = 53


def singular_vectors(factors: Sequence[DyadicMatrix], count: int = 1) -> tuple[DyadicMatrix, DyadicMatrix]:
    """Left (rows × count) and right (columns × count) singular vectors of the product, in units of 2^-``BITS``.

    Each pair has the sign that makes the left one's sum not negative.
    """
    product = _floats(factors[0])
    for factor in factors[1:]:
        product = product @ _floats(factor)
    left, _, right = np.linalg.svd(product, full_matrices=False)
    signs = np.where(left.sum(axis=0) < 0, -1, 1)
    return _on_grid((left * signs)[:, :count]), _on_grid((right.T * signs)[:, :count])


def _floats(matrix: DyadicMatrix) -> np.ndarray:
    """The matrix, scaled by a power of two so that its largest entry is about 1."""
    rows = matrix.integers()
    bits = max(max(abs(entry) for entry in row) for row in rows).bit_length()
    cut = max(bits - MANTISSA, 0)
    return np.array([[entry >> cut for entry in row] for row in rows], dtype=float) * 2.0 ** -(bits - cut)


def _on_grid(columns: np.ndarray) -> DyadicMatrix:
    integers = np.rint(columns * 2.0**BITS).astype(int)
    rows, count = integers.shape
    return DyadicMatrix.from_integers(rows, count, integers.ravel().tolist(), -BITS)
