"""Beside a float norm stands an enclosure of the true one."""

from __future__ import annotations

import numpy as np
import torch

from mechproof.audits.program.verdict import auditing
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.spectral import singular_values_of_product

INTEGERS = [3, -1, 4, 1, -5, 9, 2, 6, -5, 3, 5, 8]


def norm(matrix: torch.Tensor, scale: float) -> tuple[np.ndarray, np.ndarray]:
    with auditing() as run:
        return run.bounds(torch.linalg.matrix_norm(matrix / scale * scale, 2))


def test_a_norm_is_certified():
    """From singular values that are certified otherwise, of entries that are exact and of enclosed ones."""
    matrix = torch.tensor(INTEGERS, dtype=torch.float32).reshape(4, 3)
    below, above = singular_values_of_product([DyadicMatrix.from_integers(4, 3, INTEGERS, 0)], 80)[0]
    for scale in (1.0, 3.0):
        low, high = norm(matrix, scale)
        assert low <= float(above) and float(below) <= high and high - low < 1e-13


def test_a_norm_of_enclosures_is_certified():
    """Entries that are known only to lie around an integer."""
    low, high = norm(torch.eye(2), 3.0)
    assert low <= 1 <= high and high - low < 1e-14
