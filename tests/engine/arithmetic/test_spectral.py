"""Spectral norms and singular values: against mpmath, vectors, and matrices whose singular values are known."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from functools import reduce
from math import prod
from operator import matmul

import mpmath
import numpy as np
import pytest
from flint import acb, fmpq, fmpz_mat, fmpz_poly
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.arithmetic import spectral
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.spectral import (
    NotIsolated,
    chain,
    isolated,
    power_multiplications,
    power_steps,
    real_roots,
    rounded_up,
    row_length_multiplications,
    singular_values_of_product,
    spectral_norm_up,
    squared_norm_up,
    squared_row_lengths,
    thinnest,
)
from mechproof.engine.errors import describe

CHAINS = [(4, 4), (5, 3), (3, 5), (6, 2, 6), (2, 6, 2), (6, 3, 4, 5), (1, 5), (5, 1, 5), (4, 3, 3, 3, 4)]


def random_factors(sizes: tuple[int, ...], seed: int = 0, bits: int = 30, exponent: int = -20) -> list[DyadicMatrix]:
    rng = random.Random(f"{sizes} {seed}")
    return [
        DyadicMatrix.from_integers(
            rows, columns, [rng.randint(-(2**bits), 2**bits) for _ in range(rows * columns)], exponent
        )
        for rows, columns in itertools.pairwise(sizes)
    ]


def diagonal(entries: list[int], exponent: int = 0) -> DyadicMatrix:
    n = len(entries)
    return DyadicMatrix.from_integers(n, n, [entries[i] * (i == j) for i in range(n) for j in range(n)], exponent)


def number(pair: tuple[int, int]) -> Fraction:
    return pair[0] * Fraction(2) ** pair[1]


def mpmath_values(matrix: DyadicMatrix) -> list[Fraction]:
    """The singular values to some 60 digits, largest first."""
    with mpmath.workdps(80):
        rows = [[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in matrix.fractions()]
        values = mpmath.svd_r(mpmath.matrix(rows), compute_uv=False)
        return [Fraction(v.man_exp[0]) * Fraction(2) ** v.man_exp[1] for v in values]


def form(matrix: DyadicMatrix, vector: list[int]) -> Fraction:
    rows = matrix.fractions()
    return sum(
        (x * entry * y for x, row in zip(vector, rows, strict=True) for entry, y in zip(row, vector, strict=True)),
        Fraction(0),
    )


@pytest.mark.parametrize("sizes", CHAINS)
def test_every_singular_value_lies_in_its_enclosure(sizes):
    """Products of one to four factors, tall, wide and square, against mpmath's SVD of the product."""
    factors = random_factors(sizes)
    bounds = singular_values_of_product(factors, 100)
    truth = mpmath_values(reduce(matmul, factors))

    assert len(bounds) == min(sizes[0], sizes[-1]) == len(truth)
    tiny = truth[0] / 10**60
    assert all(low - tiny <= value <= high + tiny for (low, high), value in zip(bounds, truth, strict=True))
    assert all(high - low <= high / 2**100 for low, high in bounds)
    assert bounds == sorted(bounds, reverse=True)


@pytest.mark.parametrize("sizes", CHAINS)
@pytest.mark.parametrize("bits", [4, 20, 40])
def test_the_norm_is_bounded_from_above_and_closely(sizes, bits):
    """Never below the certified lower bound of the largest singular value, and 2^-bits above it at most."""
    for exponent in (-200, -20, 90):
        factors = random_factors(sizes, exponent=exponent)
        low, high = singular_values_of_product(factors, 100)[0]
        bound = number(spectral_norm_up(factors, bits))

        assert low <= bound <= high * (1 + Fraction(1, 2**bits))


@given(st.lists(st.integers(-9, 9), min_size=6, max_size=6), st.lists(st.integers(-9, 9), min_size=3, max_size=3))
def test_no_vector_is_stretched_by_more_than_the_bound(entries, vector):
    """‖M x‖² <= bound·‖x‖² in exact arithmetic, for the matrix and for its transpose."""
    matrix = DyadicMatrix.from_integers(2, 3, entries, -2)
    x = DyadicMatrix.from_integers(3, 1, vector, 0)
    stretched = matrix @ x

    for factors in ([matrix], [matrix.T]):
        square = number(squared_norm_up(factors, 8))
        assert (stretched.T @ stretched).fraction(0, 0) <= square * (x.T @ x).fraction(0, 0)


@pytest.mark.parametrize("size", [2, 4, 16, 32])
def test_equal_singular_values_are_the_worst_case(size):
    """For an orthogonal matrix all eigenvalues weigh alike in the trace; the excess is still what was asked for."""
    signs = fmpz_mat.hadamard(size)
    matrix = DyadicMatrix(signs, 0)

    square = number(squared_norm_up([matrix], 20))

    assert size < square <= size * (1 + Fraction(1, 2**20))
    values = singular_values_of_product([matrix], 20)
    assert [high * high >= size >= low * low > 0 for low, high in values] == [True] * size


