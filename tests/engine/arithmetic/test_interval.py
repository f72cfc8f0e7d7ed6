"""Interval tables against exact rationals, up to the last number that fits and one beyond."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, fmpz_mat
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.ball import Ball, precision
from mechproof.engine.arithmetic.interval import (
    EXPONENT_LIMIT,
    LIMIT,
    IntervalTable,
    ScaledTable,
    at_scale,
    exact_ids,
    grid_bits,
    on_grid,
    outer_product,
    scaled_table,
    times_nonnegative,
    widened,
)
from mechproof.engine.errors import MagnitudeError

LEAST, MOST = -LIMIT, LIMIT - 1
numbers = st.one_of(
    st.integers(-9, 9),
    st.integers(-(1 << 31), 1 << 31),
    st.integers(LEAST, MOST),
    st.sampled_from([LEAST, LEAST + 1, MOST]),
)
naturals = st.one_of(st.integers(0, 9), st.integers(0, 1 << 32), st.integers(0, MOST))


def table(pairs) -> IntervalTable:
    low, high = zip(*pairs, strict=True)
    return IntervalTable(np.array(low, dtype=np.int64), np.array(high, dtype=np.int64))


def one(low: int, high: int | None = None) -> IntervalTable:
    return table([(low, low if high is None else high)])


def pairs(elements, n):
    return st.lists(st.tuples(elements, elements).map(sorted), min_size=n, max_size=n)


def ends(t: IntervalTable) -> list[tuple[int, int]]:
    return list(zip(t.lower.ravel().tolist(), t.upper.ravel().tolist(), strict=True))


@given(pairs(numbers, 3))
def test_magnitude_is_the_largest_absolute_value(rows):
    """The bound holds for every number enclosed and is attained, also for the one without a positive counterpart."""
    assert table(rows).magnitude() == max(abs(end) for row in rows for end in row)


def test_nothing_has_magnitude_zero():
    """An empty table bounds nothing."""
    assert IntervalTable(np.zeros(0, np.int64), np.zeros(0, np.int64)).magnitude() == 0


@given(st.integers(1, 4).flatmap(lambda n: st.tuples(pairs(naturals, n), pairs(numbers, n))))
def test_product_is_the_exact_hull_or_refused(drawn):
    """weight·value is the least interval that holds all products, refused exactly when the 63 bits may not do."""
    weights, values = drawn
    w, v = table(weights), table(values)
    if w.magnitude() * v.magnitude() >= LIMIT:
        with pytest.raises(MagnitudeError):
            times_nonnegative(w, v)
        return
    corners = [[a * b for a in weight for b in value] for weight, value in zip(weights, values, strict=True)]
    assert ends(times_nonnegative(w, v)) == [(min(c), max(c)) for c in corners]


@pytest.mark.parametrize("sign", [1, -1])
def test_product_limit_is_exact(sign):
    """The last product below 2^63 is computed, the first at it is refused, on either side of zero."""
    factor = 7 * 7 * 73 * 127 * 337  # divides 2^63 - 1
    assert (LIMIT - 1) % factor == 0
    last = sign * ((LIMIT - 1) // factor)
    assert ends(times_nonnegative(one(factor), one(last))) == [(sign * (LIMIT - 1),) * 2]
    with pytest.raises(MagnitudeError):
        times_nonnegative(one(1 << 32), one(sign << 31))
    with pytest.raises(MagnitudeError):
        times_nonnegative(one(1), one(LEAST))


def test_product_broadcasts_and_refuses_negative_weights():
    """Shapes broadcast as in numpy; a weight that may be negative is a mistake of the caller, not a wider interval."""
    w, v = table([(1, 2), (3, 3)]), table([(-1, 1), (5, 6), (-2, -1)])
    product = times_nonnegative(w[:, None], v[None, :])
    assert ends(product) == [(-2, 2), (5, 12), (-4, -1), (-3, 3), (15, 18), (-6, -3)]
    with pytest.raises(ValueError, match="negative"):
        times_nonnegative(one(-1, 1), one(1))


@given(
    pairs(numbers, 3),
    st.one_of(st.integers(0, 9), st.integers(0, MOST)),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_widening_moves_outward_or_refuses(rows, room, exact):
    """Endpoints move by the room, except where told not to; refused exactly when an endpoint could leave 63 bits."""
    before = table(rows)
    if before.magnitude() + room >= LIMIT:
        with pytest.raises(MagnitudeError):
            widened(before, room, except_where=np.array(exact))
        return
    expected = [(a, b) if keep else (a - room, b + room) for (a, b), keep in zip(rows, exact, strict=True)]
    assert ends(widened(before, room, except_where=np.array(exact))) == expected


def test_widening_limit_is_exact():
    """An endpoint of 2^63 - 2 has room for one unit and not for two."""
    nowhere = np.array([False])
    assert ends(widened(one(2 - LIMIT, LIMIT - 2), 1, except_where=nowhere)) == [(1 - LIMIT, LIMIT - 1)]
    with pytest.raises(MagnitudeError):
        widened(one(LIMIT - 2), 2, except_where=nowhere)


integers = st.one_of(st.integers(-9, 9), st.integers(-(1 << 62), 1 << 62), st.integers(-(1 << 300), 1 << 300))


@given(st.lists(integers, min_size=1, max_size=4), st.integers(1, 62))
def test_grid_bits_leave_so_many_bits(entries, bits):
    """After the shift the largest entry has exactly the bits asked for, so the grid is as fine as it may be."""
    shift = grid_bits(fmpz_mat(1, len(entries), entries), bits)
    largest = max(map(abs, entries))
    scaled = largest >> shift if shift >= 0 else largest << -shift
    assert scaled.bit_length() == (bits if largest else 0)


@given(st.lists(integers, min_size=1, max_size=4), st.integers(-40, 320))
def test_grid_rounds_outward_to_one_unit(entries, shift):
    """Endpoints are floor and ceiling of the entry in grid units, for either sign of the shift."""
    matrix = fmpz_mat(1, len(entries), entries)
    exact = [entry * Fraction(2) ** -shift for entry in entries]
    try:
        result = on_grid(matrix, shift)
    except MagnitudeError:
        assert max(map(abs, exact)) >= 1 << 62
        return
    assert ends(result) == [(x.__floor__(), x.__ceil__()) for x in exact]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shift", [-3, 0, 5])
def test_grid_limit_is_exact(sign, shift):
    """The last entry of 62 bits is taken over, the next is refused by name instead of overflowing."""
    last = ((1 << 62) - 1) << max(shift, 0) >> max(-shift, 0)
    on_grid(fmpz_mat(1, 1, [sign * last]), shift)
    with pytest.raises(MagnitudeError):
        on_grid(fmpz_mat(1, 1, [sign * (1 << 62) << max(shift, 0)]), shift)


def positive(low: Fraction, width: Fraction) -> Ball:
    """A ball whose members all lie in [low, low + 2·width] up to the radius' own rounding."""

    def exact(x: Fraction) -> arb:
        return arb((x.numerator, 1 - x.denominator.bit_length()))

    with precision(2000):
        return Ball(arb(exact(low) + exact(width), exact(width)))


