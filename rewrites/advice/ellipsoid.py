"""An ellipsoid of small volume around the columns of a matrix (:mod:`..rules.row_difference_ellipsoid`).  Untrusted.

Weights p of the columns are multiplied by their columns' squared distances until these are nearly equal (Titterington's
iteration for a D-optimal design); the ellipsoid's matrix is then the inverse of the weighted covariance.
"""

from __future__ import annotations

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from .directions import dyadic
from .gap_search import floats

ITERATIONS = 40
# Directions in which the columns hardly differ are widened to this share of the mean variance.
LEAST_VARIANCE = 1e-7


def enclosing(left: DyadicMatrix, right: DyadicMatrix) -> tuple[DyadicMatrix, DyadicMatrix, DyadicMatrix]:
    """(y, S, z): the rows of ``left`` are close to y S, and S (b - z) are about equally long for columns b of
    ``right``."""
    rows, columns = floats(left), floats(right)
    with np.errstate(under="ignore"):
        scale = float(np.abs(columns).max(initial=0.0)) or 1.0
        columns = columns / scale
        weights = np.full(columns.shape[1], 1 / columns.shape[1])
        for _ in range(ITERATIONS):
            centre = (columns @ weights)[:, None]
            variances, axes = _spectrum(columns - centre, weights)
            distances = ((axes.T @ (columns - centre)) ** 2 / variances[:, None]).sum(axis=0)
            weights = weights * distances + 1e-300
            weights /= weights.sum()
        roots = np.sqrt(variances)
        coordinates = rows @ (axes * roots) * scale
    return dyadic(coordinates), dyadic((axes / roots).T / scale), dyadic(np.asarray(centre * scale))


def _spectrum(columns: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances along the axes of the weighted covariance, none too small, and the axes."""
    variances, axes = np.linalg.eigh((columns * weights) @ columns.T)
    mean = float(variances.mean())
    return np.maximum(variances, LEAST_VARIANCE * mean if mean > 0 else 1.0), axes
