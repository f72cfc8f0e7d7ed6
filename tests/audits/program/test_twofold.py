"""Pairs of doubles with radii: always around the truth, exact where they say so, and each radius is needed."""

from __future__ import annotations

import numpy as np
import pytest
from flint import arb

from mechproof.audits.program import elementary, sliced, twofold
from mechproof.audits.program.balls import Balls, working
from mechproof.audits.program.twofold import ABOVE, BELOW, EQUAL, OPEN, UNORDERED, Twofold
from mechproof.engine.arithmetic.ball import precision

BITS = 400
STEPS = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "exp": lambda x, y: (x / (abs(x) + 1)).apply("exp") * y,
    "log": lambda x, y: (abs(x) + 0.125).apply("log") + y,
    "sqrt": lambda x, y: abs(x).apply("sqrt") - y,
    "tanh": lambda x, y: x.apply("tanh") + y * 0.5,
    "larger": lambda x, y: x.larger(y),
    "sum": lambda x, y: x.total(0) - y,
    "largest": lambda x, y: x.largest(0) * y,
    "product": lambda x, y: x.reshape((4, 5)).matmul(y.reshape((5, 4))).total(1).total(0) * 0.01 + y,
}


def outside(steps: int, seeds: int) -> int:
    """Entries of random programs that Arb's enclosures do not meet."""
    found = 0
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        start = random.standard_normal((2, 20)) * 2.0 ** random.integers(-20, 20, (2, 20))
        with working(BITS):
            pairs, balls = [Twofold.of(row) for row in start], [Balls.of(row) for row in start]
            for name in random.choice(list(STEPS), steps).tolist():
                pairs = [pairs[1], STEPS[name](*pairs)]
                balls = [balls[1], STEPS[name](*balls)]
            found += sum(not meets(pairs[1], balls[1], place) for place in range(20))
    return found


def meets(pairs: Twofold, balls: Balls, place: int) -> bool:
    if pairs.rad[place] == np.inf or not arb(balls.entries[place]).is_finite():
        return True
    pair = elementary.ball(*(float(plane[place]) for plane in (pairs.hi, pairs.lo, pairs.rad)))
    return bool(pair.overlaps(balls.entries[place]))


def test_random_programs_are_enclosed():
    """Beside 400-bit balls, nothing is outside."""
    assert outside(6, 60) == 0


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (twofold, "PAIRS", 0.0),
        (twofold, "two_product", lambda a, b: (a * b, 0 * (a * b))),
        (twofold, "two_sum", lambda a, b: (a + b, 0 * (a + b))),
        (sliced, "SLICES", 1),
        (sliced, "_spread", lambda a, b: np.zeros(())),
    ],
)
def test_each_radius_is_needed(monkeypatch, module, name, value):
    """A mutant without it is caught by the same random programs; they would not see a test that cannot fail."""
    monkeypatch.setattr(module, name, value)
    if name == "SLICES":
        original = sliced._sliced
        monkeypatch.setattr(sliced, "_sliced", lambda *args: (*original(*args)[:2], np.zeros(())))
    assert outside(6, 60) > 0


def test_exact_sums_stay_exact():
    """2^24 + 1 - 2^24, and sums whose bits fit a pair."""
    x = Twofold.of([2.0**24, 2.0**60]) + 1.0 - Twofold.of([2.0**24, 2.0**60])
    assert x.mid().tolist() == [1.0, 1.0] and not x.rad.any()
    assert Twofold.of(np.ldexp(1.0, np.arange(-20, 20))).total(0).rad == 0


@pytest.mark.parametrize(
    ("formula", "sign"),
    [
        (lambda x: x.of(-200.0).apply("exp").compare(0.0), ABOVE),
        (lambda x: x.of(-1000.0).apply("exp").compare(0.0), OPEN),
        (lambda x: (x.of(1.0) + x.of(-20.0).apply("exp") * 25.0).apply("log").compare(0.0), ABOVE),
        (lambda x: (x.of(2.0) / x.of(0.0)).compare(0.0), OPEN),
        (lambda x: x.of(-0.0).compare(0.0), EQUAL),
        (lambda x: x.constant(np.nan).compare(0.0), UNORDERED),
        (lambda x: (x.constant(np.nan) + 1.0).compare(0.0), UNORDERED),
        (lambda x: x.of(np.nan).compare(0.0), OPEN),
        (lambda x: x.of(np.inf).compare(1e100), ABOVE),
        (lambda x: (x.of(-np.inf) + 1.0).compare(1.0), BELOW),
        (lambda x: (x.of(np.inf) - x.of(np.inf)).compare(0.0), OPEN),
        (lambda x: x.of(-np.inf).apply("exp").compare(0.0), EQUAL),
        (lambda x: (x.of(-np.inf) * 0.0).compare(0.0), OPEN),
        (lambda x: x.of(np.inf).compare(x.of(np.inf)), EQUAL),
        (lambda x: x.of(1e300).compare(1e299), OPEN),
        (lambda x: (x.of(1.0) / 3.0).compare(1 / 3), ABOVE),
    ],
)
def test_the_edges_of_doubles(formula, sign):
    """Underflow, overflow, zeros, infinities, and NaN: the program's own, or one that says nothing."""
    assert int(formula(Twofold)) == sign


def test_balls_agree_at_the_edges():
    """NaN of the program's own and infinities go through both kinds alike."""
    values = [np.inf, -np.inf, 0.0, 1.0, -2.0]
    with working(BITS):
        for a in values:
            for b in values:
                for name in "+-*/":
                    one, other = (STEPS[name](kind.of([a]), kind.of([b])) for kind in (Twofold, Balls))
                    assert one.special() == other.special() and (one.low() <= other.high())[0], (a, b, name)


def test_ends_are_outward():
    """Doubles at or beyond the pair with its radius, and the pair itself where it is a double."""
    x = Twofold.of([1.0, 0.1]) / 3.0
    with precision(BITS):
        for place, value in enumerate((1.0, 0.1)):
            assert arb(float(x.low()[place])) < arb(value) / 3 < arb(float(x.high()[place]))
    assert Twofold.of(0.1).low() == Twofold.of(0.1).high() == 0.1


@pytest.mark.parametrize("x", [-300.0, -30.0, -1.0, 0.0, 1e-9, 0.7, 30.0, 300.0])
def test_exp_is_as_precise_as_claimed(x):
    """Ten times better than its radius, at arguments with a low part too."""
    found = elementary.exponential(Twofold.of([x, x]) + Twofold.of([0.0, 2.0**-60]))
    with precision(BITS):
        for place, low in enumerate((0.0, 2.0**-60)):
            truth = (arb(x) + arb(low)).exp()
            error = abs(truth - arb(float(found.hi[place])) - arb(float(found.lo[place])))
            assert error <= arb(float(found.rad[place])) and (error * 10 < truth * 2.0**-70)
