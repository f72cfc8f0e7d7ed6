"""The irreducible characters of a group, exactly, from its multiplication table (Burnside, Dixon).

*Homomorphisms.*  Let C_1, …, C_k be the conjugacy classes, and a_ijl the number of (x, y) in C_i × C_j with x y a given
element of C_l.  The sums of the classes span an algebra of dimension k with these structure constants; its k
homomorphisms to the complex numbers are ω(C) = |C| χ(C) / χ(1), one for each irreducible character χ.

*Modulo p.*  Let e be the exponent of the group, p ≡ 1 (mod e) a prime larger than 2√n, ζ of order e modulo p.  All ω
and χ have values in Z[ζ_e], and sending ζ_e to ζ takes the k complex homomorphisms to homomorphisms modulo p.  p does
not divide n (a prime that does divides e), so these are k different ones (orthogonality: Σ χ(g) ψ(g⁻¹) is n for χ = ψ
and 0 otherwise), and there are no more than k, since different homomorphisms of an algebra are independent.  So any k
different homomorphisms modulo p are the images of the complex ones.

*Back.*  χ(1)² Σ_C ω(C) ω(C⁻¹)/|C| = n, which determines χ(1) <= √n modulo p, as p > 2√n.  The eigenvalue ζ_e^j of g has
the multiplicity (1/e) Σ_l χ(g^l) ζ_e^-jl, a natural number of at most χ(1) < p, which its residue modulo p determines.
So every χ(g) is known as a sum of roots of unity.

Where the homomorphisms come from does not matter: they are tested.

Source: Dixon, High speed computation of group characters, Numerische Mathematik 10 (1967).

>>> from .group_tables import built_in
>>> [irrep.degree for irrep in irreps(built_in("S4"))]
[1, 1, 2, 3, 3]
>>> [irrep.degree for irrep in irreps(built_in("Z5"))]
[1, 2, 2]
>>> [irrep.integers() for irrep in irreps(built_in("S3"))]
[[1, 1, 1], [1, -1, 1], [2, 0, -1]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import count
from math import gcd, isqrt, lcm

import numpy as np
from flint import arb, fmpz, nmod_mat

from ...engine.arithmetic.ball import Ball, precision
from ..weights.errors import axes_text
from .errors import TaskDoesNotFit

MOST_CLASSES = 150
BITS = 96  # values that are no integers are known in 2^-BITS
LARGEST_PRIME = 1 << 30


@dataclass(frozen=True)
class Irrep:
    """A real irreducible component: a character with real values, or one added to its conjugate.

    ``dimension`` is what the projection's factor d/n uses, the degree of the complex character; ``degree`` that of the
    component.  ``roots[C][j]``: how often ζ_e^j is in the value on class C.
    """

    dimension: int
    degree: int
    roots: tuple[tuple[int, ...], ...]

    def integers(self) -> list[int] | None:
        """The values by classes, where all are integers: such a value is constant on the j with one gcd(j, e), and the
        roots of unity with gcd(j, e) = g add up to μ(e/g)."""
        exponent = len(self.roots[0])
        found = []
        for counts in self.roots:
            by = {gcd(j, exponent): count for j, count in enumerate(counts)}
            if any(by[gcd(j, exponent)] != count for j, count in enumerate(counts)):
                return None
            found.append(sum(count * _moebius(exponent // g) for g, count in by.items()))
        return found

    def values(self) -> list[tuple[int, int]]:
        """(n, N) with n <= 2^BITS χ(C) <= N for every class."""
        exact = self.integers()
        if exact is not None:
            return [(value << BITS, value << BITS) for value in exact]
        ends = cosines(len(self.roots[0]))
        pairs = [
            [(count * low, count * high) for count, (low, high) in zip(row, ends, strict=True)] for row in self.roots
        ]
        return [(sum(low for low, _ in row), sum(high for _, high in row)) for row in pairs]


@dataclass(frozen=True)
class Classes:
    """``of[g]``: the class of an element, numbered by their least elements; ``powers[C][l]``: the class of g^l for g in
    C and l below the exponent."""

    of: np.ndarray
    powers: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> list[int]:
        return [int(size) for size in np.bincount(self.of)]


def classes_of(table: np.ndarray) -> Classes:
    """The conjugacy classes of a group."""
    n = len(table)
    unit = int(np.flatnonzero((table == np.arange(n)).all(axis=1))[0])
    inverse = np.argmin(np.abs(table - unit), axis=1)
    least = table[table, inverse[:, None]].min(axis=0)  # over h: h g h^-1
    firsts = np.unique(least)
    of = np.searchsorted(firsts, least)
    orders: list[list[int]] = []
    for first in firsts.tolist():
        found = [unit]
        while int(table[found[-1], first]) != unit:
            found.append(int(table[found[-1], first]))
        orders.append([int(of[g]) for g in found])
    exponent = lcm(*map(len, orders))
    return Classes(of, tuple(tuple(row[m % len(row)] for m in range(exponent)) for row in orders))


def irreps(table: np.ndarray) -> list[Irrep]:
    """The real irreducible components, the trivial one first, then by degree and by values on the classes.

    Raises :class:`TaskDoesNotFit` for a group of more than MOST_CLASSES classes.
    """
    return _irreps(table.astype(np.int64).tobytes(), len(table))


@cache
def _irreps(products: bytes, order: int) -> list[Irrep]:
    """The same, once a group."""
    table = np.frombuffer(products, dtype=np.int64).reshape(order, order)
    classes = classes_of(table)
    sizes, exponent = classes.sizes, len(classes.powers[0])
    if len(sizes) > MOST_CLASSES:
        raise TaskDoesNotFit("characters", f"a group of at most {MOST_CLASSES} classes", axes_text((len(sizes),)))
    p = _prime(exponent, len(table))
    root = _root(p, exponent)
    inverse = [powers[-1] for powers in classes.powers]
    complex_ones = []
    for omega in _homomorphisms(table, classes, p):
        total = sum(omega[c] * omega[inverse[c]] * pow(size, -1, p) for c, size in enumerate(sizes)) % p
        degree = next(d for d in range(1, isqrt(len(table)) + 1) if (d * d * total - len(table)) % p == 0)
        values = [degree * omega[c] * pow(size, -1, p) % p for c, size in enumerate(sizes)]
        complex_ones.append((degree, _roots_in(values, classes, root, p)))
    found = {}
    for degree, roots in complex_ones:
        other = tuple((row[0], *row[:0:-1]) for row in roots)
        both = (
            roots
            if other == roots
            else tuple(tuple(map(sum, zip(*rows, strict=True))) for rows in zip(roots, other, strict=True))
        )
        found[both] = Irrep(degree, both[classes.powers[0][0]][0], both)
    trivial = [irrep for irrep in found.values() if all(row[0] == 1 == sum(row) for row in irrep.roots)]
    rest = [irrep for irrep in found.values() if irrep not in trivial]
    return trivial + sorted(rest, key=lambda irrep: (irrep.degree, [-low for low, _ in irrep.values()]))


def _homomorphisms(table: np.ndarray, classes: Classes, p: int) -> list[list[int]]:
    """k different homomorphisms of the class algebra modulo p, tested."""
    k = len(classes.powers)
    firsts = [int(np.flatnonzero(classes.of == c)[0]) for c in range(k)]
    unit = firsts[classes.powers[0][0]]
    inverse = np.argmin(np.abs(table - unit), axis=1)
    constants = np.empty((k, k, k), dtype=np.int64)  # [i, j, l]
    for number, g in enumerate(firsts):
        pairs = classes.of * k + classes.of[table[inverse, g]]  # x and x^-1 g
        constants[:, :, number] = np.bincount(pairs, minlength=k * k).reshape(k, k)
    rows = [[[int(entry) for entry in row] for row in matrix] for matrix in constants]
    matrices = [nmod_mat(k, k, [entry for row in matrix for entry in row], p) for matrix in rows]
    for attempt in count(1):
        mixed = nmod_mat(k, k, p)
        for number, matrix in enumerate(matrices):
            mixed = mixed + matrix * pow(5, attempt * (2 * number + 1), p)
        factors = mixed.charpoly().factor()[1]
        if len(factors) == k:
            break
    found = []
    for factor, _ in factors:
        shifted = mixed - nmod_mat(k, k, [int(i == j) * int(-factor[0]) for i in range(k) for j in range(k)], p)
        space, _ = shifted.nullspace()
        column = [int(space[c, 0]) for c in range(k)]
        scale = pow(column[classes.powers[0][0]], -1, p)
        omega = [entry * scale % p for entry in column]
        vector = nmod_mat(k, 1, omega, p)
        if any(matrix * vector != vector * omega[i] for i, matrix in enumerate(matrices)):
            raise AssertionError("no homomorphism")
        found.append(omega)
    if len({tuple(omega) for omega in found}) != k:
        raise AssertionError("two homomorphisms are the same")
    return found


def _roots_in(values: Sequence[int], classes: Classes, root: int, p: int) -> tuple[tuple[int, ...], ...]:
    """How often each root of unity is in the value on each class."""
    exponent = len(classes.powers[0])
    steps = [pow(root, -step, p) for step in range(exponent)]
    turns = nmod_mat(exponent, exponent, [steps[i * j % exponent] for i in range(exponent) for j in range(exponent)], p)
    powers = nmod_mat(len(values), exponent, [values[c] for row in classes.powers for c in row], p)
    counts = powers * turns * pow(exponent, -1, p)
    return tuple(tuple(int(counts[c, j]) for j in range(exponent)) for c in range(len(values)))


def _added(one: tuple[tuple[int, ...], ...], other: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(a + b for a, b in zip(*rows, strict=True)) for rows in zip(one, other, strict=True))


def _prime(exponent: int, order: int) -> int:
    """The largest prime below LARGEST_PRIME that is 1 modulo the exponent."""
    p = (LARGEST_PRIME - 2) // exponent * exponent + 1
    while not fmpz(p).is_prime():
        p -= exponent
    if p * p <= 4 * order:
        raise AssertionError("the prime is too small")
    return p


def _root(p: int, exponent: int) -> int:
    """An element of this order modulo p."""
    primes = [int(q) for q, _ in fmpz(exponent).factor()] if exponent > 1 else []
    for base in range(2, p):
        root = pow(base, (p - 1) // exponent, p)
        if all(pow(root, exponent // q, p) != 1 for q in primes):
            return root
    raise AssertionError("a prime field has such an element")


@cache
def cosines(exponent: int) -> list[tuple[int, int]]:
    """(n, N) with n <= 2^BITS cos(2πj/e) <= N, for every j."""
    with precision(2 * BITS):
        unit = arb((1, BITS))
        values = [Ball.rational(Fraction(2 * j, exponent)).enclosure.cos_pi() * unit for j in range(exponent)]
        return [(_whole(value.lower().floor()), _whole(value.upper().ceil())) for value in values]


def _whole(number: arb) -> int:
    found = number.unique_fmpz()
    if found is None:
        raise AssertionError("a rounded end is a whole number")
    return int(found)


def _moebius(n: int) -> int:
    """μ(n)."""
    powers = [int(power) for _, power in fmpz(n).factor()] if n > 1 else []
    return 0 if any(power > 1 for power in powers) else (-1) ** len(powers)
