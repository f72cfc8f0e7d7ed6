"""Every python-flint call that the engine relies on, against Python integers, fractions and mpmath.

The wrapper has had methods that silently returned their argument (``arb.neg``, python-flint #335), so the
calls are tested themselves and not only through our own types.
"""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
from flint import arb, ctx, fmpz, fmpz_mat
from hypothesis import given
from hypothesis import strategies as st

big = st.one_of(st.integers(-5, 5), st.integers(-(1 << 130), 1 << 130))
PRECISION = 900


def exact(x: arb) -> Fraction:
    man, exp = x.man_exp()
    return int(man) * Fraction(2) ** int(exp)


@pytest.fixture(autouse=True, scope="module")
def enough_precision():
    """Sums and products of the numbers drawn here need no rounding."""
    before, ctx.prec = ctx.prec, PRECISION
    yield
    ctx.prec = before


@given(big, st.integers(-100, 100), big, st.integers(-100, 100))
def test_arb_on_exact_numbers(m, e, n, f):
    """With enough bits + - * and negation of exact balls are exact, and lower and upper are the number itself."""
    x, y = arb((fmpz(m), fmpz(e))), arb((fmpz(n), fmpz(f)))
    a, b = m * Fraction(2) ** e, n * Fraction(2) ** f
    assert [exact(z) for z in (x, y, x + y, x - y, x * y, -x)] == [a, b, a + b, a - b, a * b, -a]
    assert exact(x.lower()) == exact(x.upper()) == a
    assert x.is_zero() == (m == 0)
    assert x.is_finite()
    assert exact(arb(m)) == m


@given(big, st.integers(1, 1 << 130))
def test_arb_quotient(m, n):
    """A quotient lies between its lower and upper end, which are close."""
    q = arb(m) / arb(n)
    assert exact(q.lower()) <= Fraction(m, n) <= exact(q.upper())
    assert exact(q.upper()) - exact(q.lower()) <= Fraction(abs(m) + 1, 1 << PRECISION - 10)


@pytest.mark.parametrize(
    ("name", "value"), [("exp", -7), ("exp", 30), ("log", 5), ("log", 10**30), ("sqrt", 3), ("sqrt", 10**31)]
)
def test_arb_functions(name, value):
    """exp, log and sqrt agree with mpmath to 250 digits, on both sides."""
    with mpmath.workdps(300):
        ball = getattr(arb(value), name)()
        reference = getattr(mpmath, name)(value)
        man, exp = reference.man_exp
        truth, slack = man * Fraction(2) ** exp, abs(Fraction(man) * Fraction(2) ** exp) / 10**250
    assert truth - slack < exact(ball.lower()) < exact(ball.upper()) < truth + slack
    assert exact(ball.lower()) <= truth + slack / 10**20 and truth - slack / 10**20 <= exact(ball.upper())


@given(st.integers(-40, 40), st.integers(0, 40))
def test_arb_ends_of_a_ball(mid, rad):
    """lower and upper are the two ends, and only a ball that is exactly zero is zero."""
    ball = arb(mid, rad)
    assert exact(ball.lower()) <= mid - rad
    assert mid + rad <= exact(ball.upper())
    assert ball.is_zero() == (mid == rad == 0)


def test_arb_infinities():
    """Only finite balls are finite, so the guard before man_exp works."""
    assert not any(arb(text).is_finite() for text in ("nan", "inf", "-inf", "[+/- inf]"))
    assert not (arb(1) / arb(0, 1)).is_finite()


@given(st.data(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_matrices(data, n, m, k):
    """Integer matrices add, subtract, negate, multiply, scale, transpose, index, list and compare as in Python."""

    def draw(rows, columns):
        return data.draw(st.lists(st.lists(big, min_size=columns, max_size=columns), min_size=rows, max_size=rows))

    def flint(rows):
        return fmpz_mat(len(rows), len(rows[0]), [entry for row in rows for entry in row])

    a, b, c, scalar = draw(n, m), draw(n, m), draw(m, k), data.draw(big)
    assert (flint(a).nrows(), flint(a).ncols()) == (n, m)
    assert (flint(a) + flint(b)).tolist() == [
        [x + y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)
    ]
    assert (flint(a) - flint(b)).tolist() == [
        [x - y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)
    ]
    assert (-flint(a)).tolist() == [[-x for x in row] for row in a]
    assert (flint(a) * fmpz(scalar)).tolist() == [[x * scalar for x in row] for row in a]
    assert (flint(a) * flint(c)).tolist() == [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*c, strict=True)] for row in a
    ]
    assert flint(a).transpose().tolist() == [list(column) for column in zip(*a, strict=True)]
    assert [[int(flint(a)[i, j]) for j in range(m)] for i in range(n)] == a
    assert bool(flint(a) == flint(b)) == (a == b)
    assert flint(a) == flint(a)


@given(big, big, st.integers(0, 200))
def test_integers(m, n, shift):
    """Shifts of flint's integers, and their use as keys: equal exactly when the numbers are, with equal hashes."""
    assert int(fmpz(m) << shift) == m << shift
    assert (fmpz(m) == fmpz(n)) == (m == n)
    assert hash(fmpz(m)) == hash(fmpz(m) + 0)
    assert {fmpz(m): 1}.get(fmpz(n), 0) == (m == n)
