"""Balls against exact rationals, and against mpmath at far more digits than any ball here has bits for."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from flint import arb, ctx
from hypothesis import assume, given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.ball import Ball, precision
from mechproof.engine.arithmetic.verdict import Verdict
from mechproof.engine.errors import MagnitudeError

DIGITS = 130
precisions = st.integers(2, 256)
mantissas = st.one_of(st.integers(-20, 20), st.integers(-(1 << 150), 1 << 150))
dyadics = st.tuples(mantissas, st.integers(-200, 20))
radii = st.tuples(st.integers(0, 20), st.integers(-200, 20))


def fraction(man_exp) -> Fraction:
    return int(man_exp[0]) * Fraction(2) ** int(man_exp[1])


def ends(ball: Ball) -> tuple[Fraction, Fraction]:
    """The exact end points, from midpoint and radius rather than from what is tested."""
    mid, rad = (fraction(part.man_exp()) for part in (ball.enclosure.mid(), ball.enclosure.rad()))
    return mid - rad, mid + rad


def make(mid, rad) -> Ball:
    return Ball(arb(arb(mid), arb(rad)))


balls = st.builds(make, dyadics, radii)
shares = st.fractions(0, 1)


def member(ball: Ball, share: Fraction) -> Fraction:
    low, high = ends(ball)
    return low + share * (high - low)


def contains(ball: Ball, value: Any) -> bool:
    """Containment of a fraction, exactly, or of an mpmath number, at its own precision; infinite balls contain all."""
    if not ball.enclosure.is_finite():
        return True
    if isinstance(value, mpmath.mpf):
        sign, man, exp, _ = value._mpf_
        value = (-1) ** sign * fraction((man, exp))
    low, high = ends(ball)
    return low <= value <= high


def real(value: Fraction) -> Any:
    """The fraction to DIGITS digits; exact for dyadics of so many."""
    return mpmath.mpf(value.numerator) / value.denominator


@given(mantissas, st.integers(-(1 << 70), 1 << 70), precisions)
def test_dyadic_is_exact(mantissa, exponent, bits):
    """A dyadic number enters exactly whatever the precision is."""
    with precision(bits):
        man, exp = Ball.dyadic(mantissa, exponent).enclosure.man_exp()
    assert (int(man) == 0 == mantissa) or (int(man) << int(exp) - exponent == mantissa)


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
@given(balls, balls, shares, shares, precisions)
def test_arithmetic_encloses(name, x, y, s, t, bits):
    """Every member of X combined with every member of Y lies in the result, at any precision."""
    operation = getattr(operator, name)
    with precision(bits):
        result = operation(x, y)
    for a, b in ((Fraction(0), Fraction(1)), (Fraction(0), Fraction(0)), (Fraction(1), Fraction(0)), (s, t)):
        assert contains(result, operation(member(x, a), member(y, b)))


@given(balls, balls, shares, shares, precisions)
def test_quotient_encloses(x, y, s, t, bits):
    """Quotients lie in the result; a divisor that may be zero gives a ball that decides nothing."""
    with precision(bits):
        result = x.over(y)
    low, high = ends(y)
    if low <= 0 <= high:
        assert not result.enclosure.is_finite()
        assert result.sign() is None
    else:
        assert contains(result, member(x, s) / member(y, t))
        assert contains(result, ends(x)[0] / high)


@pytest.mark.parametrize("name", ["exp", "log"])
@given(balls, st.integers(0, 8), precisions)
def test_transcendental_functions_enclose(name, x, eighths, bits):
    """exp and log of the ends and of a member lie in the result."""
    low, high = ends(x)
    assume(low > 0 if name == "log" else abs(low) + abs(high) < 1 << 20)
    with precision(bits):
        result = getattr(x, name)()
    with mpmath.workdps(DIGITS):
        for value in (low, high, member(x, Fraction(eighths, 8))):
            assert contains(result, getattr(mpmath, name)(real(value)))


@given(st.one_of(st.integers(0, 50), st.integers(0, 1 << 200)), precisions)
def test_square_root_encloses(n, bits):
    """The root's ball holds the root: its ends squared lie on both sides of n."""
    with precision(bits):
        low, high = ends(Ball.sqrt(n))
    assert max(low, 0) ** 2 <= n <= high**2


def test_outside_the_domain_nothing_is_decided():
    """The root of a negative number and the logarithm of a non-positive one are balls without a sign."""
    for ball in (Ball.sqrt(-1), Ball.dyadic(-1, 0).log(), Ball.dyadic(0, 0).log()):
        assert ball.sign() is None
        assert (ball < ball) is (ball == ball) is (ball >= ball) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    "function",
    [
        lambda: Ball.dyadic(-13, 1).exp(),
        lambda: Ball.dyadic(7, -3).log(),
        lambda: Ball.sqrt(2),
        lambda: Ball.dyadic(1, 0).over(Ball.dyadic(3, 0)),
    ],
    ids=["exp", "log", "sqrt", "over"],
)
def test_twice_the_precision_squares_the_relative_width(function):
    """Width canary: balls of b bits are not wider than 2^-(b-8), so precision is not silently capped."""
    for bits in (32, 64, 128, 256, 512):
        with precision(bits):
            low, high = ends(function())
        assert high - low <= abs(low) * Fraction(1, 2 ** (bits - 8))
        assert high > low


