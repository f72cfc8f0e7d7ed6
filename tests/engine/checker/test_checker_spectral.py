"""The checker's own bound of a spectral norm: against vectors, known norms, and the engine's."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from mechproof.engine.arithmetic import spectral as engine
from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.checker.budget import DEFAULT_STEPS, Budget
from mechproof.engine.checker.dyadic import Matrix, matrix, product
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.spectral import raised, root_up, squared_norm_up


def number(pair: tuple[int, int]) -> Fraction:
    return pair[0] * Fraction(2) ** pair[1]


def random_matrix(rng: random.Random, rows: int, columns: int, bits: int) -> Matrix:
    entries = [[rng.randint(-(2**bits), 2**bits) for _ in range(columns)] for _ in range(rows)]
    return matrix(entries, rng.randint(-40, 9))


def bound(a: Matrix, b: Matrix, bits: int) -> Fraction:
    return number(squared_norm_up(a, b, bits, Budget(DEFAULT_STEPS)))


def squared_length(rows: Matrix) -> Fraction:
    return sum(v * v for row in rows.rows for v in row) * Fraction(4) ** rows.exponent


@pytest.mark.parametrize("seed", range(20))
def test_no_vector_is_stretched_by_more_than_the_bound(seed: int) -> None:
    """|x a b|^2 <= bound |x|^2, exactly, from few bits to many; more bits give a closer bound."""
    rng = random.Random(seed)
    V, d = rng.randint(1, 6), rng.randint(1, 4)
    a, b = random_matrix(rng, V, d, 20), random_matrix(rng, d, V, 20)
    bounds = [bound(a, b, bits) for bits in (1, 4, 12, 30)]
    budget = Budget(DEFAULT_STEPS)

    for _ in range(20):
        x = random_matrix(rng, 1, V, 3)
        stretched = product(product(x, a, budget), b, budget)
        assert all(squared_length(stretched) <= limit * squared_length(x) for limit in bounds)
    assert bounds[-1] <= bounds[0]


@pytest.mark.parametrize("bits", [5, 20, 30])
def test_the_bound_is_close(bits: int) -> None:
    """Equal singular values, the worst case: 2^-bits above the truth at most; and never below."""
    half = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
    assert 16 < bound(matrix(half, 0), matrix(half, 0), bits) <= 16 * (1 + Fraction(1, 2**bits))
    rank_one = bound(matrix([[3], [4]], 0), matrix([[5, 12]], -1), bits)
    assert Fraction(65, 2) ** 2 <= rank_one <= Fraction(65, 2) ** 2 * (1 + Fraction(1, 2**bits))


@pytest.mark.parametrize("seed", range(5))
def test_the_engine_finds_the_same_number(seed: int) -> None:
    """The two programs round alike, so a bound that one states the other accepts to the last bit."""
    rng = random.Random(seed)
    a, b = random_matrix(rng, 7, 4, 40), random_matrix(rng, 4, 9, 40)
    theirs = [
        DyadicMatrix.from_integers(*m.shape, [v for row in m.rows for v in row], m.exponent) for m in (a, b)
    ]

    assert bound(a, b, 16) == number(engine.squared_norm_up(theirs, 16))


def test_zero_matrices() -> None:
    """Nothing is added where nothing is rounded."""
    zero = matrix([[0, 0], [0, 0]], -3)
    assert raised(zero, 8) == zero
    assert bound(zero, matrix([[1, 2], [3, 4]], 0), 8) == 0


def test_raising_needs_its_diagonal() -> None:
    """The form at (1, 1) is not below the original's; without the added diagonal it would be."""
    form = sum(map(sum, raised(matrix([[7, 3], [3, 7]], 0), 2).rows)) * 2
    assert form - 2 * 2 * 2 < 7 + 3 + 3 + 7 <= form


def test_roots_are_rounded_up() -> None:
    """Exact squares stay; everything else goes up by less than one unit."""
    assert number(root_up(9, 4, 3)) == 12 and root_up(0, 7, 3)[0] == 0
    for numerator in range(1, 40):
        for exponent in (-3, 0, 5):
            root, unit = root_up(numerator, exponent, 6)
            square = numerator * Fraction(2) ** exponent
            assert number((root - 1, unit)) ** 2 < square <= number((root, unit)) ** 2


def test_the_budget_is_charged() -> None:
    """The products are paid for."""
    a = matrix([[1] * 8 for _ in range(8)], 0)
    with pytest.raises(Failure) as caught:
        squared_norm_up(a, a, 20, Budget(100))
    assert caught.value.code is Code.E242
