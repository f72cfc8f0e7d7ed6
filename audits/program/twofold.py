r"""Enclosures of many numbers at once: an unevaluated sum of two doubles, a radius, and a tag that says who is who.

An entry stands for a real x with \|x - (hi + lo)\| <= rad, where \|lo\| <= ulp(hi) / 2.  A radius of zero is kept
wherever an operation is exact (Knuth's TwoSum, Dekker's TwoProduct), so exact sums stay exact.  Entries with the same
tag are the same number, however wide, so that x - x is 0.  ``rad`` infinite: nothing is known.  ``hi`` infinite or NaN
with radius zero: the program's own constant, which goes through arithmetic as IEEE says.

Trusted: IEEE doubles, rounded to nearest, with subnormals.  Midpoints other than 0 lie between 2^-480 and 2^480 and
radii above 2^-480 (:mod:`.pairs` sees to it), so that no product of two loses bits below the least subnormal.

Sources: Knuth, The Art of Computer Programming 2, 4.2.2; Dekker, Numer. Math. 18 (1971); Joldes, Muller, Popescu, ACM
TOMS 44 (2017).

>>> third = Twofold.of(1.0) / Twofold.of(3.0)
>>> bool(third.rad < 1e-29), float((third - third).mid())
(True, 0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .pairs import GROW, PAIRS, fresh, tagged, two_product, two_sum, within_range

BELOW, EQUAL, ABOVE, UNORDERED, OPEN = -1, 0, 1, 2, 3

# By name: what :mod:`.elementary` and :mod:`.sliced` make of the arithmetic here.
FUNCTIONS: dict[str, Callable[..., Twofold]] = {}


class Twofold:
    """Planes hi, lo, rad and tag, in one array of shape (4, ...)."""

    __slots__ = ("planes",)
    __array_ufunc__ = None

    def __init__(self, planes: np.ndarray) -> None:
        self.planes = planes

    @classmethod
    def of(cls, values: Any) -> Twofold:
        """Doubles as they stand; a NaN among them is unknown, not the program's own."""
        hi = np.asarray(values, dtype=np.float64)
        planes = np.zeros((4, *hi.shape))
        planes[0], planes[3] = hi, fresh(hi.shape)
        planes[2, np.isnan(hi)] = np.inf
        return cls(within_range(planes))

    @classmethod
    def constant(cls, value: float) -> Twofold:
        """A literal; NaN is the program's own."""
        return cls.of(value) if value == value else cls(np.array([np.nan, 0.0, 0.0, 0.0]))

    @classmethod
    def made(cls, hi: Any, lo: Any, rad: Any) -> Twofold:
        hi, lo, rad = np.broadcast_arrays(hi, lo, rad)
        planes = np.empty((4, *hi.shape))
        planes[0], planes[1], planes[2] = hi, lo, rad
        return cls(tagged(planes))

    @classmethod
    def between(cls, low: np.ndarray, high: np.ndarray) -> Twofold:
        """All numbers between doubles."""
        middle = low / 2 + high / 2
        return cls.made(middle, 0.0, np.maximum(high - middle, middle - low) * GROW)

    @classmethod
    def near(cls, values: Any) -> Twofold:
        """Whole numbers of which doubles are the nearest."""
        doubles = np.asarray(values, dtype=np.float64)
        return cls.between(np.nextafter(doubles, -np.inf), np.nextafter(doubles, np.inf))

    @property
    def hi(self) -> np.ndarray:
        return self.planes[0, ...]

    @property
    def lo(self) -> np.ndarray:
        return self.planes[1, ...]

    @property
    def rad(self) -> np.ndarray:
        return self.planes[2, ...]

    @property
    def tag(self) -> np.ndarray:
        return self.planes[3, ...].view(np.int64)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.planes.shape[1:]

    def mid(self) -> np.ndarray:
        return self.hi + self.lo

    def radius(self) -> np.ndarray:
        return self.rad

    def special(self) -> np.ndarray:
        """Infinite or not a number, and the program's own."""
        return ~np.isfinite(self.hi) & (self.rad == 0)

    def low(self) -> np.ndarray:
        """Doubles at or below every value."""
        return -(-self)._high()

    def high(self) -> np.ndarray:
        """Doubles at or above every value."""
        return self._high()

    def _high(self) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            total, first = two_sum(self.hi, self.lo)
            near, second = two_sum(total, self.rad)
            rest, third = two_sum(first, second)
            near, fourth = two_sum(near, rest)
            missing = (np.abs(third) + np.abs(fourth)) * 2
            found = np.where(missing == 0, near, _up(near + missing))
        return np.where(self.special(), self.hi, np.where(self.rad < np.inf, found, np.inf))

    # Places

    def __getitem__(self, index: Any) -> Twofold:
        index = index if isinstance(index, tuple) else (index,)
        return Twofold(self.planes[(slice(None), *index)])

    def reshape(self, shape: Sequence[int]) -> Twofold:
        return Twofold(self.planes.reshape((4, *shape)))

    def moved(self, source: int, target: int) -> Twofold:
        return Twofold(np.moveaxis(self.planes, source % len(self.shape) + 1, target % len(self.shape) + 1))

    def spread(self, shape: Sequence[int]) -> Twofold:
        missing = len(shape) - len(self.shape)
        planes = self.planes.reshape((4, *(1,) * missing, *self.shape))
        return Twofold(np.broadcast_to(planes, (4, *shape)))

    def take(self, places: np.ndarray, axis: int) -> Twofold:
        """Along one axis, one place for each entry of ``places``."""
        axis = axis % len(self.shape) + 1
        return Twofold(np.take_along_axis(self.planes, places[None], axis))

    def gather(self, places: np.ndarray) -> Twofold:
        """From the flattened entries."""
        return Twofold(self.planes.reshape(4, -1)[:, places])

    @staticmethod
    def joined(parts: Sequence[Twofold], axis: int = 0) -> Twofold:
        return Twofold(np.concatenate([part.planes for part in parts], axis=axis + 1))

    def where(self, condition: np.ndarray, other: Any) -> Twofold:
        return Twofold(np.where(condition[None], *_aligned(self, _as(other))))

    def hull(self, other: Twofold) -> Twofold:
        """Both; where they are the same number, that number."""
        a, b = (Twofold(planes) for planes in np.broadcast_arrays(*_aligned(self, other)))
        same = (a.planes[:3] == b.planes[:3]).all(axis=0)
        with np.errstate(invalid="ignore"):
            both = Twofold.between(np.minimum(a.low(), b.low()), np.maximum(a.high(), b.high()))
        return a.where(same, both)

    # Arithmetic

    def __add__(self, other: Any) -> Twofold:
        return _sum(self, _as(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Twofold:
        other = _as(other)
        found, same = _sum(self, -other), np.equal(self.tag, other.tag)
        if same.any():
            found.planes[:3, same & np.isfinite(found.planes[0] if found.planes.size else True)] = 0.0
        return found

    def __rsub__(self, other: Any) -> Twofold:
        return _as(other) - self

    def __neg__(self) -> Twofold:
        planes = self.planes.copy()
        np.negative(planes[:2], out=planes[:2])
        np.invert(self.tag, out=planes[3, ...].view(np.int64))
        return Twofold(planes)

    def __mul__(self, other: Any) -> Twofold:
        return _product(self, _as(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Twofold:
        return _quotient(self, _as(other))

    def __rtruediv__(self, other: Any) -> Twofold:
        return _as(other) / self

    def __abs__(self) -> Twofold:
        sign = self.compare(0.0)
        wide = np.abs(self.mid()) + self.rad
        across = Twofold.between(np.zeros(self.shape), wide * GROW)
        return self.where((sign == ABOVE) | (sign == EQUAL) | (sign == UNORDERED), (-self).where(sign == BELOW, across))

    def apply(self, name: str) -> Twofold:
        """A function of one number, as Arb names it."""
        own = FUNCTIONS.get(name)
        return own(self) if own else FUNCTIONS["by Arb"](name, self)

    def total(self, axis: int) -> Twofold:
        return FUNCTIONS["total"](self, axis)

    def largest(self, axis: int) -> Twofold:
        return FUNCTIONS["largest"](self, axis)

    def larger(self, other: Any) -> Twofold:
        return FUNCTIONS["larger"](self, _as(other))

    def matmul(self, other: Twofold) -> Twofold:
        return FUNCTIONS["matmul"](self, other)

    def compare(self, other: Any) -> np.ndarray:
        """By entry: BELOW, EQUAL, ABOVE, UNORDERED (a NaN of the program's own), or OPEN."""
        a, b = (Twofold(planes) for planes in np.broadcast_arrays(*_aligned(self, _as(other))))
        with np.errstate(invalid="ignore"):
            apart = a.hi - b.hi
            room = (np.abs(a.hi) + np.abs(b.hi)) * 2.0**-40 + a.rad + b.rad
            found = np.where(np.abs(apart) > room, np.sign(apart), OPEN).astype(np.int8)
        places = np.nonzero(found.ravel() == OPEN)[0]
        if places.size:
            found.ravel()[places] = _close(a.gather(places), b.gather(places))
        return found


def _close(a: Twofold, b: Twofold) -> np.ndarray:
    """Signs of differences that a first look leaves open."""
    rest = a - b
    found = np.full(rest.shape, OPEN, dtype=np.int8)
    with np.errstate(invalid="ignore"):
        apart = np.abs(rest.hi) * (1 - 2.0**-50) > rest.rad * GROW
        found[apart] = np.sign(rest.hi[apart])
        found[(rest.hi == 0) & (rest.lo == 0) & (rest.rad == 0)] = EQUAL
        special = (a.special() | b.special()) & (a.rad < np.inf) & (b.rad < np.inf)
        found[special] = np.sign(a.hi[special] - b.hi[special])
    found[special & (a.hi == b.hi)] = EQUAL
    found[(np.isnan(a.hi) & a.special()) | (np.isnan(b.hi) & b.special())] = UNORDERED
    return found


def _as(value: Any) -> Twofold:
    return value if isinstance(value, Twofold) else Twofold.of(value)


def _aligned(*operands: Twofold) -> list[np.ndarray]:
    """Planes that broadcast as the entries do."""
    dims = max(len(operand.shape) for operand in operands)
    return [one.planes.reshape((4, *(1,) * (dims - len(one.shape)), *one.shape)) for one in operands]


def _up(values: np.ndarray) -> np.ndarray:
    return np.nextafter(values, np.inf)


def _ended(planes: np.ndarray, operation: Callable[..., np.ndarray], *operands: Twofold) -> Twofold:
    """The result, with entries that are no numbers as IEEE has them where that is certain."""
    if not np.isfinite(planes[:3]).all():
        bad = ~np.isfinite(planes[:3]).all(axis=0)
        parts = [
            Twofold(np.broadcast_to(p, planes.shape)).gather(np.nonzero(bad.ravel())[0]) for p in _aligned(*operands)
        ]
        own = np.zeros(int(bad.sum()), dtype=bool)
        nan = own.copy()
        for part in parts:
            own |= part.special()
            nan |= part.special() & np.isnan(part.hi)
        with np.errstate(all="ignore"):
            ends = [operation(*(end(part) for part in parts)) for end in (Twofold.low, Twofold.high)]
        certain = own & (ends[0] == ends[1]) & (~np.isfinite(ends[0]) | (ends[0] == 0))
        planes[0, bad] = np.where(nan, np.nan, np.where(certain, ends[0], 0.0))
        planes[1, bad] = 0.0
        planes[2, bad] = np.where(nan | certain, 0.0, np.inf)
    return Twofold(tagged(planes))


def _sum(a: Twofold, b: Twofold) -> Twofold:
    """What three TwoSums lose is the radius, so that exact sums have none."""
    x, y = _aligned(a, b)
    with np.errstate(invalid="ignore", over="ignore"):
        total, rest = two_sum(x[0], y[0])
        low, lost = two_sum(x[1], y[1])
        low, more = two_sum(rest, low)
        planes = np.empty((4, *total.shape))
        planes[0], planes[1] = two_sum(total, low)
        planes[2] = (np.abs(lost) + np.abs(more) + (x[2] + y[2])) * GROW
    return _ended(planes, np.add, a, b)


def _product(a: Twofold, b: Twofold) -> Twofold:
    """(ah + al)(bh + bl) without al bl, 8 · 2^-106 relatively; exact where both low parts are zero."""
    x, y = _aligned(a, b)
    with np.errstate(invalid="ignore", over="ignore"):
        product, rest = two_product(x[0], y[0])
        rest = rest + (x[0] * y[1] + x[1] * y[0])
        planes = np.empty((4, *product.shape))
        planes[0], planes[1] = two_sum(product, rest)
        size = np.abs(product) * PAIRS * ((x[1] != 0) | (y[1] != 0))
        wide = np.abs(x[0]) * y[2] + (np.abs(y[0]) * (1 + 2.0**-50) + y[2]) * x[2]
        planes[2] = (size + wide) * GROW
    return _ended(planes, np.multiply, a, b)


def _quotient(a: Twofold, b: Twofold) -> Twofold:
    """One step of Newton's; exact where the remainder is zero."""
    x, y = _aligned(a, b)
    with np.errstate(all="ignore"):
        first = x[0] / y[0]
        product, lost = two_product(first, y[0])
        rest = ((x[0] - product) - lost) + (x[1] - first * y[1])
        planes = np.empty((4, *first.shape))
        planes[0], planes[1] = two_sum(first, rest / y[0])
        inexact = (rest != 0) | (x[1] != 0) | (y[1] != 0)
        size = np.abs(first) * PAIRS * inexact
        least = np.abs(y[0]) * (1 - 2.0**-50) - y[2] * GROW
        wide = (np.abs(first) * (1 + 2.0**-50) * y[2] + x[2]) / least
        planes[2] = np.where(least > 0, (size + wide) * GROW, np.inf)
        planes[0, np.broadcast_to(y[0] == 0, first.shape)] = np.nan
    return _ended(planes, np.divide, a, b)
