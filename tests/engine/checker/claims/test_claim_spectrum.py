"""Singular values and rank1 from directions: what is proved is true, narrow, and needs every term of the theorems."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from claim_certificates import directions

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.claims import spectrum as claim_spectrum
from mechproof.engine.checker.claims.matrix import Arithmetic, Intervals, exactly
from mechproof.engine.checker.claims.spectrum import Spectrum, rank_up_to
from mechproof.engine.checker.errors import Failure

SHAPES = [(1, 1), (1, 4), (4, 1), (3, 3), (4, 2), (2, 4), (5, 3)]
# 1 in units of 2^(2 - 8 width) for a width of one byte
UNIT = 64


def arithmetic(bits: int = 96, steps: int = 10**9) -> Arithmetic:
    return Arithmetic(Budget(steps), bits)


def spectrum(value: Intervals, x: Any, width: int = 1, rank: int | None = None, bits: int = 96) -> Spectrum:
    """With directions as rows of integers."""
    size = min(value.shape) if rank is None else rank
    return Spectrum(arithmetic(bits), value, size, width, tuple(map(tuple, x)), 0)


def refined(value: Intervals, rank: int | None = None) -> Spectrum:
    """With good directions."""
    given = directions(value, rank=rank)
    return Spectrum(arithmetic(), value, given.rank, given.width, given.rows(min(value.shape), 0), 0)


def refusal(action: Callable[[], Any]) -> str:
    """The code of the failure."""
    with pytest.raises(Failure) as failure:
        action()
    return failure.value.code.name


def random_matrix(rng: random.Random, height: int, width: int) -> Intervals:
    rows = tuple(tuple(rng.randint(-999, 999) for _ in range(width)) for _ in range(height))
    return exactly(rows, Fraction(1, 77))


def wider(value: Intervals, rng: random.Random, size: Fraction) -> tuple[Intervals, Any]:
    """Intervals around random neighbours of ``value``, wide ``size``, and one matrix in them."""
    steps = 1000
    scale = size / steps
    lower, inside = [], []
    for row in value.lower:
        inside.append([v * value.scale for v in row])
        lower.append(tuple(int(v * value.scale / scale) - rng.randint(1, steps - 1) for v in row))
    upper = tuple(tuple(v + steps for v in row) for row in lower)
    return Intervals(tuple(lower), upper, scale), inside


def ends(value: Intervals, i: int = 0, j: int = 0) -> tuple[Fraction, Fraction]:
    return value.lower[i][j] * value.scale, value.upper[i][j] * value.scale


def exact_svd(rows: Any) -> tuple[list[Any], Any]:
    """All singular values and the best approximation of rank one, to 60 digits."""
    with mpmath.workdps(60):
        a = mpmath.matrix([[mpmath.mpf(v.numerator) / v.denominator for v in map(Fraction, row)] for row in rows])
        u, s, v = mpmath.svd_r(a)
        return list(s), s[0] * u[:, 0] * v[0, :]


def holds(low: Fraction, truth: Any, high: Fraction) -> bool:
    """low <= truth <= high for a truth of 60 digits."""
    with mpmath.workdps(60):
        room = mpmath.mpf(10) ** -50
        return mpmath.mpf(low.numerator) / low.denominator <= truth + room and (
            truth - room <= mpmath.mpf(high.numerator) / high.denominator
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_exact_matrices(shape: tuple[int, int]) -> None:
    """Tall, wide, square: every singular value and entry of rank1 is enclosed, to about the working precision."""
    for seed in range(3):
        value = random_matrix(random.Random(seed), *shape)
        found = refined(value)
        values, best = exact_svd([[v * value.scale for v in row] for row in value.lower])
        for i, truth in enumerate(values, 1):
            low, high = ends(found.sigma(i))
            assert holds(low, truth, high)
            assert high - low < Fraction(1, 2**80)
        one = found.rank_one()
        for i, j in np.ndindex(*shape):
            low, high = ends(one, i, j)
            assert holds(low, best[i, j], high)
            assert high - low < Fraction(1, 2**80)


@pytest.mark.parametrize("shape", SHAPES)
def test_intervals(shape: tuple[int, int]) -> None:
    """Singular values and rank1 of a member are enclosed, and the enclosure is not much wider than they vary."""
    rng = random.Random(4)
    value, inside = wider(random_matrix(rng, *shape), rng, Fraction(1, 10**6))
    found = refined(value)
    values, best = exact_svd(inside)
    for i, truth in enumerate(values, 1):
        low, high = ends(found.sigma(i))
        assert holds(low, truth, high)
        assert high - low < Fraction(1, 10**5)
    one = found.rank_one()
    for i, j in np.ndindex(*shape):
        low, high = ends(one, i, j)
        assert holds(low, best[i, j], high)
        assert high - low < Fraction(1, 10**4)


def squares(value: Intervals) -> tuple[Fraction, Fraction]:
    low, high = ends(value)
    return low * low, high * high


def test_what_stands_beside_the_diagonal_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """beta: the matrix with rows 2 1, 1 2 and the axes as directions has 3 and 1, not the diagonal's roots."""
    value, axes = exactly(((2, 1), (1, 2))), [[UNIT, 0], [0, UNIT]]
    found = spectrum(value, axes)
    assert found.beside**2 >= 32
    assert found.beside - Fraction(1, 2**40) <= Fraction(5657, 1000)
    assert ends(found.sigma(1))[0] <= 3 <= ends(found.sigma(1))[1]
    assert ends(found.sigma(2))[0] <= 1 <= ends(found.sigma(2))[1]
    monkeypatch.setattr(found, "beside", Fraction(0))
    assert ends(found.sigma(1))[1] < 3
    assert ends(found.sigma(2))[0] > 1


