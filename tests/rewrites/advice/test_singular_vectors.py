"""Singular vectors from floating point: near the true ones; nothing depends on them but tightness."""

from __future__ import annotations

from fractions import Fraction

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.rewrites.advice.singular_vectors import BITS, singular_vectors


def near(found: DyadicMatrix, expected: list[list[Fraction]]) -> bool:
    step = Fraction(2, 2**BITS)
    return found.exponent == -BITS and all(
        abs(a - b) <= step
        for row, other in zip(found.fractions(), expected, strict=True)
        for a, b in zip(row, other, strict=True)
    )


def test_the_vectors_of_a_product_of_rank_one():
    """(3, 4)ᵀ (-4, 3, 0): both sides normalised, the left one positive."""
    column = DyadicMatrix.from_integers(2, 1, [-3, -4], 0)
    row = DyadicMatrix.from_integers(1, 3, [4, -3, 0], -7)

    left, right = singular_vectors([column, row])

    assert near(left, [[Fraction(3, 5)], [Fraction(4, 5)]])
    assert near(right, [[Fraction(-4, 5)], [Fraction(3, 5)], [Fraction(0)]])


def test_more_vectors_come_in_order():
    """Of a diagonal matrix: unit vectors, the largest value first."""
    matrix = DyadicMatrix.from_integers(2, 2, [2, 0, 0, 7], 0)

    left, right = singular_vectors([matrix], count=2)

    assert near(left, [[Fraction(0), Fraction(1)], [Fraction(1), Fraction(0)]])
    assert right == left


def test_numerators_beyond_a_double_are_cut():
    """Entries of two thousand bits, far from where a double ends."""
    matrix = DyadicMatrix.from_integers(2, 1, [3 * 2**2000, 4 * 2**2000 + 1], 900)

    left, right = singular_vectors([matrix])

    assert near(left, [[Fraction(3, 5)], [Fraction(4, 5)]])
    assert near(right, [[Fraction(1)]])


def test_a_zero_matrix_has_some_vectors():
    """Any will do; the shapes are right."""
    left, right = singular_vectors([DyadicMatrix.zero(3, 2)])

    assert left.shape == (3, 1) and right.shape == (2, 1)
