"""Spectral norms and singular values of products of exact matrices, certified and without forming the product.

For M = A B with inner dimension d everything is read off the d × d matrices G = A^T A and H = B B^T.

Theorem (power traces).  Put H_0 = H and let H_{j+1} >= H_j G H_j, where X >= Y means that X - Y is symmetric with
nonnegative quadratic form.  Then ‖M‖₂^(2^(j+1)) <= tr(G H_j) for every j; replacing G by some G' >= G keeps this true.

Proof.  X_j = A H_j A^T is symmetric with nonnegative form, X_0 = M M^T, and X_j² = A H_j G H_j A^T <= X_{j+1}.  For a
unit vector v, Cauchy-Schwarz gives (v^T X_j v)² <= v^T X_j² v <= v^T X_{j+1} v, so (v^T X_0 v)^(2^j) <= v^T X_j v <=
tr X_j = tr(G H_j); the largest v^T X_0 v is ‖M‖₂².  A larger G belongs to an A with more rows, whose norm is larger.

Rounding down the entries of a symmetric X to multiples of u and adding n u to the diagonal gives such a larger matrix,
since a symmetric matrix F with entries of at most u in size has |x^T F x| <= n u x^T x.  So no error is carried along,
and an error made at step j weighs 2^-j in the result.  After j steps the bound of ‖M‖₂² exceeds it by a factor of at
most d^(2^-j), apart from rounding.

Theorem (sign changes).  The characteristic polynomial of G H has the squares of the singular values of M as its roots,
apart from zeros.  A polynomial of degree n that changes sign on n disjoint intervals has exactly one root in each.

>>> a = DyadicMatrix.from_integers(2, 1, [3, 4], exponent=0)
>>> b = DyadicMatrix.from_integers(1, 3, [2, 0, 0], exponent=0)
>>> numerator, exponent = spectral_norm_up([a, b], 20)                  # ‖ab‖ = 10
>>> 10 * 2**20 <= numerator * Fraction(2) ** (exponent + 20) <= 10 * 2**20 + 10
True
>>> [high for low, high in singular_values_of_product([a, b], 20)][1:]
[Fraction(0, 1)]
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import isqrt
from operator import matmul, mul
from typing import Protocol

from flint import fmpq, fmpz, fmpz_mat, fmpz_poly

from ..errors import MechproofError
from .ball import Ball, precision
from .bounds import square_root_up
from .dyadic import DyadicMatrix

# Singular values that lie closer together than this many bits tell apart are given up.
MOST_BITS = 1 << 16


@dataclass(unsafe_hash=True)
class NotIsolated(MechproofError):
    """The roots of a polynomial were not separated by real intervals; one with a complex root never is."""

    degree: int
    bits: int
    sentence = "the roots of a polynomial of degree {degree} do not lie in disjoint real intervals of {bits} bits"


class Shaped(Protocol):
    """A matrix, or a term for one."""

    @property
    def shape(self) -> tuple[int, int]: ...


def chain(factors: Sequence[Shaped]) -> list[int]:
    """The sizes of a chain of factors: the rows of each, and the columns of the last."""
    return [factors[0].shape[0], *(factor.shape[1] for factor in factors)]


def thinnest(sizes: Sequence[int]) -> int:
    """How many factors stand left of where a chain of these sizes is narrowest."""
    return sizes.index(min(sizes))


def gram(factors: Sequence[DyadicMatrix]) -> DyadicMatrix:
    """M^T M for the product M of one or more factors, from the left, so that no M is formed."""
    result = factors[0].T @ factors[0]
    for factor in factors[1:]:
        result = factor.T @ result @ factor
    return result


def _gram_multiplications(sizes: Sequence[int]) -> int:
    first = sizes[0] * sizes[1] ** 2 if len(sizes) > 1 else 0
    return first + sum(rows * columns * (rows + columns) for rows, columns in itertools.pairwise(sizes[1:]))


def _transposed(factors: Sequence[DyadicMatrix]) -> list[DyadicMatrix]:
    """The factors of the product's transpose."""
    return [factor.T for factor in reversed(factors)]


