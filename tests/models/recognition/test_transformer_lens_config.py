"""The exact rule for attention scales, and how configuration values are shown."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.models.recognition.errors import UnknownConfigKey, UnsupportedConfig
from mechproof.models.recognition.transformer_lens_config import (
    check_config,
    exactly,
    nearest_float64_to_square_root,
    no_cap,
    shown,
)


def test_square_roots_of_all_small_sizes():
    """For every head size up to 5000 the rule gives the float64 that IEEE arithmetic gives."""
    for n in range(1, 5001):
        assert nearest_float64_to_square_root(n) == Fraction(math.sqrt(n))


@given(st.integers(1, 2**53))
def test_square_roots_of_large_sizes(n):
    """IEEE square roots are correctly rounded, so they are an oracle wherever n itself is a float64."""
    assert nearest_float64_to_square_root(n) == Fraction(math.sqrt(n))


@given(st.integers(1, 2**99))
def test_nearest_by_definition(n):
    """No other number of 53 bits is as near: the square root lies strictly between the two midpoints."""
    root = nearest_float64_to_square_root(n)
    ulp = Fraction(math.ulp(float(root)))
    below = ulp / 2 if root != 2 ** (int(root).bit_length() - 1) else ulp / 4
    assert (root - below) ** 2 < n < (root + ulp / 2) ** 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), ("LN", '"LN"'), (3, "3"), (Fraction(1, 2), "1/2"), ([Fraction(1, 2)], '["1/2"]')],
)
def test_values_are_shown_as_in_json(value, text):
    """The sentence shows what the user wrote."""
    assert shown(value) == text


def test_long_values_are_cut():
    """A value of any length stays on one line."""
    assert len(shown("x" * 1000)) == len(shown(Fraction(1, 10**1000))) == 80


def test_settled_keys_are_those_compared():
    """Keys that do not matter settle nothing; keys that do are reported."""
    expected = {"a": exactly(1), "b": exactly(None, False), "c": no_cap()}
    assert check_config("net", {"a": 1, "x": 5}, expected, frozenset({"x"})) == {"a"}
    assert check_config("net", {"b": False, "c": 0}, expected, frozenset()) == {"b", "c"}
    with pytest.raises(UnsupportedConfig) as caught:
        check_config("net", {"b": 0}, expected, frozenset())
    assert str(caught.value) == "net: config key b: expected null or false, found 0"
    with pytest.raises(UnknownConfigKey):
        check_config("net", {"x": 5}, expected, frozenset())
