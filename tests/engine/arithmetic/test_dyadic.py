"""Exact matrices against matrices of fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mechproof.engine.arithmetic.dyadic import DyadicMatrix

sizes = st.integers(1, 4)
exponents = st.integers(-1100, 1100)
entries = st.one_of(st.integers(-9, 9), st.integers(-(1 << 200), 1 << 200))


@st.composite
def matrices(draw, rows=sizes, columns=sizes):
    r, c = draw(rows), draw(columns)
    return DyadicMatrix.from_integers(r, c, draw(st.lists(entries, min_size=r * c, max_size=r * c)), draw(exponents))


@st.composite
def alike(draw):
    a = draw(matrices())
    return a, draw(matrices(st.just(a.shape[0]), st.just(a.shape[1])))


@st.composite
def composable(draw):
    a = draw(matrices())
    return a, draw(matrices(st.just(a.shape[1])))


def indices(matrix):
    return [(i, j) for i in range(matrix.shape[0]) for j in range(matrix.shape[1])]


@given(matrices())
def test_entries_are_numerators_times_a_power_of_two(a):
    """Reading an entry, all entries and the integers agree with the definition, for either sign of the exponent."""
    for i, j in indices(a):
        exact = a.integers()[i][j] * Fraction(2) ** a.exponent
        assert a.fraction(i, j) == a.fractions()[i][j] == exact


@given(alike())
def test_sums_and_differences(pair):
    """+, - and negation are those of the real entries, whatever the exponents."""
    a, b = pair
    for i, j in indices(a):
        assert (a + b).fraction(i, j) == a.fraction(i, j) + b.fraction(i, j)
        assert (a - b).fraction(i, j) == a.fraction(i, j) - b.fraction(i, j)
        assert (-a).fraction(i, j) == -a.fraction(i, j)


@given(composable())
def test_products(pair):
    """@ is the matrix product of the real entries."""
    a, b = pair
    product = a @ b
    assert product.shape == (a.shape[0], b.shape[1])
    for i, j in indices(product):
        assert product.fraction(i, j) == sum(a.fraction(i, k) * b.fraction(k, j) for k in range(a.shape[1]))


@given(matrices())
def test_transpose_and_rows(a):
    """Transposing swaps indices; a row is a 1 × columns matrix."""
    assert a.T.fractions() == [list(column) for column in zip(*a.fractions(), strict=True)]
    assert [a.row(i).fractions() for i in range(a.shape[0])] == [[row] for row in a.fractions()]


@given(alike(), st.integers(0, 70))
def test_equality_is_of_numbers(pair, finer):
    """Two representations of the same numbers are equal; matrices are unequal exactly when some entry differs."""
    a, b = pair
    again = DyadicMatrix(a.at_exponent(a.exponent - finer), a.exponent - finer)
    assert again == a
    assert not (again != a)  # noqa: SIM202 - != is derived from ==, and that is what is tested
    assert again.fractions() == a.fractions()
    assert (a == b) == (a.fractions() == b.fractions())
    assert a + b - b == a


@given(matrices())
def test_one_differing_entry_is_seen(a):
    """Changing any single numerator by one gives an unequal matrix."""
    flat = [entry for row in a.integers() for entry in row]
    for n in range(len(flat)):
        changed = [entry + (k == n) for k, entry in enumerate(flat)]
        assert DyadicMatrix.from_integers(a.shape[0], a.shape[1], changed, a.exponent) != a


def test_ones():
    """The matrix of ones is exactly that, and sums rows by multiplication."""
    assert DyadicMatrix.ones(2, 3).fractions() == [[1, 1, 1], [1, 1, 1]]


def test_shapes_must_agree():
    """Every operation on matrices that do not fit names both shapes; unequal shapes are unequal, not an error."""
    a, b = DyadicMatrix.ones(2, 3), DyadicMatrix.ones(3, 2)
    for operation in (lambda: a + b, lambda: a - b, lambda: a @ a):
        with pytest.raises(ValueError, match=r"\(2, 3\)"):
            operation()
    assert a != b
    with pytest.raises(ValueError, match="length"):
        DyadicMatrix.from_integers(2, 2, [1, 2, 3], 0)
    with pytest.raises(IndexError):
        a.row(2)


def test_coarser_exponent_is_refused():
    """Numerators over a coarser power of two would have to be rounded, so they are refused."""
    with pytest.raises(ValueError, match="not a multiple"):
        DyadicMatrix.ones(1, 1).at_exponent(1)


def test_other_types_are_not_equal_and_nothing_is_hashed():
    """Equal values may have different exponents, so a matrix has no hash; it equals no plain number."""
    one = DyadicMatrix.ones(1, 1)
    assert one != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