def _grams(factors: Sequence[DyadicMatrix]) -> tuple[DyadicMatrix, DyadicMatrix]:
    """G and H of the module's text, the product cut where it is narrowest; no factors count as the unit matrix."""
    sizes = chain(factors)
    cut = thinnest(sizes)
    left, right = factors[:cut], _transposed(factors[cut:])
    return gram(left) if left else _unit(sizes[cut]), gram(right) if right else _unit(sizes[cut])


def _unit(size: int) -> DyadicMatrix:
    return DyadicMatrix.from_integers(size, size, [int(i == j) for i in range(size) for j in range(size)], 0)


def rounded_up(matrix: DyadicMatrix, bits: int) -> DyadicMatrix:
    """A symmetric matrix that is larger as a quadratic form, with diagonal entries of about ``bits`` bits.

    The argument must be symmetric; it is returned as it is when its diagonal is short enough.
    """
    numerators = matrix.numerators
    size = numerators.nrows()
    drop = max(int(numerators[i, i]) for i in range(size)).bit_length() - bits
    if drop <= 0:
        return matrix
    entries = [entry >> drop for entry in numerators.entries()]
    for i in range(size):
        entries[i * size + i] += size
    return DyadicMatrix(fmpz_mat(size, size, entries), matrix.exponent + drop)


def power_steps(size: int, bits: int) -> int:
    """Squarings after which size^(2^-steps) <= 1 + 2^-bits."""
    return bits + size.bit_length().bit_length()


def power_multiplications(sizes: Sequence[int], bits: int) -> int:
    """Scalar multiplications of :func:`squared_norm_up` for a chain of these sizes."""
    cut = thinnest(sizes)
    grams = _gram_multiplications(sizes[: cut + 1]) + _gram_multiplications(sizes[cut:][::-1])
    return grams + 2 * power_steps(sizes[cut], bits) * sizes[cut] ** 3


def squared_norm_up(factors: Sequence[DyadicMatrix], bits: int) -> tuple[int, int]:
    """(n, e) with n·2^e at least ‖M‖₂² for the product M of one or more factors, from power traces.

    The excess is about 2^-bits of the bound, unless the factors' norms multiply to more than 2^(32 + bits/2) ‖M‖₂.
    """
    working = 2 * bits + 64
    g, h = (rounded_up(form, working) for form in _grams(factors))
    steps = power_steps(g.shape[0], bits)
    alone = g == _unit(g.shape[0])
    for _ in range(steps):
        h = rounded_up(h @ h if alone else h @ g @ h, working)
    numerator = int(sum(map(mul, g.numerators.entries(), h.numerators.entries())))  # both are symmetric
    exponent = g.exponent + h.exponent
    for _ in range(steps):
        numerator, exponent = square_root_up(numerator, exponent, working)
    return numerator, exponent


def spectral_norm_up(factors: Sequence[DyadicMatrix], bits: int) -> tuple[int, int]:
    """(n, e) with n·2^e at least ‖M‖₂ for the product M of the factors; see :func:`squared_norm_up`."""
    return square_root_up(*squared_norm_up(factors, bits), bits + 2)


def squared_row_lengths(factors: Sequence[DyadicMatrix]) -> DyadicMatrix:
    """The sum of squares of each row of the product of the factors, exactly, as a column."""
    cut = max(thinnest(chain(factors)), 1)
    left = reduce(matmul, factors[:cut])
    form = left @ gram(_transposed(factors[cut:])) if factors[cut:] else left
    rows = zip(form.numerators.tolist(), left.numerators.tolist(), strict=True)
    sums = [sum(map(mul, *pair)) for pair in rows]
    return DyadicMatrix(fmpz_mat(len(sums), 1, sums), form.exponent + left.exponent)


def row_length_multiplications(sizes: Sequence[int]) -> int:
    """Scalar multiplications of :func:`squared_row_lengths` for a chain of these sizes."""
    cut = max(thinnest(sizes), 1)
    left = sum(rows * columns for rows, columns in itertools.pairwise(sizes[1 : cut + 1]))
    form = sizes[cut] ** 2 * (cut + 1 < len(sizes))
    return sizes[0] * (left + form + sizes[cut]) + _gram_multiplications(sizes[cut:][::-1])