def hull(ball: Ball) -> tuple[Fraction, Fraction]:
    mid, rad = ball.enclosure.mid().man_exp(), ball.enclosure.rad().man_exp()
    mid, rad = (int(man) * Fraction(2) ** int(exp) for man, exp in (mid, rad))
    return mid - rad, mid + rad


@given(
    st.lists(
        st.tuples(st.integers(1, 1 << 100), st.integers(-120, 120), st.integers(0, 1 << 20), st.integers(-90, -40)),
        min_size=1,
        max_size=4,
    ),
    st.integers(2, 40),
    st.sampled_from([64, 128, 600]),
)
def test_scaled_table_encloses_to_a_unit(drawn, bits, working):
    """Every ball lies between its mantissas; the lower one has exactly the bits asked for."""
    balls = [
        positive(man * Fraction(2) ** exp, man * Fraction(2) ** exp * wide * Fraction(2) ** narrow)
        for man, exp, wide, narrow in drawn
    ]
    with precision(working):
        result = scaled_table([balls], bits)
    for n, ball in enumerate(balls):
        low, high = hull(ball)
        unit = Fraction(2) ** int(result.exponent[0, n])
        lower, upper = int(result.mantissa.lower[0, n]), int(result.mantissa.upper[0, n])
        assert lower * unit <= low <= high <= upper * unit
        assert lower.bit_length() == bits
        if working == 600:
            assert low < (lower + 1) * unit and (upper - 2) * unit < high


@pytest.mark.parametrize("score", [0, 1, -1, 700, -700, 10**6, -(10**9)])
def test_scaled_table_of_exponentials(score):
    """exp of scores of both signs and all sizes lies inside, to within two units of 31 bits."""
    with precision(128):
        result = scaled_table([[Ball.dyadic(score, 0).exp()]], 31)
    lower, upper, exponent = (
        int(part[0, 0]) for part in (result.mantissa.lower, result.mantissa.upper, result.exponent)
    )
    with mpmath.workdps(100):
        mantissa = mpmath.ldexp(mpmath.exp(score), -exponent)
        assert lower <= mantissa <= upper <= lower + 2