def test_there_are_enough_squarings():
    """size^(2^-steps) <= 1 + 2^-bits."""
    for size, bits in itertools.product((1, 2, 3, 32, 64, 1000), (3, 10, 24)):
        with mpmath.workdps(30):
            assert mpmath.mpf(size) ** (mpmath.mpf(2) ** -power_steps(size, bits)) <= 1 + mpmath.mpf(2) ** -bits


def test_zero_and_tiny_matrices():
    """A zero factor gives zero exactly; sizes of one work; so do entries of many digits before or after the point."""
    zero = DyadicMatrix.zero(3, 2)
    assert spectral_norm_up([zero], 20)[0] == 0
    assert singular_values_of_product([zero], 20) == [(0, 0), (0, 0)]
    assert spectral_norm_up([*random_factors((4, 3)), zero], 20)[0] == 0
    for exponent in (-2000, 0, 2000):
        three = DyadicMatrix.from_integers(1, 1, [-3], exponent)
        truth = 3 * Fraction(2) ** exponent
        assert truth <= number(spectral_norm_up([three], 30)) <= truth * (1 + Fraction(1, 2**30))
        ((low, high),) = singular_values_of_product([three], 30)
        assert low <= truth <= high <= low * (1 + Fraction(1, 2**30))


def test_cancelling_factors_are_bounded_all_the_same():
    """Large factors with a small product: looser when too much cancels, never below."""
    for size in (10, 60, 200):
        left = DyadicMatrix.from_integers(1, 2, [2**size, 1], 0)
        right = DyadicMatrix.from_integers(2, 1, [1, -(2**size) + 1], 0)
        assert number(spectral_norm_up([left, right], 20)) >= 1
        assert singular_values_of_product([left, right], 20)[0][0] <= 1


@given(st.lists(st.integers(-(2**20), 2**20), min_size=12, max_size=12), st.integers(1, 30), st.data())
def test_rounding_up_raises_the_form(entries, bits, data):
    """Whatever the bits, no vector has a smaller form afterwards, and entries get short."""
    factor = DyadicMatrix.from_integers(4, 3, entries, -7)
    matrix = factor.T @ factor
    raised = rounded_up(matrix, bits)
    vector = data.draw(st.lists(st.integers(-50, 50), min_size=3, max_size=3))

    assert raised == raised.T
    assert form(raised, vector) >= form(matrix, vector)
    assert max(int(entry).bit_length() for entry in raised.numerators.entries()) <= bits + 3


def test_rounding_down_without_the_diagonal_would_be_wrong():
    """The diagonal is what makes the rounded matrix larger: without it this form falls below."""
    matrix = DyadicMatrix.from_integers(2, 2, [7, 3, 3, 7], 0)
    raised = rounded_up(matrix, 2)
    without = raised - DyadicMatrix.from_integers(2, 2, [2, 0, 0, 2], raised.exponent)

    assert form(raised, [1, 1]) >= form(matrix, [1, 1]) > form(without, [1, 1])


def test_multiple_and_zero_singular_values():
    """Values of a diagonal matrix: equal ones are all there, zeros are exact, signs do not matter."""
    bounds = singular_values_of_product([diagonal([3, -3, 0, 5, 0, 3], -1)], 50)

    assert bounds[4:] == [(0, 0), (0, 0)]
    truth = [Fraction(v, 2) for v in (5, 3, 3, 3)]
    assert all(low <= value <= high for (low, high), value in zip(bounds, truth, strict=False))
    assert len(bounds) == 6


def test_close_singular_values_are_told_apart():
    """1 and 1 + 2^-300 asked for with 20 bits: both are found and enclosed, since the search goes on to more bits."""
    bounds = singular_values_of_product([diagonal([2**300, 2**300 + 1], -300)], 20)

    assert bounds[0][0] <= 1 + Fraction(1, 2**300) <= bounds[0][1]
    assert bounds[1][0] <= 1 <= bounds[1][1]


def test_a_product_of_low_rank_has_exact_zeros():
    """64 × 64 of rank 32: 32 zeros, whether given as factors or multiplied out, and the same enclosures otherwise."""
    factors = random_factors((64, 32, 64), bits=12, exponent=-12)
    thin = singular_values_of_product(factors, 60)
    thick = singular_values_of_product([reduce(matmul, factors)], 60)

    assert thin[32:] == thick[32:] == [(0, 0)] * 32
    assert all(0 < a[0] <= b[1] and b[0] <= a[1] for a, b in zip(thin[:32], thick[:32], strict=True))


def test_roots_that_are_not_real_are_not_found():
    """A polynomial with complex roots, or with fewer sign changes than roots, is refused by name."""
    with pytest.raises(NotIsolated) as caught:
        isolated(fmpz_poly([1, 0, 1]), 1 << 15)
    assert "degree 2" in describe(caught.value)


