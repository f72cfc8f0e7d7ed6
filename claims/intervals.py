"""Real matrices known exactly or between two rational matrices.

``IntervalMatrix`` says of a real matrix A: lower·scale <= A <= upper·scale, entry by entry, with integers and one
positive rational scale.  Where lower and upper are equal A is known exactly, and +, -, *, @ and division by a number
keep it so; everything polynomial in the weights stays exact.  Otherwise every operation encloses, and ``coarsened``
rounds outward to a grid, so that numerators do not grow.

Everything here has two axes: a number is 1 × 1, a row 1 × n, a column n × 1.  +, - and * stretch an axis of length 1
to the other's length.

>>> third = IntervalMatrix.number(Fraction(1, 3))
>>> (third + third).bounds()
(Fraction(2, 3), Fraction(2, 3))
>>> IntervalMatrix.number(Fraction(2)).sqrt(4).bounds()
(Fraction(11, 8), Fraction(23, 16))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, isqrt, lcm

from flint import fmpz_mat

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.arithmetic.verdict import Verdict

Shape = tuple[int, int]


class ShapesDiffer(Exception):
    """Two matrices do not fit together; ``shapes`` are theirs."""

    def __init__(self, left: Shape, right: Shape) -> None:
        super().__init__(left, right)
        self.shapes = left, right


class NotPositive(Exception):
    """A divisor is not known to differ from 0, or a square root's argument not to be negative; ``certain`` if it is
    known to be bad."""

    def __init__(self, *, certain: bool) -> None:
        super().__init__(certain)
        self.certain = certain


@dataclass(frozen=True, eq=False)
class IntervalMatrix:
    """``lower`` and ``upper`` are row-major numerators over ``shape``; the same object where all entries are exact."""

    shape: Shape
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    scale: Fraction

    @staticmethod
    def between(shape: Shape, lower: Iterable[int], upper: Iterable[int], scale: Fraction) -> IntervalMatrix:
        low, high = tuple(lower), tuple(upper)
        return IntervalMatrix(shape, low, low if low == high else high, scale)

    @staticmethod
    def exactly(shape: Shape, numerators: Iterable[int], scale: Fraction) -> IntervalMatrix:
        both = tuple(numerators)
        return IntervalMatrix(shape, both, both, scale)

    @staticmethod
    def number(value: Fraction) -> IntervalMatrix:
        return IntervalMatrix.exactly((1, 1), (value.numerator,), Fraction(1, value.denominator))

    @staticmethod
    def interval(low: Fraction, high: Fraction) -> IntervalMatrix:
        """A number between two fractions."""
        return IntervalMatrix.column([(low, high)])

    @staticmethod
    def column(bounds: Sequence[tuple[Fraction, Fraction]]) -> IntervalMatrix:
        """A column of numbers, each between two fractions."""
        common = lcm(*(end.denominator for pair in bounds for end in pair))
        low, high = ([int(pair[side] * common) for pair in bounds] for side in (0, 1))
        return IntervalMatrix.between((len(bounds), 1), low, high, Fraction(1, common))

    @staticmethod
    def of(matrix: DyadicMatrix) -> IntervalMatrix:
        """The exact value of a dyadic matrix."""
        numerators = [entry for row in matrix.integers() for entry in row]
        return IntervalMatrix.exactly(matrix.shape, numerators, Fraction(2) ** matrix.exponent)

    @property
    def exact(self) -> bool:
        return self.lower is self.upper

    def bounds(self, i: int = 0, j: int = 0) -> tuple[Fraction, Fraction]:
        """The interval of one entry."""
        place = i * self.shape[1] + j
        return self.lower[place] * self.scale, self.upper[place] * self.scale

    def coarsened(self, bits: int) -> IntervalMatrix:
        """Rounded outward to multiples of 2^-bits, unless exact."""
        if self.exact:
            return self
        factor, divisor = self.scale.numerator << bits, self.scale.denominator
        lower = (entry * factor // divisor for entry in self.lower)
        upper = (-(-entry * factor // divisor) for entry in self.upper)
        return IntervalMatrix.between(self.shape, lower, upper, Fraction(1, 1 << bits))

    def midpoint_and_radius(self) -> tuple[IntervalMatrix, IntervalMatrix]:
        """Exact M and R >= 0 with |A - M| <= R in every entry."""
        middle = [low + high for low, high in zip(self.lower, self.upper, strict=True)]
        radius = [high - low for low, high in zip(self.lower, self.upper, strict=True)]
        half = self.scale / Fraction(2)
        return IntervalMatrix.exactly(self.shape, middle, half), IntervalMatrix.exactly(self.shape, radius, half)

    def numerators(self) -> fmpz_mat:
        """The numerators of an exact matrix."""
        if not self.exact:
            raise ValueError("the matrix is not exact")
        return fmpz_mat(*self.shape, list(self.lower))

    # Shapes

    @property
    def T(self) -> IntervalMatrix:
        rows, columns = self.shape
        return self._taken((columns, rows), [i * columns + j for j in range(columns) for i in range(rows)])

    def block(self, rows: range, columns: range) -> IntervalMatrix:
        """The entries in these rows and columns."""
        if len(rows) == len(columns) == 1:
            return self._taken((1, 1), (rows[0] * self.shape[1] + columns[0],))
        return self._taken((len(rows), len(columns)), [i * self.shape[1] + j for i in rows for j in columns])

    def row(self, index: int) -> IntervalMatrix:
        return self.block(range(index, index + 1), range(self.shape[1]))

    def diagonal(self) -> IntervalMatrix:
        """The diagonal as a column."""
        rows, columns = self.shape
        size = min(rows, columns)
        return self._taken((size, 1), [i * columns + i for i in range(size)])

    def _taken(self, shape: Shape, places: Sequence[int]) -> IntervalMatrix:
        lower = tuple([self.lower[place] for place in places])
        upper = lower if self.exact else tuple([self.upper[place] for place in places])
        return IntervalMatrix(shape, lower, upper, self.scale)

    def _stretched(self, shape: Shape) -> IntervalMatrix:
        if self.shape == shape:
            return self
        rows, columns = ([0] * size if own == 1 else range(size) for own, size in zip(self.shape, shape, strict=True))
        return self._taken(shape, [i * self.shape[1] + j for i in rows for j in columns])

    def _paired(self, other: IntervalMatrix) -> tuple[IntervalMatrix, IntervalMatrix]:
        """Both stretched to one shape."""
        if self.shape == other.shape:
            return self, other
        for a, b in zip(self.shape, other.shape, strict=True):
            if a != b and 1 not in (a, b):
                raise ShapesDiffer(self.shape, other.shape)
        shape = max(self.shape[0], other.shape[0]), max(self.shape[1], other.shape[1])
        return self._stretched(shape), other._stretched(shape)

    def alike(self, other: IntervalMatrix) -> tuple[IntervalMatrix, IntervalMatrix]:
        """Both stretched to one shape, in one scale."""
        a, b = self._paired(other)
        scale, p, q = _common(a.scale, b.scale)
        return a._times(p, scale), b._times(q, scale)

    def _times(self, factor: int, scale: Fraction) -> IntervalMatrix:
        """The same numbers in a scale that is so many times finer."""
        lower = tuple([factor * entry for entry in self.lower])
        upper = lower if self.exact else tuple([factor * entry for entry in self.upper])
        return IntervalMatrix(self.shape, lower, upper, scale)

    # Arithmetic

    def __neg__(self) -> IntervalMatrix:
        lower = tuple([-entry for entry in self.upper])
        upper = lower if self.exact else tuple([-entry for entry in self.lower])
        return IntervalMatrix(self.shape, lower, upper, self.scale)

    def __add__(self, other: IntervalMatrix) -> IntervalMatrix:
        a, b = self._paired(other)
        scale, p, q = _common(a.scale, b.scale)
        lower = tuple([p * x + q * y for x, y in zip(a.lower, b.lower, strict=True)])
        if a.exact and b.exact:
            return IntervalMatrix(a.shape, lower, lower, scale)
        upper = tuple([p * x + q * y for x, y in zip(a.upper, b.upper, strict=True)])
        return IntervalMatrix(a.shape, lower, upper, scale)

    def __sub__(self, other: IntervalMatrix) -> IntervalMatrix:
        return self + -other

    def __mul__(self, other: IntervalMatrix) -> IntervalMatrix:
        """Entry by entry."""
        a, b = self._paired(other)
        scale = a.scale * b.scale
        if a.exact and b.exact:
            return IntervalMatrix.exactly(a.shape, [x * y for x, y in zip(a.lower, b.lower, strict=True)], scale)
        ends = zip(a.lower, a.upper, b.lower, b.upper, strict=True)
        products = [(l * m, l * n, u * m, u * n) for l, u, m, n in ends]
        return IntervalMatrix.between(a.shape, map(min, products), map(max, products), scale)

    def __matmul__(self, other: IntervalMatrix) -> IntervalMatrix:
        if self.shape[1] != other.shape[0]:
            raise ShapesDiffer(self.shape, other.shape)
        shape = self.shape[0], other.shape[1]
        scale = self.scale * other.scale
        if self.exact and other.exact:
            return IntervalMatrix.exactly(shape, _entries(self.numerators() * other.numerators()), scale)
        # |AB - MN| <= |M| S + R |N| + R S for |A - M| <= R, |B - N| <= S.
        (m, r), (n, s) = ((part.numerators() for part in x.midpoint_and_radius()) for x in (self, other))
        absolute_m, absolute_n = (fmpz_mat(x.nrows(), x.ncols(), [abs(e) for e in _entries(x)]) for x in (m, n))
        middle = _entries(m * n)
        radius = _entries(absolute_m * s + r * absolute_n + r * s)
        lower = [x - y for x, y in zip(middle, radius, strict=True)]
        upper = [x + y for x, y in zip(middle, radius, strict=True)]
        return IntervalMatrix.between(shape, lower, upper, scale / Fraction(4))

    def power(self, exponent: int) -> IntervalMatrix:
        """Every entry to this power, which is not negative."""
        scale = self.scale**exponent
        if self.exact:
            return IntervalMatrix.exactly(self.shape, [entry**exponent for entry in self.lower], scale)
        ends = [(l**exponent, u**exponent) for l, u in zip(self.lower, self.upper, strict=True)]
        even = exponent % 2 == 0 and exponent > 0
        lower = [
            0 if even and l <= 0 <= u else min(pair) for pair, l, u in zip(ends, self.lower, self.upper, strict=True)
        ]
        return IntervalMatrix.between(self.shape, lower, map(max, ends), scale)

    def over(self, divisor: IntervalMatrix, bits: int) -> IntervalMatrix:
        """Divided by a number, or entry by entry; raises :class:`NotPositive` unless every divisor is known to differ
        from 0.  By a number that is exact the quotient is exact, else it is on the grid 2^-bits."""
        if any(low <= 0 <= high for low, high in zip(divisor.lower, divisor.upper, strict=True)):
            certain = any(low == 0 == high for low, high in zip(divisor.lower, divisor.upper, strict=True))
            raise NotPositive(certain=certain)
        if divisor.shape == (1, 1):
            low, high = divisor.bounds()
            if divisor.exact:
                return self * IntervalMatrix.number(Fraction(1) / low)
            return self * IntervalMatrix.interval(Fraction(1) / high, Fraction(1) / low).coarsened(bits)
        a, b = self._paired(divisor)
        ratio = a.scale / Fraction(b.scale)
        over, under = ratio.numerator << bits, ratio.denominator
        lower, upper = [], []
        for l, u, m, n in zip(a.lower, a.upper, b.lower, b.upper, strict=True):
            pairs = [(x * over * (1 if y > 0 else -1), abs(y) * under) for x in (l, u) for y in (m, n)]
            lower.append(min(x // y for x, y in pairs))
            upper.append(max(-(-x // y) for x, y in pairs))
        return IntervalMatrix.between(a.shape, lower, upper, Fraction(1, 1 << bits))

    def sqrt(self, bits: int) -> IntervalMatrix:
        """The square root of every entry: exact where rational, else on the grid 2^-bits.

        Raises :class:`NotPositive` for what is or may be negative.
        """
        if min(self.lower) < 0:
            raise NotPositive(certain=min(self.upper) < 0)
        found = []
        for place, low in enumerate(self.lower):
            ends = low * self.scale, self.upper[place] * self.scale
            found.append(_root_of(*ends, bits))
        column = IntervalMatrix.column(found)
        return IntervalMatrix(self.shape, column.lower, column.upper, column.scale)

    # Entries

    def abs(self) -> IntervalMatrix:
        if self.exact:
            return IntervalMatrix.exactly(self.shape, map(abs, self.lower), self.scale)
        ends = list(zip(self.lower, self.upper, strict=True))
        return IntervalMatrix.between(
            self.shape, [max(0, l, -u) for l, u in ends], [max(-l, u) for l, u in ends], self.scale
        )

    def rowwise(self, reduce: Callable[[Iterable[int]], int]) -> IntervalMatrix:
        """A monotone function (max, min, sum) of each row, as a column."""
        columns = self.shape[1]

        def reduced(entries: tuple[int, ...]) -> tuple[int, ...]:
            return tuple([reduce(entries[start : start + columns]) for start in range(0, len(entries), columns)])

        lower = reduced(self.lower)
        return IntervalMatrix((self.shape[0], 1), lower, lower if self.exact else reduced(self.upper), self.scale)

    def flat(self) -> IntervalMatrix:
        """All entries as one row."""
        return IntervalMatrix((1, len(self.lower)), self.lower, self.upper, self.scale)

    @cached_property
    def signs(self) -> list[int | None]:
        """Of each entry -1, 0, 1, or None where it is not known."""
        ends = zip(self.lower, self.upper, strict=True)
        return [1 if low > 0 else -1 if high < 0 else 0 if low == high else None for low, high in ends]

    def compare(self, relation: str) -> list[Verdict]:
        """Of each entry whether it is <=, <, >=, >, = or != zero."""
        ends = zip(self.lower, self.upper, strict=True)
        return [_RELATIONS[relation](low, high) for low, high in ends]


def _verdict(holds: bool, fails: bool) -> Verdict:
    return Verdict.TRUE if holds else Verdict.FALSE if fails else Verdict.UNDECIDED


_RELATIONS: dict[str, Callable[[int, int], Verdict]] = {
    "<=": lambda low, high: _verdict(high <= 0, low > 0),
    "<": lambda low, high: _verdict(high < 0, low >= 0),
    ">=": lambda low, high: _verdict(low >= 0, high < 0),
    ">": lambda low, high: _verdict(low > 0, high <= 0),
    "=": lambda low, high: _verdict(low == 0 == high, low > 0 or high < 0),
    "!=": lambda low, high: _verdict(low > 0 or high < 0, low == 0 == high),
}


def _common(a: Fraction, b: Fraction) -> tuple[Fraction, int, int]:
    """A scale of which both are multiples, and the multiples."""
    if a == b:
        return a, 1, 1
    denominator = lcm(a.denominator, b.denominator)
    p, q = (x.numerator * (denominator // x.denominator) for x in (a, b))
    common = gcd(p, q)
    return Fraction(common, denominator), p // common, q // common


def _entries(matrix: fmpz_mat) -> list[int]:
    return [int(entry) for row in matrix.tolist() for entry in row]


def _root_of(low: Fraction, high: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Ends of the square root of a number between these: one where that is rational."""
    if low == high:
        roots = isqrt(low.numerator), isqrt(low.denominator)
        if (roots[0] ** 2, roots[1] ** 2) == (low.numerator, low.denominator):
            return Fraction(*roots), Fraction(*roots)
    return root_below(low, bits), root_above(high, bits)


def _floor_root(value: Fraction, bits: int) -> int:
    """The largest n with (n·2^-bits)² at most ``value`` >= 0."""
    return isqrt((value.numerator << 2 * bits) // value.denominator)


def root_below(value: Fraction, bits: int) -> Fraction:
    """The largest multiple of 2^-bits at most the root of ``value`` >= 0."""
    return Fraction(_floor_root(value, bits), 1 << bits)


def root_above(value: Fraction, bits: int) -> Fraction:
    """A multiple of 2^-bits at least the root of ``value`` >= 0, less than 2^-bits above it."""
    root = _floor_root(value, bits)
    return Fraction(root + (root * root * value.denominator != value.numerator << 2 * bits), 1 << bits)