def test_how_far_directions_are_from_orthonormal_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """alpha: the direction 5/4 of the matrix 1 gives a lower bound of exactly 1, 3/4 an upper bound."""
    one = exactly(((1,),))
    long, short = spectrum(one, [[80]]), spectrum(one, [[48]])
    assert long.apart == Fraction(9, 16)
    assert short.apart == Fraction(7, 16)
    assert ends(long.sigma(1))[0] == 1
    assert ends(short.sigma(1))[1] == 1
    for found in (long, short):
        monkeypatch.setattr(found, "apart", Fraction(0))
    assert ends(long.sigma(1))[0] > 1
    assert ends(short.sigma(1))[1] < 1


def test_alpha_must_stay_below_one() -> None:
    """At alpha = 1, or directions that are all zero, nothing is proved."""
    value = exactly(((1, 0), (0, 1)))
    assert refusal(lambda: spectrum(value, [[0, 0], [0, UNIT]])) == "E296"
    assert refusal(lambda: spectrum(value, [[90, 0], [0, 90]])) == "E296"
    assert spectrum(value, [[80, 0], [0, 80]]).apart ** 2 >= Fraction(81, 128)
    assert spectrum(value, [[UNIT, 0], [0, UNIT]]).apart == 0


def test_the_width_of_the_intervals_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """e: an entry between 2 and 4 has exactly these singular values; and none below 0."""
    found = spectrum(Intervals(((2,),), ((4,),), Fraction(1)), [[UNIT]])
    assert ends(found.sigma(1)) == (2, 4)
    monkeypatch.setattr(found, "error", Fraction(0))
    assert ends(found.sigma(1)) == (3, 3)
    assert ends(spectrum(Intervals(((-1,),), ((3,),), Fraction(1)), [[UNIT]]).sigma(1)) == (0, 3)


def test_roots_are_rounded_outward(monkeypatch: pytest.MonkeyPatch) -> None:
    """sqrt(2) lies strictly inside; with the roots' ends exchanged it would not."""
    value = exactly(((1, 1),))
    low, high = squares(spectrum(value, [[UNIT]], bits=32).sigma(1))
    assert low < 2 < high
    assert high - low < Fraction(1, 2**50)
    own = claim_spectrum.root
    monkeypatch.setattr(claim_spectrum, "root", lambda value, bits: own(value, 8)[::-1])
    low, high = squares(spectrum(value, [[UNIT]], bits=32).sigma(1))
    assert low > 2 > high


def test_numbers_of_singular_values() -> None:
    """1 to the smaller side."""
    found = spectrum(exactly(((1, 0, 0), (0, 1, 0))), [[UNIT, 0], [0, UNIT]])
    for i in (0, 3, -1):
        assert refusal(lambda i=i: found.sigma(i)) == "E292"


def rank_two(rng: random.Random, height: int, width: int) -> Intervals:
    a, b = (np.array([[rng.randint(-9, 9) for _ in range(n)] for _ in range(2)], dtype=object) for n in (height, width))
    return exactly(tuple(map(tuple, a.T.dot(b))), Fraction(1, 3))


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_rank(shape: tuple[int, int]) -> None:
    """Beyond the rank they are exactly 0; a rank that is too small is refused, for intervals any."""
    value = rank_two(random.Random(7), *shape)
    for rank in (2, 3):
        found = refined(value, rank=rank)
        values, _ = exact_svd([[v * value.scale for v in row] for row in value.lower])
        for i, truth in enumerate(values[:2], 1):
            assert holds(ends(found.sigma(i))[0], truth, ends(found.sigma(i))[1])
        if rank == 2:
            assert (found.sigma(3).exact, ends(found.sigma(3))) == (True, (0, 0))
    for rank in (0, 1):
        assert refusal(lambda rank=rank: refined(value, rank=rank)) == "E297"
    loose = value._replace(upper=tuple(map(tuple, value.upper)))
    assert refusal(lambda: refined(loose, rank=2)) == "E297"
    assert ends(refined(exactly(((0, 0), (0, 0))), rank=0).sigma(1)) == (0, 0)


