"""Matrices of intervals with rational ends: the values of a claim's expressions (section 10.2).

Exact ones stay exact. The others are rounded outward to multiples of 2^-(b+32), finer than the format asks for: no
enclosure here is wider than one that is rounded to multiples of 2^-b.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import gcd, isqrt, lcm
from operator import add, mul, sub
from typing import NamedTuple

from ..budget import ENTRY_BITS, Budget, product_steps, within
from ..dyadic import Matrix
from ..errors import Code, Failure

MAX_VALUE_BITS = 1 << 30
GUARD_BITS = 32
ONE = Fraction(1)

Row = tuple[int, ...]
Rows = tuple[Row, ...]


class Intervals(NamedTuple):
    """Entries between ``lower`` and ``upper`` in units of ``scale`` > 0; known exactly when both are one object."""

    lower: Rows
    upper: Rows
    scale: Fraction

    @property
    def exact(self) -> bool:
        return self.lower is self.upper

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.lower), len(self.lower[0])

    @property
    def bits(self) -> int:
        """Bits of the largest end."""
        own = max(max(map(int.bit_length, row)) for row in self.lower)
        return own if self.exact else max(own, max(max(map(int.bit_length, row)) for row in self.upper))

    def each(self, build: Callable[[Rows], Iterable[Iterable[int]]]) -> Intervals:
        """``build`` of the entries, which increases with each of them."""
        lower = tuple(map(tuple, build(self.lower)))
        return Intervals(lower, lower if self.exact else tuple(map(tuple, build(self.upper))), self.scale)


def exactly(rows: Rows, scale: Fraction = ONE) -> Intervals:
    """Entries known exactly."""
    return Intervals(rows, rows, scale)


def number(value: Fraction) -> Intervals:
    """A number as a matrix of one entry."""
    return exactly(((value.numerator,),), ONE if value.denominator == 1 else Fraction(1, value.denominator))


def between(low: Fraction, high: Fraction) -> Intervals:
    """The number that lies between these two."""
    if low == high:
        return number(low)
    scale = Fraction(1, lcm(low.denominator, high.denominator))
    return Intervals(((int(low * scale.denominator),),), ((int(high * scale.denominator),),), scale)


def from_dyadic(a: Matrix) -> Intervals:
    """A matrix of dyadic rationals."""
    return exactly(a.rows, Fraction(2) ** a.exponent)


def shape_text(*values: Intervals, sign: str = ",") -> str:
    """The shapes for messages."""
    return f" {sign} ".join(f"{height} x {width}" for height, width in (value.shape for value in values))


def root(value: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """low <= the square root <= high, equal for the square of a rational, and high <= low (1 + 2^-bits) otherwise.

    floor(sqrt(floor(x))) = floor(sqrt(x)), so the root lies below the floor plus one.

    >>> root(Fraction(9, 4), 8)
    (Fraction(3, 2), Fraction(3, 2))
    >>> root(Fraction(2), 3)
    (Fraction(11, 8), Fraction(23, 16))
    """
    over, under = isqrt(value.numerator), isqrt(value.denominator)
    if over * over == value.numerator and under * under == value.denominator:
        return Fraction(over, under), Fraction(over, under)
    digits = max(0, bits + 1 - (value.numerator.bit_length() - value.denominator.bit_length()) // 2)
    low = isqrt((value.numerator << 2 * digits) // value.denominator)
    return Fraction(low, 1 << digits), Fraction(low + 1, 1 << digits)


def stretched(rows: Rows, height: int, width: int) -> Rows:
    """Rows or entries repeated where there is only one."""
    if len(rows[0]) != width:
        rows = tuple(row * width for row in rows)
    return rows * height if len(rows) != height else rows


def folded(entries: Sequence[int], width: int) -> Rows:
    """Rows of this width."""
    return tuple(tuple(entries[at : at + width]) for at in range(0, len(entries), width))


def scaled(rows: Rows, factor: int) -> Rows:
    """Every entry times ``factor``."""
    return rows if factor == 1 else tuple(tuple([v * factor for v in row]) for row in rows)


def together(operation: Callable[[int, int], int], a: Rows, b: Rows) -> Rows:
    """``operation`` entry by entry."""
    return tuple(tuple(map(operation, *rows)) for rows in zip(a, b, strict=True))


def products(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int, int, int]:
    """Products of the ends of two intervals: the product of two members lies between the extremes of these."""
    return a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]


def sum_of_products(a: Sequence[tuple[int, int]], b: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The ends of the sum of the products of these intervals; one product at a time, for they may be long."""
    low = high = 0
    for one, other in zip(a, b, strict=True):
        ends = products(one, other)
        low += min(ends)
        high += max(ends)
    return low, high


