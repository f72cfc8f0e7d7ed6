"""Roots of integers rounded up: against isqrt, at perfect squares, and outside the range."""

from __future__ import annotations

from math import isqrt

import numpy as np
import pytest

from mechproof.engine.arithmetic.integer_root import ceil_sqrt
from mechproof.engine.errors import MagnitudeError


def test_it_is_the_least_integer_whose_square_is_enough():
    """Around every kind of square, one less and one more."""
    roots = [0, 1, 2, 3, 1000, 2**16, 2**26 + 1, 2**31 - 1]
    squares = [r * r + d for r in roots for d in (-1, 0, 1) if 0 <= r * r + d < 2**62]
    assert ceil_sqrt(np.array(squares)).tolist() == [isqrt(s - 1) + 1 if s else 0 for s in squares]


@pytest.mark.parametrize("square", [-1, 2**62])
def test_what_does_not_fit_is_refused(square):
    """No root of a negative number, and none that overflows on the way."""
    with pytest.raises(MagnitudeError):
        ceil_sqrt(np.array([square]))
