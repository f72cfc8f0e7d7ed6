"""X2: every line lies on its side of its function, on the whole interval; second derivatives are as small as said."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from flint import arb, arb_series
from layered_network import pointwise

from mechproof.engine.arithmetic.ball import precision
from mechproof.rewrites.boxes.lines import LINES, NEEDS_SLOPE, unit_sizes

Z, BITS = 12, 10


@pytest.mark.parametrize("function", LINES)
def test_lines_are_on_their_sides(function):
    """At many points of random intervals, both ends among them, with 30 digits; some touch up to what is given away."""
    rng = np.random.default_rng(1)
    low = rng.integers(-8 << Z, 8 << Z, 40)
    high = low + rng.integers(0, 6 << Z, 40) // rng.choice([1, 64, 1 << 20], 40)
    low[:4], high[:4] = [-5000, 0, -3, 7], [0, 5000, 9, 7]
    slopes = rng.integers(-200, 1300, 40)
    below, above = LINES[function](low, high, slopes, Z, BITS)
    nearest = mpmath.inf
    with mpmath.workdps(30):
        for i, (left, right) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            for part in range(21):
                z = mpmath.mpf(left) + mpmath.mpf(right - left) * part / 20
                value = pointwise(function, z / 2**Z)
                for side, line in ((1, below), (-1, above)):
                    at = (int(line.slope[i]) * z + int(line.intercept[i])) / mpmath.mpf(2) ** (line.bits + Z)
                    assert side * (value - at) >= 0, (function, left, right, part)
                    nearest = min(nearest, side * (value - at))
    assert nearest < 2.0**-10


@pytest.mark.parametrize("function", LINES)
def test_sizes_of_functions(function):
    """max |φ| over an interval is at most what is said of it."""
    low, high = np.array([-3 << Z, -5, 1 << Z]), np.array([2 << Z, 7, 4 << Z])
    sizes = unit_sizes(function, low, high)
    unit = 2.0 ** (-2 * Z if function == "square" else -Z)
    for left, right, size in zip(low.tolist(), high.tolist(), sizes.tolist(), strict=True):
        for part in range(11):
            z = (left + (right - left) * part / 10) / 2**Z
            assert abs(pointwise(function, mpmath.mpf(z))) <= size * unit


# Function -> the bound of |φ''| in LINES, and its φ over Arb's power series.
BENDS = {
    "gelu": ("4/5", lambda x: x * (2 - (x * arb(2).rsqrt()).erfc()) / 2),
    "gelu_new": (
        "1",
        lambda x: (
            x * (1 + (-2 * (arb(2).sqrt() / arb.pi().sqrt()) * (x + x * x * x * (arb(44715) / 10**6))).exp()).inv()
        ),
    ),
    "silu": ("1/2", lambda x: x * (1 + (-x).exp()).inv()),
}


@pytest.mark.parametrize("function", BENDS)
def test_second_derivatives_by_arb_on_cells(function):
    """|φ''| on [0, 8] cell by cell; φ(x) = max(x, 0) - g(|x|) bends as much on the other side, and hardly behind 8."""
    assert set(BENDS) == NEEDS_SLOPE
    bound, phi = BENDS[function]
    top, _, bottom = bound.partition("/")
    with precision(80):
        limit = arb(int(top)) / int(bottom or 1) + arb(2) ** -6
        for cell in range(8 << 7):
            middle = arb(2 * cell + 1) / (2 << 7)
            x = arb_series([middle + arb(0, 1) / (2 << 7), 1], prec=3)
            assert (2 * phi(x)[2]).abs_upper() < limit
