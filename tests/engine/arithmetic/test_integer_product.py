"""Integer products in float64 are exact up to their bound, and refused beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mechproof.engine.arithmetic.integer_product import integer_product, largest, largest_column
from mechproof.engine.errors import MagnitudeError


def exactly(a: np.ndarray, b: np.ndarray) -> list[list[int]]:
    return (a.astype(object) @ b.astype(object)).tolist()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 300), st.integers(1, 20), st.integers(0, 26))
def test_products_up_to_the_bound_are_exact(seed, rows, inner, columns, bits):
    """Random integers scaled so that the bound is nearly met."""
    rng = np.random.default_rng(seed)
    b = rng.integers(-(1 << bits), (1 << bits) + 1, size=(inner, columns))
    most = (1 << 53) // max(largest_column(b), 1)
    a = rng.integers(-most, most + 1, size=(rows, inner))
    assert integer_product(a, b).tolist() == exactly(a, b)


def test_tight_at_the_bound():
    """A sum of exactly 2^53 is computed; one more, which float64 does not have, is refused."""
    a, b = np.array([[1, 1]]), np.array([[2**52], [2**52]])
    assert integer_product(a, b).tolist() == [[2**53]]
    with pytest.raises(MagnitudeError):
        integer_product(a, b + np.array([[1], [0]]))


def test_cancelling_sums_are_bounded_by_sizes():
    """What counts is the sum of sizes: partial sums may come in any order."""
    a = np.array([[2**40, -(2**40)]])
    with pytest.raises(MagnitudeError):
        integer_product(a, np.array([[2**14], [2**14]]))


def test_extremes():
    """The least int64 has a size, zeros and empty matrices have products, other types are refused."""
    least = np.array([[-(2**63)]])
    assert largest(least) == 2**63
    with pytest.raises(MagnitudeError):
        integer_product(least, np.array([[1]]))
    assert integer_product(least, np.array([[0]])).tolist() == [[0]]
    assert integer_product(np.zeros((0, 3), dtype=np.int64), np.ones((3, 2), dtype=np.int64)).shape == (0, 2)
    with pytest.raises(MagnitudeError):
        largest_column(np.full((4, 1), 2**62))
    with pytest.raises(TypeError):
        integer_product(np.ones((1, 1), dtype=np.int32), np.ones((1, 1), dtype=np.int64))