@pytest.mark.parametrize(("roots", "believed"), [((3, 5), True), ((3, 3), False), ((3, 4), False), ((3,), False)])
def test_a_root_finder_is_not_believed(roots, believed):
    """A root found twice, one that is none, or one left out: the signs decide."""

    class Finder:
        """(x - 3) (x - 5) with these roots, by its own account."""

        def degree(self) -> int:
            return 2

        def __call__(self, x: fmpq) -> fmpq:
            return (x - 3) * (x - 5)

        def complex_roots(self) -> list[tuple[acb, int]]:
            return [(acb(root), 1) for root in roots]

    if believed:
        assert len(isolated(Finder(), 1 << 15)) == 2  # type: ignore[arg-type]
    else:
        with pytest.raises(NotIsolated):
            isolated(Finder(), 1 << 15)  # type: ignore[arg-type]


def test_factors_are_not_believed(monkeypatch):
    """A factorisation that leaves out a root is noticed by multiplying it out."""

    class Wrong(fmpz_poly):
        def factor_squarefree(self):
            return 1, [(fmpz_poly([-3, 1]), 1)]

    monkeypatch.setattr(spectral, "fmpz_poly", Wrong)
    assert [many for _, many in real_roots(fmpz_poly([-3, 1]), 30)] == [1]
    with pytest.raises(ArithmeticError, match="squarefree"):
        real_roots(fmpz_poly([15, -8, 1]), 30)


def test_roots_with_multiplicities():
    """x² (x - 3)² (x - 5): every root with its multiplicity, each interval with a root and no other."""
    found = real_roots(fmpz_poly([0, 0, 1]) * fmpz_poly([-3, 1]) ** 2 * fmpz_poly([-5, 1]), 30)

    assert found[0] == ((0, 0, 0), 2)
    ends = sorted((low * Fraction(2) ** e, high * Fraction(2) ** e, many) for (low, high, e), many in found[1:])
    assert [many for *_, many in ends] == [2, 1]
    assert ends[0][0] < 3 < ends[0][1] < ends[1][0] < 5 < ends[1][1]


@given(st.lists(st.integers(-(2**40), 2**40), min_size=16, max_size=16), st.integers(-9, 9))
def test_the_characteristic_polynomial(entries, x):
    """FLINT's charpoly at x is det(x - S) by permutations, and the polynomial is monic."""
    polynomial = fmpz_mat(4, 4, entries).charpoly()
    shifted = [[x * (i == j) - entries[4 * i + j] for j in range(4)] for i in range(4)]
    determinant = sum(
        (-1) ** sum(a > b for a, b in itertools.combinations(order, 2)) * prod(shifted[i][order[i]] for i in range(4))
        for order in itertools.permutations(range(4))
    )

    assert polynomial(x) == determinant and polynomial[4] == 1


@pytest.mark.parametrize("sizes", CHAINS)
def test_row_lengths_are_exact(sizes):
    """Against the rows of the multiplied product."""
    factors = random_factors(sizes)

    lengths = squared_row_lengths(factors).fractions()

    assert lengths == [[sum(v * v for v in row)] for row in reduce(matmul, factors).fractions()]


def test_multiplications_are_counted_as_they_are_made():
    """By hand for a tall and a wide factor, for one factor, and for a chain that is narrow at its first side."""
    assert chain(random_factors((6, 2, 5))) == [6, 2, 5] and thinnest([6, 2, 5]) == 1
    steps = 2 * power_steps(2, 10) * 8
    assert power_multiplications([6, 2, 5], 10) == 6 * 4 + 5 * 4 + steps
    assert power_multiplications([6, 2], 10) == power_multiplications([2, 6], 10) == 6 * 4 + steps
    assert power_multiplications([6, 3, 2, 5], 10) == 6 * 9 + 3 * 2 * (3 + 2) + 5 * 4 + steps
    assert row_length_multiplications([6, 2, 5]) == 5 * 4 + 6 * 4 + 6 * 2
    assert row_length_multiplications([6, 2]) == 6 * 2
    assert row_length_multiplications([6, 3, 2, 5]) == 6 * 3 * 2 + 5 * 4 + 6 * 4 + 6 * 2


def test_floating_point_norms_are_no_bounds():
    """numpy's largest singular value, in both precisions, is sometimes below the certified lower bound."""
    below = {np.float32: 0, np.float64: 0}
    for seed in range(6):
        (matrix,) = random_factors((64, 64), seed, bits=20, exponent=-10)
        low = singular_values_of_product([matrix], 60)[0][0]
        for kind in below:
            entries = np.array(matrix.integers(), dtype=kind) * kind(2.0**-10)
            largest = np.linalg.svd(entries, compute_uv=False)[0]
            below[kind] += Fraction(float(largest)) < low
    assert all(count > 0 for count in below.values()), below