def singular_values_of_product(factors: Sequence[DyadicMatrix], bits: int) -> list[tuple[Fraction, Fraction]]:
    """A lower and an upper bound of every singular value of the product of the factors, largest first.

    As many as the product's smaller side is long, multiple ones repeated.  Zeros are (0, 0); the others are positive
    and known to 2^-bits of themselves.  Raises :class:`NotIsolated` when two lie too close together.
    """
    g, h = _grams(factors)
    polynomial = (g.numerators * h.numerators).charpoly()
    squares = [square for root, many in real_roots(polynomial, bits + 8) for square in [root] * many]
    unit = g.exponent + h.exponent
    values = [_roots(low, high, exponent + unit, bits + 4) for low, high, exponent in squares]
    values += [(Fraction(0), Fraction(0))] * (min(factors[0].shape[0], factors[-1].shape[1]) - len(values))
    # the k-th largest number lies between the k-th largest lower and the k-th largest upper bound
    lows, highs = (sorted(ends, reverse=True) for ends in zip(*values, strict=True))
    return list(zip(lows, highs, strict=True))


# low·2^exponent <= x <= high·2^exponent
Interval = tuple[int, int, int]


def _roots(low: int, high: int, exponent: int, bits: int) -> tuple[Fraction, Fraction]:
    """Bounds of the square roots of low·2^exponent (from below) and of high·2^exponent (from above)."""
    above, unit = square_root_up(high, exponent, bits)
    shift = 2 * bits + exponent % 2
    return Fraction(isqrt(low << shift)) * Fraction(2) ** unit, Fraction(above) * Fraction(2) ** unit


def real_roots(polynomial: fmpz_poly, bits: int) -> list[tuple[Interval, int]]:
    """Every root of a polynomial whose roots are real and not negative, with its multiplicity.

    A root zero is (0, 0, 0); every other lies in an interval of some 2^-bits of itself.  How the polynomial factors
    and where its roots lie comes from FLINT and is tested here: the factors by multiplying, the roots by signs.
    Raises :class:`NotIsolated` when a root is not real or two are too close.
    """
    coefficients = polynomial.coeffs()
    zeros = next(i for i, coefficient in enumerate(coefficients) if coefficient)
    rest = fmpz_poly(coefficients[zeros:])
    content, factors = rest.factor_squarefree()
    product = fmpz_poly([content])
    found = [((0, 0, 0), zeros)] * (zeros > 0)
    for factor, multiplicity in factors:
        product *= factor**multiplicity
        found += [(interval, multiplicity) for interval in isolated(factor, bits)]
    if product != rest:
        raise ArithmeticError("the squarefree factors do not multiply to the polynomial")
    return found


def isolated(polynomial: fmpz_poly, bits: int) -> list[Interval]:
    """Disjoint intervals, as many as the degree, on each of which the polynomial changes sign, so has one root."""
    while bits <= MOST_BITS:
        with precision(2 * bits):
            intervals = [_around(Ball(root.real), bits) for root, _ in polynomial.complex_roots()]  # type: ignore
        if len(intervals) == polynomial.degree() and _disjoint(intervals) and _change_sign(polynomial, intervals):
            return intervals
        bits *= 2
    raise NotIsolated(int(polynomial.degree()), MOST_BITS)


def _around(ball: Ball, bits: int) -> Interval:
    """Three units of ``bits`` bits about where a ball begins."""
    low, exponent = ball.floor_mantissa(bits)
    spare = bits - low.bit_length()
    return (low << spare) - 1, (low << spare) + 2, exponent - spare


def _point(numerator: int, exponent: int) -> fmpq:
    return fmpq(numerator << exponent, 1) if exponent >= 0 else fmpq(numerator, fmpz(1) << -exponent)


def _disjoint(intervals: Sequence[Interval]) -> bool:
    ends = sorted((_point(low, exponent), _point(high, exponent)) for low, high, exponent in intervals)
    return all(before[1] < after[0] for before, after in itertools.pairwise(ends))


def _change_sign(polynomial: fmpz_poly, intervals: Sequence[Interval]) -> bool:
    return all(
        polynomial(_point(low, exponent)) * polynomial(_point(high, exponent)) < 0 for low, high, exponent in intervals
    )
