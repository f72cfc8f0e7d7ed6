"""Singular values and best approximations of rank one, against constructed and against high-precision ones."""

from __future__ import annotations

import random
from fractions import Fraction
from math import lcm

import mpmath
import pytest

from mechproof.claims.directions import Directions
from mechproof.claims.intervals import IntervalMatrix
from mechproof.claims.singular import (
    BadDirections,
    NotSeparated,
    Spectrum,
    frobenius_above,
    leading_row,
    rank_one,
    sigma,
)

BITS = 64


def matrix(rows: list[list[int]], scale: Fraction = Fraction(1)) -> IntervalMatrix:
    return IntervalMatrix.exactly((len(rows), len(rows[0])), [entry for row in rows for entry in row], scale)


def widened(exact: IntervalMatrix, by: Fraction) -> IntervalMatrix:
    """The same matrix, known to ``by`` only."""
    around = IntervalMatrix.column([(-by, by)] * exact.shape[0])
    return exact + around


def values(given: IntervalMatrix, ranked: bool = False) -> list[tuple[Fraction, Fraction]]:
    return sigma(given, Directions(BITS, ranked)("it", given), BITS)


def best(given: IntervalMatrix, second: Fraction | None = None) -> IntervalMatrix:
    w = leading_row(given, Directions(BITS)("it", given).directions, BITS)
    return rank_one(given, values(given)[1][1] if second is None else second, w, BITS)


def fraction(x) -> Fraction:
    man, exp = abs(mpmath.mpf(x)).man_exp
    return (-1 if x < 0 else 1) * int(man) * Fraction(2) ** int(exp)


def test_singular_values_of_a_scaled_orthogonal_matrix():
    """[[3, -4], [4, 3]]/3 has both equal to 5/3, exactly enclosed."""
    for low, high in values(matrix([[3, -4], [4, 3]], Fraction(1, 3))):
        assert low <= Fraction(5, 3) <= high and high - low < Fraction(1, 1 << 60)


def test_a_matrix_of_rank_one_is_its_own_approximation():
    """The enclosure contains it and is narrow."""
    exact = matrix([[2, 4, -6], [1, 2, -3]], Fraction(1, 7))
    found = best(exact)
    for i in range(2):
        for j in range(3):
            low, high = found.bounds(i, j)
            assert low <= exact.bounds(i, j)[0] <= high and high - low < Fraction(1, 1 << 50)


@pytest.mark.parametrize("slack", [Fraction(0), Fraction(1, 1 << 40)])
@pytest.mark.parametrize("seed", range(6))
def test_random_matrices_against_high_precision(seed, slack):
    """Both enclose what mpmath finds with 60 digits, also when the matrix itself is known to 2^-40 only."""
    rng = random.Random(seed)
    rows, columns = rng.randint(2, 4), rng.randint(2, 4)
    entries = [[rng.randint(-20, 20) for _ in range(columns)] for _ in range(rows)]
    given = matrix(entries) if not slack else widened(matrix(entries), slack)
    with mpmath.workdps(60):
        u, s, v = mpmath.svd_r(mpmath.matrix(entries), full_matrices=False)
        tiny = Fraction(1, 10**40)
        for (low, high), value in zip(values(given), s, strict=True):
            assert low - tiny <= fraction(value) <= high + tiny
            assert high - low < Fraction(1, 1 << 30)
        found = best(given)
        for i in range(rows):
            for j in range(columns):
                low, high = found.bounds(i, j)
                assert low - tiny <= fraction(s[0] * u[i, 0] * v[0, j]) <= high + tiny
                assert high - low < Fraction(1, 1 << 20)


@pytest.mark.parametrize("exact", [matrix([[1, 0], [0, 1]]), matrix([[0, 0], [0, 0]])])
def test_without_a_largest_singular_value_there_is_no_best_approximation(exact):
    """A tie is noticed, not settled by accident."""
    with pytest.raises(NotSeparated):
        best(exact)


def test_uncertainty_beyond_the_gap_is_noticed():
    """Known to 1/2 only, diag(2, 1) may have equal singular values."""
    given = widened(matrix([[2, 0], [0, 1]]), Fraction(1, 2))
    with pytest.raises(NotSeparated):
        best(given)


