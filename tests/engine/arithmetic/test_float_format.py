"""Rounding to float formats, against the machine's own conversions."""

from __future__ import annotations

import random
import struct
from fractions import Fraction

import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.float_format import FORMATS
from mechproof.engine.errors import MagnitudeError


def nearest(name: str, value: float) -> Fraction:
    return FORMATS[name].rounded(_exact(value)).fraction(0, 0)


def _exact(value: float) -> DyadicMatrix:
    top, bottom = value.as_integer_ratio()
    return DyadicMatrix.from_integers(1, 1, [top], 1 - bottom.bit_length())


def values() -> list[float]:
    """Of all magnitudes, ties, subnormal numbers and zeros included."""
    rng = random.Random(0)
    wide = [rng.choice([-1, 1]) * rng.random() * 2.0 ** rng.randint(-150, 120) for _ in range(2000)]
    ties = [(2 * rng.randrange(1 << 24) + 1) * 2.0 ** rng.randint(-150, 90) for _ in range(500)]
    return [0.0, -(2.0**-149), 2.0**-150, 3 * 2.0**-150, 2.0**-126, *wide, *ties]


def test_float32_agrees_with_the_machine():
    """struct rounds to the nearest float32, ties to even."""
    for value in values():
        (machine,) = struct.unpack("<f", struct.pack("<f", value))
        assert nearest("float32", value) == Fraction(machine)


def test_float64_keeps_every_double():
    """No stored float64 moves, the least subnormal one included."""
    for value in [*values(), 5e-324, 1.7976931348623157e308]:
        assert nearest("float64", value) == Fraction(value)


def test_bfloat16_agrees_with_float32_rounding_at_its_own_bits():
    """A bfloat16 is a float32 of 8 significant bits: adding and removing 3·2^15 steps rounds an exact float32."""
    for value in values():
        (single,) = struct.unpack("<f", struct.pack("<f", value))
        (bits,) = struct.unpack("<I", struct.pack("<f", single))
        kept = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
        (expected,) = struct.unpack("<f", struct.pack("<I", kept))
        assert nearest("bfloat16", single) == Fraction(expected)


@pytest.mark.parametrize("name", FORMATS)
def test_numbers_beyond_the_range_are_refused(name):
    """The largest number stays, the next power of two has no nearest."""
    form = FORMATS[name]
    largest = (1 << form.end_exponent) - (1 << (form.end_exponent - form.stored))
    assert form.rounded(DyadicMatrix.from_integers(1, 1, [largest], 0)).fraction(0, 0) == largest
    with pytest.raises(MagnitudeError):
        form.rounded(DyadicMatrix.from_integers(1, 1, [1 << form.end_exponent], 0))


def test_exponents_of_matrices_do_not_matter():
    """Multiples of a large power of two are kept."""
    matrix = DyadicMatrix.from_integers(1, 2, [3, -5], 40)
    assert FORMATS["bfloat16"].rounded(matrix) == matrix
