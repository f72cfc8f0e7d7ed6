"""Packed vectors of numbers far beyond their fields."""

from __future__ import annotations

import pytest

from mechproof.engine.checker.packing import pack


@pytest.mark.parametrize("width", [64, 128])
@pytest.mark.parametrize("bits", [63, 64, 65, 127, 128, 200_000])
def test_what_does_not_fit_goes_on_into_the_next_fields(width, bits):
    """However many fields it takes: the packed number is the sum of the values times powers of 2^width."""
    for values in ([1 << bits, -(1 << bits)], [(1 << bits) - 1, 3], [-(1 << bits) - 1, 0]):
        assert pack(values, width) == values[0] + (values[1] << width)
