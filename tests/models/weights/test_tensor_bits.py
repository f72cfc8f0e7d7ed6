"""Every bit pattern of every stored dtype against oracles that share no code with the reader."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.models.weights import StoredTensor
from mechproof.models.weights.errors import (
    BadName,
    BadShape,
    NoTensors,
    NotFinite,
    TooManyNumbers,
    UnsupportedDtype,
)
from mechproof.models.weights.tensor import Header, RawTensor, check_headers, decode

WIDTHS = {"float16": 16, "bfloat16": 16, "float32": 32, "float64": 64}


def by_struct(dtype: str, pattern: int) -> float:
    """The number by the standard library's unpacking; a bfloat16 is the upper half of a float32."""
    if dtype == "bfloat16":
        return struct.unpack("<f", struct.pack("<I", pattern << 16))[0]
    whole, number = {"float16": ("<H", "<e"), "float32": ("<I", "<f"), "float64": ("<Q", "<d")}[dtype]
    return struct.unpack(number, struct.pack(whole, pattern))[0]


def bfloat16_by_formula(pattern: int) -> Fraction:
    """The definition: 1 sign bit, 8 exponent bits with bias 127, 7 fraction bits."""
    sign = -1 if pattern >> 15 else 1
    field, fraction = (pattern >> 7) % 256, pattern % 128
    if field == 0:
        return sign * Fraction(fraction, 128) * Fraction(2) ** -126
    return sign * (1 + Fraction(fraction, 128)) * Fraction(2) ** (field - 127)


def stored(dtype: str, patterns: list[int], shape: tuple[int, ...] | None = None) -> StoredTensor:
    data = b"".join(pattern.to_bytes(WIDTHS[dtype] // 8, "little") for pattern in patterns)
    return decode("file", RawTensor("t", dtype, (len(patterns),) if shape is None else shape, data))


def values(tensor: StoredTensor) -> list[Fraction]:
    return [numerator * Fraction(2) ** tensor.exponent for numerator in tensor.numerators]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_all_patterns_of_sixteen_bits(dtype):
    """Each of the 65,536 patterns is its number, or is refused exactly when it is no number."""
    numbers = [by_struct(dtype, pattern) for pattern in range(2**16)]
    finite = [pattern for pattern, number in enumerate(numbers) if math.isfinite(number)]
    assert values(stored(dtype, finite)) == [Fraction(numbers[pattern]) for pattern in finite]
    for pattern in set(range(2**16)) - set(finite):
        with pytest.raises(NotFinite):
            stored(dtype, [pattern])


def test_bfloat16_by_its_definition():
    """bfloat16 agrees with the formula of its definition, not only with a widened float32."""
    patterns = [pattern for pattern in range(2**16) if (pattern >> 7) % 256 != 255]
    assert values(stored("bfloat16", patterns)) == [bfloat16_by_formula(pattern) for pattern in patterns]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(data=st.data())
def test_any_patterns(dtype, data):
    """A tensor of arbitrary bits is its numbers, or is refused at the first entry that is no number."""
    patterns = data.draw(st.lists(st.integers(0, 2 ** WIDTHS[dtype] - 1), min_size=1, max_size=8))
    numbers = [by_struct(dtype, pattern) for pattern in patterns]
    bad = [index for index, number in enumerate(numbers) if not math.isfinite(number)]
    if not bad:
        assert values(stored(dtype, patterns)) == [Fraction(number) for number in numbers]
        return
    with pytest.raises(NotFinite) as caught:
        stored(dtype, patterns)
    first = numbers[bad[0]]
    expected = "NaN" if math.isnan(first) else "infinity" if first > 0 else "-infinity"
    assert (caught.value.index, caught.value.found) == ((bad[0],), expected)


@pytest.mark.parametrize("dtype", WIDTHS)
@given(data=st.data())
def test_special_exponent_fields(dtype, data):
    """Subnormal numbers, zeros and the largest and smallest normal numbers, which random bits rarely hit."""
    width = WIDTHS[dtype]
    fraction_bits = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}[dtype]
    top = 2 ** (width - 1 - fraction_bits) - 1
    field = data.draw(st.sampled_from([0, 1, top - 1]))
    fraction = data.draw(st.one_of(st.sampled_from([0, 1, 2**fraction_bits - 1]), st.integers(0, 2**fraction_bits - 1)))
    sign = data.draw(st.integers(0, 1))
    pattern = (sign << (width - 1)) | (field << fraction_bits) | fraction
    assert values(stored(dtype, [pattern])) == [Fraction(by_struct(dtype, pattern))]


@pytest.mark.parametrize("dtype", WIDTHS)
def test_minus_zero_is_zero(dtype):
    """-0 is the real number 0, in the canonical form that all zeros share."""
    minus_zero = 1 << (WIDTHS[dtype] - 1)
    assert stored(dtype, [minus_zero, 0]).numerators == (0, 0)
    assert stored(dtype, [minus_zero, 0]).exponent == 0


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=6))
def test_form_is_canonical(numbers):
    """Equal reals have equal numerators and exponents whatever dtype they were stored in."""
    single = struct.pack(f"<{len(numbers)}f", *numbers)
    double = struct.pack(f"<{len(numbers)}d", *numbers)
    a = decode("file", RawTensor("t", "float32", (len(numbers),), single))
    b = decode("file", RawTensor("t", "float64", (len(numbers),), double))
    assert (a.exponent, a.numerators) == (b.exponent, b.numerators)
    assert any(numerator % 2 for numerator in a.numerators) or (a.exponent == 0 and not any(a.numerators))


def test_index_of_the_first_nan_is_in_rows_and_columns():
    """The error points into the tensor as the user sees it, and its sentence names file, tensor and index."""
    with pytest.raises(NotFinite) as caught:
        stored("float16", [0, 0, 0, 0, 0x7C01, 0xFC00], shape=(2, 3))
    assert caught.value.index == (1, 1)
    assert str(caught.value) == "file: tensor t: expected finite numbers, found NaN at index (1, 1)"


def test_bytes_must_fit_the_shape():
    """A reader that hands over too few bytes is found out."""
    with pytest.raises(BadShape):
        decode("file", RawTensor("t", "float32", (3,), bytes(8)))


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (Header("t", "int64", (2,)), UnsupportedDtype),
        (Header("t", "float8_e4m3fn", (2,)), UnsupportedDtype),
        (Header("t", "complex64", (2,)), UnsupportedDtype),
        (Header("t", "float32", (2**21, 2**21)), TooManyNumbers),
        (Header("t", "float32", (2**63, 2**63, 2**63)), TooManyNumbers),
        (Header("t", "float32", (-1, -1)), BadShape),
        (Header("t", "float32", (0, 2**63)), BadShape),
        (Header("t", "float32", (1,) * 9), BadShape),
        (Header("", "float32", (1,)), BadName),
        (Header("t" * 201, "float32", (1,)), BadName),
    ],
)
def test_headers_that_are_refused(header, error):
    """Each limit has its own named error, found before any number is read."""
    with pytest.raises(error) as caught:
        check_headers("file", [Header("fine", "float32", (1,)), header])
    assert str(caught.value).startswith("file: ")
    assert len(str(caught.value)) < 200


def test_the_limit_is_on_the_sum():
    """Many tensors cannot together exceed what one may hold."""
    half = Header("t", "float32", (2**21,))
    check_headers("file", [half, half])
    with pytest.raises(TooManyNumbers):
        check_headers("file", [half, half, Header("s", "float32", (1,))])


def test_no_tensors():
    """An empty checkpoint is refused rather than proved things about."""
    with pytest.raises(NoTensors):
        check_headers("file", [])