@pytest.mark.parametrize(
    ("ball", "bits"),
    [
        (Ball.dyadic(0, 0), 31),
        (Ball.dyadic(-1, 0), 31),
        (Ball(arb(1, 2)), 31),
        (Ball(arb("inf")), 31),
        (Ball(arb("nan")), 31),
        (Ball.dyadic(1, EXPONENT_LIMIT + 1), 31),
        (Ball.dyadic(1, -EXPONENT_LIMIT - 1), 31),
        (Ball(arb(2, 1).exp() + arb((1, 60), (1, 60))), 31),
        (Ball(arb((1, 600), arb((1, 600)) - arb((1, -600)))), 31),
        (Ball.dyadic(1, 0), 64),
    ],
    ids=["zero", "negative", "any sign", "infinite", "nan", "huge", "tiny", "wide", "wider", "too many bits"],
)
def test_scaled_table_refuses_by_name(ball, bits):
    """What is not positive, not finite, out of range or too wide for 63 bits is a MagnitudeError, never an overflow."""
    with precision(2000), pytest.raises(MagnitudeError):
        scaled_table([[ball]], bits)


@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(pairs(st.integers(1 << n - 1, 1 << n), 2), pairs(st.integers(1 << n - 1, 1 << n), 3))
    )
)
def test_outer_product_encloses(drawn):
    """Entry [j, i] is a[i]·b[j]: mantissas multiply end by end, exponents add."""
    a = ScaledTable(table(drawn[0]), np.array([-(1 << 40), 3]))
    b = ScaledTable(table(drawn[1]), np.array([0, 1 << 40, -7]))
    product = outer_product(a, b)
    for j, (b_low, b_high) in enumerate(drawn[1]):
        for i, (a_low, a_high) in enumerate(drawn[0]):
            assert (product.mantissa.lower[j, i], product.mantissa.upper[j, i]) == (a_low * b_low, a_high * b_high)
            assert product.exponent[j, i] == int(a.exponent[i]) + int(b.exponent[j])


def test_outer_product_limit():
    """Mantissas whose product reaches 2^63 are refused."""
    wide, narrow = ScaledTable(one(1 << 32), np.array([0])), ScaledTable(one(1 << 31), np.array([0]))
    assert outer_product(narrow, narrow).mantissa.magnitude() == 1 << 62
    with pytest.raises(MagnitudeError):
        outer_product(wide, narrow)


@given(
    pairs(st.one_of(naturals, st.sampled_from([1 << 62, MOST])), 3),
    st.lists(st.integers(-70, 0), min_size=3, max_size=3),
)
def test_common_scale_rounds_outward_to_one_unit(rows, exponents):
    """Endpoints become floor and ceiling in the common unit, for mantissas up to 2^63 - 1."""
    result = at_scale(ScaledTable(table(rows), np.array(exponents)), 0)
    shares = [(Fraction(low, 1 << -e), Fraction(high, 1 << -e)) for (low, high), e in zip(rows, exponents, strict=True)]
    assert ends(result) == [(low.__floor__(), high.__ceil__()) for low, high in shares]


def test_a_far_scale_leaves_zero_and_one():
    """Beyond all bits the value is between nothing and one unit, even for the largest mantissa."""
    far = ScaledTable(one(MOST), np.array([-EXPONENT_LIMIT]))
    assert ends(at_scale(far, EXPONENT_LIMIT)) == [(0, 1)]


def test_a_finer_scale_is_refused():
    """A scale finer than an entry's own would have to invent bits."""
    with pytest.raises(ValueError, match="coarser"):
        at_scale(ScaledTable(one(1), np.array([1])), 0)


@given(
    st.lists(st.one_of(st.integers(-2, 2), st.integers(-2, 2).map(lambda n: n + (1 << 200))), min_size=6, max_size=6)
)
def test_ids_are_equal_exactly_where_integers_are(entries):
    """Comparing ids is comparing the exact integers, however large."""
    ids = exact_ids(fmpz_mat(2, 3, entries))
    assert ids.shape == (2, 3)
    flat = ids.ravel().tolist()
    assert all((flat[i] == flat[j]) == (entries[i] == entries[j]) for i in range(6) for j in range(6))


def test_indexing_keeps_both_ends_together():
    """A part of a table is the table of the parts."""
    assert ends(table([(1, 2), (3, 4), (5, 6)])[1:]) == [(3, 4), (5, 6)]