def test_a_wrong_bound_of_the_second_singular_value_is_what_matters():
    """With the bound taken too large nothing is claimed; the enclosure rests on it."""
    exact = matrix([[3, 0], [0, 1]])
    low, high = best(exact, Fraction(2)).bounds(0, 0)
    assert low <= 3 <= high
    with pytest.raises(NotSeparated):
        best(exact, Fraction(3))


def test_the_frobenius_norm_is_bounded_from_above():
    """3, 4 -> 5; an interval counts with its end of larger size."""
    assert frobenius_above(matrix([[3, 4]]), 10) == 5
    assert frobenius_above(IntervalMatrix.interval(Fraction(-2), Fraction(1)), 10) == 2


def turned(rows: list[list[Fraction]]) -> IntervalMatrix:
    """Directions whose columns are given by rational rows over a common denominator."""
    scale = Fraction(1, lcm(*(entry.denominator for row in rows for entry in row)))
    return matrix([[int(entry / scale) for entry in row] for row in rows], scale)


def test_exact_directions_give_exact_singular_values():
    """With the rotation by (3, 4)/5 nothing is left over: 2 and 1 come out to the last bit."""
    c, s = Fraction(3, 5), Fraction(4, 5)
    x = turned([[c, -s], [s, c]])
    diagonal = matrix([[2, 0], [0, 1]])
    assert sigma(diagonal @ x.T, Spectrum(x), BITS) == [(2, 2), (1, 1)]
    wide = diagonal @ matrix([[3, 4, 0], [0, 0, 5]], Fraction(1, 5))
    one = turned([[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]])
    assert sigma(wide, Spectrum(one), BITS) == [(2, 2), (1, 1)]


@pytest.mark.parametrize("seed", range(8))
def test_any_directions_give_true_bounds(seed):
    """However far from singular vectors they are, as long as they are nearly orthonormal: here by up to a tenth."""
    rng = random.Random(seed)
    size = rng.randint(2, 3)
    entries = [[rng.randint(-9, 9) for _ in range(size)] for _ in range(size + rng.randint(0, 1))]
    near = [[Fraction(int(i == j)) + Fraction(rng.randint(-100, 100), 1000) for j in range(size)] for i in range(size)]
    with mpmath.workdps(40):
        truth = mpmath.svd_r(mpmath.matrix(entries), compute_uv=False)
        for (low, high), value in zip(sigma(matrix(entries), Spectrum(turned(near)), BITS), truth, strict=True):
            assert low - Fraction(1, 10**30) <= fraction(value) <= high + Fraction(1, 10**30)


def test_each_part_of_the_bound_is_needed():
    """One instance each on which it would be false without β, without 1 + α, without 1 - α: the truth lies beyond."""
    one = turned([[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]])
    (_, high), (low, _) = sigma(matrix([[1, 1], [0, 1]]), Spectrum(one), BITS)
    assert low**2 < Fraction(382, 1000) < 1 and 2 < Fraction(2618, 1000) < high**2  # (3 ± √5)/2, not 1, 2
    ((low, high),) = sigma(matrix([[8]]), Spectrum(turned([[Fraction(9, 8)]])), BITS)
    assert low == 8 < high  # 9, were it not divided
    ((low, high),) = sigma(matrix([[8]]), Spectrum(turned([[Fraction(7, 8)]])), BITS)
    assert low < 8 == high  # 7


def test_bad_directions_are_refused():
    """Not as many as the smaller side, or far from orthonormal; a rank that is too small, or of what is not exact."""
    exact = matrix([[1, 2], [2, 4]])
    one, half = turned([[Fraction(1), Fraction(0)], [Fraction(0), Fraction(1)]]), turned([[Fraction(1, 2)]])
    for given, spectrum in (
        (exact, Spectrum(half)),
        (exact, Spectrum(turned([[Fraction(1), Fraction(1)], [Fraction(0), Fraction(0)]]))),
        (exact, Spectrum(one, rank=0)),
        (widened(exact, Fraction(1, 100)), Spectrum(one, rank=1)),
    ):
        with pytest.raises(BadDirections):
            sigma(given, spectrum, BITS)
    assert sigma(exact, Spectrum(one, rank=1), BITS)[1] == (0, 0)


def test_a_rank_makes_the_rest_zero():
    """Exactly, where otherwise an interval about zero would be left."""
    exact = matrix([[1, 2, 3], [2, 4, 6], [0, 1, 1]])
    assert values(exact, ranked=True)[2] == (0, 0) and values(exact)[2][1] > 0
