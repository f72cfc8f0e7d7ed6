"""The enclosures of gelu, gelu_new and silu hold mpmath's values, near and far from zero, at every precision."""

from __future__ import annotations

import layered_network as reference
import mpmath
import numpy as np
import pytest

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks import gates
from mechproof.engine.checker.networks.evaluator import Evaluator


def true_gate(name, x):
    """g(x)."""
    return reference.pointwise(name, x) / x if x else mpmath.mpf(1) / 2


@pytest.mark.parametrize("name", gates.GATES)
def test_gates_are_enclosed(name):
    """At 30, 64 and 130 bits, for small, large and huge x; and tightly."""
    rng = np.random.default_rng(1)
    with mpmath.workdps(80):
        for bits in (30, 64, 130):
            for fraction in (0, 3, 20, 50):
                values = [
                    int(v) << max(fraction - 20, 0)
                    for v in rng.integers(-12 << 20, 12 << 20, 20) >> max(20 - fraction, 0)
                ]
                for x in (0, 1, -1, 3000 << fraction, -(100 << fraction), *values):
                    low, high = gates.gate(name, x, fraction, bits)
                    assert low <= true_gate(name, mpmath.mpf(x) / 2**fraction) * 2**bits <= high <= low + 3


@pytest.mark.parametrize("name", gates.GATES)
def test_tables_are_within_their_error(name):
    """Interpolated values, halfway between points and beyond the table too, are within what is added to a radius."""
    fraction = 50
    step = 1 << fraction - 10
    values = [k * step + step // 2 for k in range(-40000, 40000, 97)] + [k * step // 3 for k in range(-200, 200, 7)]
    made = object.__new__(Evaluator)
    made.words, made.budget = 1, Budget(10)
    found, off = made.pointwise(name, values, 0, fraction)
    with mpmath.workdps(40):
        apart = [
            abs(y - reference.pointwise(name, mpmath.mpf(x) / 2**fraction) * 2**fraction)
            for x, y in zip(values, found, strict=True)
        ]
        assert 0 < max(apart) <= off < 1 << fraction - 14


@pytest.mark.parametrize("words", [1, 4])
@pytest.mark.parametrize("name", gates.GATES)
def test_values_moved_by_their_radius(name, words):
    """In tables and in wide words: where the slope is above 1 a value moves by more than its radius. And products that
    are floored are off by up to a unit, in both."""
    fraction = 50 if words == 1 else 200
    made = object.__new__(Evaluator)
    made.words, made.width, made.budget = words, 64 * words, Budget(10**9)
    worst = 0
    with mpmath.workdps(90):
        for radius in (0, 1 << fraction - 5):
            values = [(k << fraction - 4) + k for k in range(-60, 60)]
            found, off = made.pointwise(name, values, radius, fraction)
            for x, y in zip(values, found, strict=True):
                for moved in (x - radius, x + radius):
                    true = reference.pointwise(name, mpmath.mpf(moved) / 2**fraction) * 2**fraction
                    assert abs(y - true) <= off
                    worst = max(worst, abs(y - true) - radius)
    assert worst > 0