def test_elimination() -> None:
    """Agrees with the rank by fractions on matrices with zeros where pivots would be."""
    rng = random.Random(3)
    for _ in range(200):
        height, width = rng.randint(1, 4), rng.randint(1, 4)
        rows = [[rng.choice([0, 0, 1, -2]) for _ in range(width)] for _ in range(height)]
        left = [[Fraction(v) for v in row] for row in rows]
        rank = 0
        for column in range(width):
            pivot = next((row for row in left if row[column]), None)
            if pivot is not None:
                rank += 1
                left.remove(pivot)
                left = [[v - row[column] / pivot[column] * w for v, w in zip(row, pivot, strict=True)] for row in left]
        for claimed in range(min(height, width) + 1):
            assert rank_up_to(tuple(map(tuple, rows)), claimed, arithmetic()) == min(rank, claimed + 1)


def turned(angle: tuple[int, int, int]) -> Any:
    """Directions turned by a rational angle, in units of 2^-14."""
    a, b, c = angle
    one = 1 << 14
    return [[one * a // c, -(one * b // c)], [one * b // c, one * a // c]]


@pytest.mark.parametrize("wide", [False, True])
def test_the_angle_counts(monkeypatch: pytest.MonkeyPatch, wide: bool) -> None:
    """epsilon: directions turned by asin(9/41) still enclose rank1 of diag(4, 1); without epsilon they would not."""
    value = exactly(((4, 0), (0, 1), (0, 0)) if not wide else ((4, 0, 0), (0, 1, 0)))
    found = spectrum(value, turned((40, 9, 41)), width=2)
    one = found.rank_one()
    truth = {(0, 0): 4}
    for i, j in np.ndindex(*value.shape):
        low, high = ends(one, i, j)
        assert low <= truth.get((i, j), 0) <= high
    monkeypatch.setattr(found, "_up", lambda value: value * 0)
    assert any(
        not ends(found.rank_one(), i, j)[0] <= truth.get((i, j), 0) <= ends(found.rank_one(), i, j)[1]
        for i, j in np.ndindex(*value.shape)
    )


def test_the_bound_of_the_angle_is_tight() -> None:
    """For diag(4, 0) with the exact rank, half of epsilon, t / (r - l^2), would not enclose rank1."""
    value = exactly(((4, 0), (0, 0)))
    found = spectrum(value, turned((40, 9, 41)), width=2, rank=1)
    truth = {(0, 0): Fraction(4)}
    one = found.rank_one()
    misses = []
    for i, j in np.ndindex(2, 2):
        low, high = ends(one, i, j)
        assert low <= truth.get((i, j), 0) <= high
        middle, radius = (low + high) / 2, (high - low) / 2
        misses.append(abs(truth.get((i, j), Fraction(0)) - middle) > radius * Fraction(9, 10))
    assert any(misses)


def test_the_width_counts_for_rank_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """|R[i]| and the e in epsilon: members with other directions than the middle's are enclosed, not without them."""
    value = Intervals(((40, -1), (-1, 10)), ((40, 1), (1, 10)), Fraction(1))
    found = spectrum(value, [[UNIT, 0], [0, UNIT]])
    _, best = exact_svd([[40, 1], [1, 10]])
    one = found.rank_one()
    assert all(holds(ends(one, i, j)[0], best[i, j], ends(one, i, j)[1]) for i, j in np.ndindex(2, 2))
    monkeypatch.setattr(found, "error", Fraction(0))
    monkeypatch.setattr(found, "row_errors", [Fraction(0)] * 2)
    one = found.rank_one()
    assert not all(holds(ends(one, i, j)[0], best[i, j], ends(one, i, j)[1]) for i, j in np.ndindex(2, 2))


def test_no_gap_no_rank_one() -> None:
    """Equal singular values, a zero matrix, a direction that the matrix sends to 0, or intervals that may hide them."""
    axes = [[UNIT, 0], [0, UNIT]]
    for value in (
        exactly(((1, 0), (0, 1))),
        exactly(((0, 0), (0, 0))),
        exactly(((0, 0, 0), (0, 0, 0))),
        exactly(((2, 1), (1, 2))),
        Intervals(((2, 0), (0, 1)), ((4, 1), (1, 3)), Fraction(1)),
    ):
        found = spectrum(value, axes)
        assert refusal(found.rank_one) == "E298"


def test_large_matrices_are_refused_before_they_are_multiplied() -> None:
    """The products are paid for in advance."""
    value = random_matrix(random.Random(0), 20, 20)
    x = tuple(tuple(int(i == j) << 4094 for j in range(20)) for i in range(20))
    assert refusal(lambda: Spectrum(arithmetic(steps=10**4), value, 20, 512, x, 0)) == "E242"
    assert refusal(lambda: rank_up_to(value.lower, 19, arithmetic(steps=100))) == "E242"
