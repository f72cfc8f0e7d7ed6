"""Singular values and best approximations of rank one, against constructed and against high-precision ones."""

from __future__ import annotations

import random
from fractions import Fraction

import mpmath
import pytest

from mechproof.rewrites.claims.intervals import IntervalMatrix
from mechproof.rewrites.claims.singular import NotSeparated, frobenius_above, rank_one, sigma

BITS = 64


def matrix(rows: list[list[int]], scale: Fraction = Fraction(1)) -> IntervalMatrix:
    return IntervalMatrix.exactly((len(rows), len(rows[0])), [entry for row in rows for entry in row], scale)


def widened(exact: IntervalMatrix, by: Fraction) -> IntervalMatrix:
    """The same matrix, known to ``by`` only."""
    around = IntervalMatrix.column([(-by, by)] * exact.shape[0])
    return exact + around


def rank_one_of(exact: IntervalMatrix) -> IntervalMatrix:
    return rank_one(exact, sigma(exact, BITS)[1][1], BITS)


def fraction(x) -> Fraction:
    man, exp = abs(mpmath.mpf(x)).man_exp
    return (-1 if x < 0 else 1) * int(man) * Fraction(2) ** int(exp)


def test_singular_values_of_a_scaled_orthogonal_matrix():
    """[[3, -4], [4, 3]]/3 has both equal to 5/3, exactly enclosed."""
    for low, high in sigma(matrix([[3, -4], [4, 3]], Fraction(1, 3)), BITS):
        assert low <= Fraction(5, 3) <= high and high - low < Fraction(1, 1 << 60)


def test_a_matrix_of_rank_one_is_its_own_approximation():
    """The enclosure contains it and is narrow."""
    exact = matrix([[2, 4, -6], [1, 2, -3]], Fraction(1, 7))
    found = rank_one_of(exact)
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
        for (low, high), value in zip(sigma(given, BITS), s, strict=True):
            assert low - tiny <= fraction(value) <= high + tiny
            assert high - low < Fraction(1, 1 << 30)
        best = rank_one(given, sigma(given, BITS)[1][1], BITS)
        for i in range(rows):
            for j in range(columns):
                low, high = best.bounds(i, j)
                assert low - tiny <= fraction(s[0] * u[i, 0] * v[0, j]) <= high + tiny
                assert high - low < Fraction(1, 1 << 20)


@pytest.mark.parametrize("exact", [matrix([[1, 0], [0, 1]]), matrix([[0, 0], [0, 0]])])
def test_without_a_largest_singular_value_there_is_no_best_approximation(exact):
    """A tie is noticed, not settled by accident."""
    with pytest.raises(NotSeparated):
        rank_one_of(exact)


def test_uncertainty_beyond_the_gap_is_noticed():
    """Known to 1/2 only, diag(2, 1) may have equal singular values."""
    given = widened(matrix([[2, 0], [0, 1]]), Fraction(1, 2))
    with pytest.raises(NotSeparated):
        rank_one(given, sigma(given, BITS)[1][1], BITS)


def test_a_wrong_bound_of_the_second_singular_value_is_what_matters():
    """With the bound taken too large nothing is claimed; the enclosure rests on it."""
    exact = matrix([[3, 0], [0, 1]])
    assert rank_one(exact, Fraction(2), BITS).bounds(0, 0)[0] <= 3 <= rank_one(exact, Fraction(2), BITS).bounds(0, 0)[1]
    with pytest.raises(NotSeparated):
        rank_one(exact, Fraction(3), BITS)


def test_the_frobenius_norm_is_bounded_from_above():
    """3, 4 -> 5; an interval counts with its end of larger size."""
    assert frobenius_above(matrix([[3, 4]]), 10) == 5
    assert frobenius_above(IntervalMatrix.interval(Fraction(-2), Fraction(1)), 10) == 2