def length(*scales: Fraction) -> int:
    """The bits of numerators and denominators."""
    return sum(scale.numerator.bit_length() + scale.denominator.bit_length() for scale in scales)


class Arithmetic:
    """Operations on matrices of intervals. Nothing is computed before the budget and E243 let its result pass."""

    def __init__(self, budget: Budget, bits: int) -> None:
        self.budget = budget
        self.bits = bits + GUARD_BITS
        self.unit = Fraction(1, 1 << self.bits)

    def room(self, entries: int, bits: int) -> None:
        """Make room for so many entries of so many bits; E242, E243."""
        total = entries * (bits + ENTRY_BITS)
        within("a value of the claim in bits", total, MAX_VALUE_BITS)
        self.budget.spend(1 + (total >> 10))

    def divide(self, *scales: Fraction) -> None:
        """Spend what common divisors of these take, like products of all their digits."""
        bits = length(*scales)
        self.work(1, bits, bits)

    def rounded(self, a: Intervals) -> Intervals:
        """``a``, outward to multiples of the unit unless it is exact or coarser."""
        if a.exact:
            return a
        self.divide(a.scale, self.unit)
        ratio = Fraction(a.scale, self.unit)
        if ratio.denominator == 1:
            return a
        self.room(len(a.lower) * len(a.lower[0]), a.bits + ratio.numerator.bit_length())
        over, under = ratio.numerator, ratio.denominator
        lower = tuple(tuple([v * over // under for v in row]) for row in a.lower)
        return Intervals(lower, tuple(tuple([-(-v * over // under) for v in row]) for row in a.upper), self.unit)

    def common(self, a: Intervals, b: Intervals) -> tuple[Intervals, Intervals]:
        """Both in one unit and of one shape; E252."""
        if a.scale is b.scale and a.shape == b.shape:
            return a, b
        (height, width), (other_height, other_width) = a.shape, b.shape
        tall, wide = max(height, other_height), max(width, other_width)
        if {height, other_height} - {1, tall} or {width, other_width} - {1, wide}:
            raise Failure(Code.E252, what=shape_text(a, b, sign="and"))
        if a.scale == b.scale:
            unit, factors = a.scale, (1, 1)
        else:
            self.divide(a.scale, b.scale)
            (n, d), (m, e) = a.scale.as_integer_ratio(), b.scale.as_integer_ratio()
            unit = Fraction(gcd(n * e, m * d), d * e)
            factors = int(Fraction(a.scale, unit)), int(Fraction(b.scale, unit))
        found: list[Intervals] = []
        for value, factor in zip((a, b), factors, strict=True):
            self.room(tall * wide, value.bits + factor.bit_length())
            lower = stretched(scaled(value.lower, factor), tall, wide)
            upper = lower if value.exact else stretched(scaled(value.upper, factor), tall, wide)
            found.append(Intervals(lower, upper, unit))
        return found[0], found[1]

    def add(self, a: Intervals, b: Intervals) -> Intervals:
        """a + b."""
        a, b = self.common(a, b)
        self.room(len(a.lower) * len(a.lower[0]), max(a.bits, b.bits))
        lower = together(add, a.lower, b.lower)
        if a.exact and b.exact:
            return Intervals(lower, lower, a.scale)
        return self.rounded(Intervals(lower, together(add, a.upper, b.upper), a.scale))

    def negate(self, a: Intervals) -> Intervals:
        """-a."""
        self.room(len(a.lower) * len(a.lower[0]), a.bits)
        lower = tuple(tuple([-v for v in row]) for row in a.upper)
        upper = lower if a.exact else tuple(tuple([-v for v in row]) for row in a.lower)
        return Intervals(lower, upper, a.scale)

    def subtract(self, a: Intervals, b: Intervals) -> Intervals:
        """a - b."""
        a, b = self.common(a, b)
        self.room(len(a.lower) * len(a.lower[0]), max(a.bits, b.bits))
        lower = together(sub, a.lower, b.upper)
        if a.exact and b.exact:
            return Intervals(lower, lower, a.scale)
        return self.rounded(Intervals(lower, together(sub, a.upper, b.lower), a.scale))

    def work(self, products: int, a: int, b: int) -> None:
        """Spend what so many products of integers of a and b bits take."""
        self.budget.spend(product_steps(products, a, b))

    def multiply(self, a: Intervals, b: Intervals) -> Intervals:
        """a * b, entry by entry."""
        self.divide(a.scale, b.scale)
        scale = a.scale * b.scale
        a, b = self.common(a._replace(scale=ONE), b._replace(scale=ONE))
        entries = len(a.lower) * len(a.lower[0])
        self.room(entries, a.bits + b.bits)
        self.work(4 * entries, a.bits, b.bits)
        if a.exact and b.exact:
            return exactly(together(mul, a.lower, b.lower), scale)
        lower: list[Row] = []
        upper: list[Row] = []
        for rows in zip(a.lower, a.upper, b.lower, b.upper, strict=True):
            ends = [products((al, au), (bl, bu)) for al, au, bl, bu in zip(*rows, strict=True)]
            lower.append(tuple(map(min, ends)))
            upper.append(tuple(map(max, ends)))
        return self.rounded(Intervals(tuple(lower), tuple(upper), scale))

    def product(self, a: Intervals, b: Intervals) -> Intervals:
        """The matrix product a @ b; E252."""
        (height, inner), width = a.shape, b.shape[1]
        if inner != b.shape[0]:
            raise Failure(Code.E252, what=shape_text(a, b, sign="@"))
        one, other = a.bits, b.bits
        self.room(height * width, one + other + inner.bit_length())
        self.divide(a.scale, b.scale)
        scale = a.scale * b.scale
        columns = tuple(zip(*b.lower, strict=True))
        if a.exact and b.exact:
            self.work(height * inner * width, one, other)
            return exactly(tuple(tuple([sum(map(mul, r, c)) for c in columns]) for r in a.lower), scale)
        self.work(16 * height * inner * width, one, other)
        intervals = [list(zip(*pair, strict=True)) for pair in zip(columns, zip(*b.upper, strict=True), strict=True)]
        lower: list[Row] = []
        upper: list[Row] = []
        for low, high in zip(a.lower, a.upper, strict=True):
            row = list(zip(low, high, strict=True))
            ends = [sum_of_products(row, column) for column in intervals]
            lower.append(tuple([least for least, _ in ends]))
            upper.append(tuple([most for _, most in ends]))
        return self.rounded(Intervals(tuple(lower), tuple(upper), scale))

    def reciprocal(self, a: Intervals) -> Intervals:
        """1 / a for a number: with d between l and u, both of one sign, 1/d lies between l/(l u) and u/(l u); E293."""
        if a.shape != (1, 1):
            raise Failure(Code.E252, what=f"division by {shape_text(a)}")
        ((low,),), ((high,),) = a.lower, a.upper
        if low <= 0 <= high:
            raise Failure(Code.E293, what="a divisor", found="0")
        self.room(1, 2 * a.bits)
        self.divide(a.scale, Fraction(max(1, abs(low), abs(high)) ** 2))
        if a.exact:
            return number(Fraction(1, low * a.scale))
        return Intervals(a.lower, a.upper, Fraction(1, low * high * a.scale))

    def quotient(self, a: Intervals, b: Intervals) -> Intervals:
        """a / b for an exact number b; otherwise entry by entry, to multiples of the unit; E252, E293."""
        if b.shape == (1, 1):
            return self.multiply(a, self.reciprocal(b))
        self.divide(a.scale, b.scale)
        over, under = Fraction(Fraction(a.scale, b.scale), self.unit).as_integer_ratio()
        a, b = self.common(a._replace(scale=ONE), b._replace(scale=ONE))
        if any(
            low <= 0 <= high for ends in zip(b.lower, b.upper, strict=True) for low, high in zip(*ends, strict=True)
        ):
            raise Failure(Code.E293, what="a divisor", found="0")
        entries, bits = len(a.lower) * len(a.lower[0]), max(a.bits + over.bit_length(), b.bits + under.bit_length())
        self.room(entries, bits)
        self.work(8 * entries, bits, bits)
        found = [
            [(v * over, w * under) for v in values for w in divisors]
            for ends in zip(a.lower, a.upper, b.lower, b.upper, strict=True)
            for l, u, m, n in zip(*ends, strict=True)
            for values, divisors in [((l, u), (m, n))]
        ]
        width = len(a.lower[0])
        lower = [min(v // w for v, w in pairs) for pairs in found]
        upper = [max(-(-v // w) for v, w in pairs) for pairs in found]
        return Intervals(folded(lower, width), folded(upper, width), self.unit)

    def power(self, a: Intervals, exponent: int) -> Intervals:
        """a^exponent, entry by entry; E293."""
        if exponent < 0:
            return self.quotient(number(ONE), self.power(a, -exponent))
        entries, bits = len(a.lower) * len(a.lower[0]), exponent * (a.bits + length(a.scale))
        self.room(entries, bits)
        self.work(4 * entries, bits, bits)
        scale = a.scale**exponent
        upper = tuple(tuple([v**exponent for v in row]) for row in a.upper)
        if a.exact:
            return exactly(upper, scale)
        lower = tuple(tuple([v**exponent for v in row]) for row in a.lower)
        if exponent % 2 or not exponent:
            return self.rounded(Intervals(lower, upper, scale))
        most = together(max, lower, upper)
        signs = together(mul, a.lower, a.upper)
        least = tuple(
            tuple([0 if sign <= 0 else min(pair) for sign, *pair in zip(*rows, strict=True)])
            for rows in zip(signs, lower, upper, strict=True)
        )
        return self.rounded(Intervals(least, most, scale))

    def root(self, a: Intervals) -> Intervals:
        """The square root of every entry; E293."""
        if min(map(min, a.lower)) < 0:
            raise Failure(Code.E293, what="the argument of a root", found="negative")
        entries = len(a.lower) * len(a.lower[0])
        bits = a.bits + length(a.scale) + self.bits
        self.room(entries, 2 * bits)
        self.work(16 * entries, bits, bits)
        ends = [
            (root(low * a.scale, 2 * self.bits)[0], root(high * a.scale, 2 * self.bits)[1])
            for lows, highs in zip(a.lower, a.upper, strict=True)
            for low, high in zip(lows, highs, strict=True)
        ]
        if entries == 1:
            return self.rounded(between(*ends[0]))
        unit = Fraction(1, lcm(self.unit.denominator, *(low.denominator for low, high in ends if low == high)))
        lower = [low.numerator * unit.denominator // low.denominator for low, _ in ends]
        upper = [-(-high.numerator * unit.denominator // high.denominator) for _, high in ends]
        width = len(a.lower[0])
        return Intervals(folded(lower, width), folded(upper, width), unit)
