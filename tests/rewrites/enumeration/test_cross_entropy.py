"""Cross-entropies of rows of logits are enclosed: tiny and large losses, ties, wrong answers, logits up to a radius."""

from __future__ import annotations

import random
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from mechproof.engine.arithmetic.fixed_point import Table
from mechproof.rewrites.enumeration.loss import (
    BITS,
    SMALL,
    cross_entropy,
    exact_sum,
    log_one_plus,
    probability,
    well_known,
)


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("seed", range(120))
def test_sums_of_cross_entropies(seed, fine):
    """The sum over the rows lies in the interval, whatever the logits are within their radius; so does that of the
    probabilities."""
    rng = random.Random(seed)
    exponent, outputs = rng.choice([-50, -30, -28, -27, -26, -12, -11, 0, 4, 7, 40]), rng.choice([1, 2, 5, 100])
    spread = max(int(rng.choice([1, 4, 30, 3000]) * 2.0**-exponent), 1)
    values = [[rng.randint(-spread, spread) for _ in range(outputs)] for _ in range(3)]
    values[1] = [values[1][0]] * outputs
    radius = [rng.choice([0, rng.randint(0, 1 << max(-exponent, 0) >> 4)]) for _ in range(3)]
    answers = [rng.randrange(outputs), rng.randrange(outputs), max(range(outputs), key=values[2].__getitem__)]
    logits = Table(np.array(values), np.array(radius), exponent)
    assert well_known(logits).all()
    found, chance = cross_entropy(logits, np.array(answers), fine=fine), probability(logits, np.array(answers))
    with mpmath.workprec(300):
        total, right = mpmath.mpf(0), mpmath.mpf(0)
        for row, r, c in zip(values, radius, answers, strict=True):
            moved = [mpmath.ldexp(mpmath.mpf(v + rng.choice([-r, r])), exponent) for v in row]
            entropy = mpmath.log(mpmath.fsum(mpmath.exp(x - max(moved)) for x in moved)) + max(moved) - moved[c]
            total, right = total + entropy, right + mpmath.exp(-entropy)
        assert mpmath.mpf(found.lower.numerator) / found.lower.denominator <= total
        assert total <= mpmath.mpf(found.upper.numerator) / found.upper.denominator
        assert mpmath.mpf(chance.lower.numerator) / chance.lower.denominator <= right
        assert right <= mpmath.mpf(chance.upper.numerator) / chance.upper.denominator
        if not any(radius):
            share = Fraction(1, 5 * 10**6 if fine else 3000)
            assert found.upper - found.lower <= found.upper * share + Fraction(outputs, 1 << 40)
            assert chance.upper - chance.lower <= Fraction(3, 10**6)


def test_logarithms_at_every_size():
    """log(1 + s) on both sides of where the series ends and the table begins, and at the ends."""
    edge = 1 << BITS - SMALL
    numbers = [0, 1, 2, 1000, edge - 1, edge, edge + 1, (1 << BITS) - 1, 1 << BITS, 1 << BITS + 1, (1 << 60) - 1]
    numbers += [random.Random(k).randint(0, 1 << k) for k in range(1, 60) for _ in range(20)]
    low, high = log_one_plus(np.array(numbers))
    with mpmath.workprec(200):
        for s, a, b in zip(numbers, low.tolist(), high.tolist(), strict=True):
            x = mpmath.ldexp(mpmath.mpf(s), -BITS)
            truth = mpmath.ldexp(mpmath.log1p(x), BITS)
            assert a <= truth <= b
            assert b - a <= 8 + truth / 2**14


def test_sums_do_not_overflow():
    """Sums of many numbers near 2^62 are exact."""
    numbers = np.array([2**62 - 1, -(2**62), 2**62 - 5] * 50)
    assert exact_sum(numbers) == sum(numbers.tolist())
