"""A row close to all rows of a matrix, on a short grid.  Untrusted: the mean rule is sound for any row."""

from __future__ import annotations

from ...engine.arithmetic.dyadic import DyadicMatrix

BITS = 24


def mean_row(matrix: DyadicMatrix) -> DyadicMatrix:
    """The mean of the rows, cut to ``BITS`` bits of its largest entry."""
    rows, columns = matrix.shape
    totals = [sum(column) for column in zip(*matrix.integers(), strict=True)]
    drop = max((abs(total) // rows).bit_length() for total in totals) - BITS
    cut = max(drop, 0)
    means = [(total // rows) >> cut for total in totals]
    return DyadicMatrix.from_integers(1, columns, means, matrix.exponent + cut)
