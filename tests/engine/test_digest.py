"""Canonical texts and hashes, as docs/certificate.md §1.3 and §2 lay them down."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.certificate import hex_integer
from mechproof.engine.digest import canonical_json, digest, tensor_digest, tensor_text

integers = st.one_of(st.integers(-40, 40), st.integers(-(1 << 120), 1 << 120))


@given(st.lists(integers, min_size=6, max_size=6), st.integers(-1100, 1100))
def test_tensor_text_is_the_documented_one(entries, exponent):
    """A line of shape, then per entry 0 or an odd mantissa in hex with the exponent; every line ends in a newline."""
    text = tensor_text(DyadicMatrix.from_integers(2, 3, entries, exponent))
    header, *lines, last = text.split("\n")
    assert (header, len(lines), last) == ("mechproof-tensor/1 2x3", 6, "")
    for entry, line in zip(entries, lines, strict=True):
        if entry == 0:
            assert line == "0"
            continue
        mantissa, _, power = line.partition("p")
        assert mantissa == mantissa.lower() and mantissa.lstrip("-")[0] != "0"
        assert int(mantissa, 16) % 2 == 1
        assert int(mantissa, 16) * Fraction(2) ** int(power) == entry * Fraction(2) ** exponent
        assert line == f"{int(mantissa, 16):x}p{int(power)}"


@given(st.lists(integers, min_size=1, max_size=4), st.integers(0, 40))
def test_equal_numbers_have_equal_texts(entries, finer):
    """The text depends on the real numbers only: over a finer power of two it is the same."""
    coarse = DyadicMatrix.from_integers(1, len(entries), entries, 5)
    fine = DyadicMatrix.from_integers(1, len(entries), [entry << finer for entry in entries], 5 - finer)
    assert tensor_text(coarse) == tensor_text(fine)
    assert tensor_digest(coarse) == tensor_digest(fine) == hashlib.sha256(tensor_text(fine).encode()).hexdigest()


def test_one_changed_bit_changes_the_hash():
    """A tensor that differs in the last place of one entry, or in shape alone, is another tensor."""
    a = DyadicMatrix.from_integers(1, 2, [1 << 60, 0], 0)
    texts = {
        tensor_digest(a),
        tensor_digest(DyadicMatrix.from_integers(1, 2, [(1 << 60) + 1, 0], 0)),
        tensor_digest(a.T),
        tensor_digest(a, (2,)),
    }
    assert len(texts) == 4


def test_minus_zero_is_zero():
    """-0 is 0, and the shape of a bias has one size."""
    assert tensor_text(DyadicMatrix.from_integers(1, 2, [-0, -8], -3), (2,)) == "mechproof-tensor/1 2\n0\n-1p0\n"


json_values = st.recursive(
    st.one_of(st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(json_values)
def test_canonical_json_reads_back(value):
    """The text is ASCII, and a JSON reader gets the value back and writes it the same way again."""
    text = canonical_json(value)
    assert text.isascii()
    again = json.loads(text)
    assert again == value
    assert canonical_json(again) == text


def test_keys_keep_their_order():
    """Order is part of the format: it is neither sorted nor lost."""
    assert canonical_json({"b": 1, "a": [2, {"z": 0, "y": "ü\n"}]}) == '{"b":1,"a":[2,{"z":0,"y":"\\u00fc\\n"}]}'
    assert digest({"a": 1, "b": 2}) != digest({"b": 2, "a": 1})


FOREIGN = [0.5, -0.0, float("nan"), 2.0, True, None, Fraction(1, 2), np.int64(3), np.float32(1), b"a", {1}, 1j]


@pytest.mark.parametrize("foreign", FOREIGN, ids=repr)
def test_everything_but_integers_and_strings_is_refused(foreign):
    """Floats above all, at any depth, and what JSON would quietly turn into something else."""
    for value in (foreign, [foreign], {"a": [1, {"b": foreign}]}, (1, (foreign,))):
        with pytest.raises(TypeError, match="no place in a certificate"):
            canonical_json(value)


@pytest.mark.parametrize("key", [1, 0.5, None, True], ids=repr)
def test_keys_are_strings(key):
    """JSON would write a number, even a float, as a key without a word."""
    with pytest.raises(TypeError, match="key"):
        canonical_json([{key: 1}])


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0x0"), (31, "0x1f"), (-31, "-0x1f"), (1 << 64, "0x10000000000000000")]
)
def test_hex_integers(value, text):
    """Lower case, no leading zeros, sign before the prefix."""
    assert hex_integer(value) == text


def test_hex_integers_of_any_length():
    """Numbers beyond Python's limit for decimal strings are written and read back."""
    huge = (1 << 100_000) - 1
    assert int(hex_integer(-huge), 16) == -huge