@given(balls, precisions)
def test_sign_is_that_of_every_member(x, bits):
    """A sign is given exactly when all members share it; exactly zero is a sign of its own."""
    low, high = ends(x)
    expected = {(True, False): 1, (False, True): -1}.get((low > 0, high < 0), 0 if low == high == 0 else None)
    with precision(bits):
        assert x.sign() == expected


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "[+/- inf]"])
def test_infinite_balls_have_no_sign_and_no_mantissa(text):
    """What is not finite decides nothing and is never turned into an integer."""
    ball = Ball(arb(text))
    assert ball.sign() is None
    for end in (ball.floor_mantissa, ball.ceil_mantissa):
        with pytest.raises(MagnitudeError, match="finite"):
            end(31)


RELATIONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("relation", RELATIONS)
@given(balls, balls, shares, shares, precisions)
def test_comparisons_are_sound_verdicts(relation, x, y, s, t, bits):
    """A comparison gives a verdict, and a decided one holds for all members of both balls."""
    with precision(bits):
        verdict = relation(x, y)
    assert isinstance(verdict, Verdict)
    pairs = [(s, t), *((Fraction(a), Fraction(b)) for a in (0, 1) for b in (0, 1))]
    truths = {relation(member(x, a), member(y, b)) for a, b in pairs}
    if verdict.proved:
        assert truths == {True}
    if verdict.refuted:
        assert truths == {False}


@pytest.mark.parametrize("relation", RELATIONS)
@given(dyadics, dyadics)
def test_exact_numbers_are_always_compared(relation, a, b):
    """Between exact dyadics every comparison is decided, equality included."""
    assert relation(Ball.dyadic(*a), Ball.dyadic(*b)).proved == relation(fraction(a), fraction(b))
    assert relation(Ball.dyadic(*a), Ball.dyadic(*a)).proved == relation(0, 0)


@pytest.mark.parametrize("relation", RELATIONS)
def test_overlapping_balls_are_undecided(relation):
    """python-flint's own trap: [1 ± 2] and [1.5 ± 2] compare neither way, nor does a ball with itself."""
    x, y = make((1, 0), (1, 1)), make((3, -1), (1, 1))
    assert relation(x, y) is relation(y, x) is relation(x, x) is Verdict.UNDECIDED


def test_no_truth_value_and_no_hash():
    """A ball is neither true nor false, also not through max, and cannot be looked up."""
    x, y = make((1, 0), (1, 1)), make((3, -1), (1, 1))
    for misuse in (
        lambda: bool(x),
        lambda: max(x, y),
        lambda: sorted([x, y]),
        lambda: x in [y],
        lambda: 0 if x < y else 1,
    ):
        with pytest.raises(TypeError, match="not a bool"):
            misuse()
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


@given(balls, st.integers(1, 160), precisions)
def test_mantissas_bound_at_any_precision(x, size, bits):
    """floor_mantissa is at most and ceil_mantissa at least every member, within the stated size, negative balls too."""
    low, high = ends(x)
    with precision(bits):
        below, above = x.floor_mantissa(size), x.ceil_mantissa(size)
    assert fraction(below) <= low <= high <= fraction(above)
    assert max(abs(below[0]), abs(above[0])) <= 1 << size


@given(balls, st.integers(1, 160))
def test_mantissas_are_tight_to_one_unit(x, size):
    """With enough precision the bound is less than one unit from the end, and equal where the end fits."""
    low, high = ends(x)
    with precision(600):
        below, above = x.floor_mantissa(size), x.ceil_mantissa(size)
    assert low - fraction((1, below[1])) < fraction(below)
    assert fraction(above) < high + fraction((1, above[1]))
    for exact, (man, exp) in ((low, below), (high, above)):
        if abs(man) < 1 << size - 1:  # fewer bits than allowed: nothing was cut off
            assert fraction((man, exp)) == exact


@pytest.mark.parametrize(
    ("number", "below", "above"), [(-511, (-256, 1), (-255, 1)), (511, (255, 1), (256, 1)), (0, (0, 0), (0, 0))]
)
def test_mantissas_of_integers(number, below, above):
    """Spot values at eight bits: down is towards minus infinity and up towards plus infinity."""
    ball = Ball.dyadic(number, 0)
    assert (ball.floor_mantissa(8), ball.ceil_mantissa(8)) == (below, above)


def test_exponentials_beyond_all_exponents():
    """exp of ±2^(2^100) ends in a refusal above and in a bound below: neither hangs nor claims a sign."""
    with pytest.raises(MagnitudeError):
        Ball.dyadic(1, 1 << 100).exp().floor_mantissa(31)
    tiny = Ball.dyadic(-1, 1 << 100).exp()
    assert tiny.sign() is None
    assert tiny.floor_mantissa(31)[0] <= 0 < tiny.ceil_mantissa(31)[0]


def test_precision_is_restored():
    """The precision returns to what it was, after nesting and after an error."""
    before = ctx.prec
    with pytest.raises(KeyError), precision(200):
        with precision(300):
            assert ctx.prec == 300
        assert ctx.prec == 200
        raise KeyError
    assert ctx.prec == before
