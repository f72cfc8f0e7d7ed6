"""The same enclosures as Arb balls, entry by entry: slow, and as precise as asked.  Where doubles leave a sign open.

With ``Balls.rational`` numbers stay exact rationals for as long as only + - × ÷ and choices touch them, so that exact
ties are decided.  The same number is the same Python object, so that x - x is 0.

>>> with working(256):
...     third = Balls.of(1.0) / Balls.of(3.0)
...     int(third.compare(1 / 3)[()])
1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from ...engine.arithmetic.ball import precision
from .twofold import ABOVE, BELOW, EQUAL, OPEN, UNORDERED

# Rationals with longer denominators become balls.
LONG = 20000
UNKNOWN = arb("nan")
LARGEST = np.finfo(np.float64).max.item()


@contextmanager
def working(bits: int, rational: bool = False) -> Iterator[None]:
    """Inside, balls have so many bits."""
    before = Balls.rational
    Balls.rational = rational
    try:
        with precision(bits):
            yield
    finally:
        Balls.rational = before


def _read(value: float) -> Any:
    if value != value:
        return UNKNOWN
    if abs(value) == np.inf:
        return value
    return fmpq(*value.as_integer_ratio()) if Balls.rational else arb(value)


class Balls:
    """``entries``: an array of arb or fmpq; a float among them is an infinity or NaN of the program's own."""

    __slots__ = ("entries",)
    __array_ufunc__ = None
    rational = False

    def __init__(self, entries: np.ndarray) -> None:
        self.entries = entries

    @classmethod
    def of(cls, values: Any) -> Balls:
        values = np.asarray(values, dtype=np.float64)
        return cls.listed([_read(value) for value in values.ravel().tolist()], values.shape)

    @classmethod
    def listed(cls, entries: Sequence[Any], shape: Sequence[int]) -> Balls:
        found = np.empty(len(entries), dtype=object)
        found[:] = entries
        return cls(found.reshape(tuple(shape)))

    @classmethod
    def constant(cls, value: float) -> Balls:
        return cls.of(value) if value == value else cls.listed([value], ())

    @classmethod
    def between(cls, low: np.ndarray, high: np.ndarray) -> Balls:
        pairs = zip(np.ravel(low).tolist(), np.ravel(high).tolist(), strict=True)
        return cls.listed([arb(a).union(arb(b)) for a, b in pairs], np.shape(low))

    @classmethod
    def near(cls, values: Any) -> Balls:
        """Whole numbers of which doubles are the nearest."""
        doubles = np.asarray(values, dtype=np.float64)
        return cls.between(np.nextafter(doubles, -np.inf), np.nextafter(doubles, np.inf))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.entries.shape

    def _map(self, function: Callable[[Any], Any], kind: Any = np.float64) -> np.ndarray:
        return np.array([function(entry) for entry in self.entries.ravel()], dtype=kind).reshape(self.shape)

    def mid(self) -> np.ndarray:
        return self._map(lambda x: x if isinstance(x, float) else float(arb(x).mid()))

    def radius(self) -> np.ndarray:
        return self._map(lambda x: 0.0 if isinstance(x, float | fmpq) else float(x.rad()) if x.is_finite() else np.inf)

    def special(self) -> np.ndarray:
        return self._map(lambda x: isinstance(x, float), bool)

    def low(self) -> np.ndarray:
        return self._map(lambda x: x if isinstance(x, float) else _double(arb(x).lower(), -np.inf))

    def high(self) -> np.ndarray:
        return self._map(lambda x: x if isinstance(x, float) else _double(arb(x).upper(), np.inf))

    # Places

    def __getitem__(self, index: Any) -> Balls:
        found = self.entries[index]
        return Balls(found) if isinstance(found, np.ndarray) else Balls.listed([found], ())

    def reshape(self, shape: Sequence[int]) -> Balls:
        return Balls(self.entries.reshape(tuple(shape)))

    def moved(self, source: int, target: int) -> Balls:
        return Balls(np.moveaxis(self.entries, source, target))

    def spread(self, shape: Sequence[int]) -> Balls:
        return Balls(np.broadcast_to(self.entries, tuple(shape)))

    def take(self, places: np.ndarray, axis: int) -> Balls:
        return Balls(np.take_along_axis(self.entries, places, axis))

    def gather(self, places: np.ndarray) -> Balls:
        return Balls(self.entries.reshape(-1)[places])

    @staticmethod
    def joined(parts: Sequence[Balls], axis: int = 0) -> Balls:
        return Balls(np.concatenate([part.entries for part in parts], axis=axis))

    def where(self, condition: np.ndarray, other: Any) -> Balls:
        return Balls(np.where(condition, self.entries, _as(other).entries))

    def hull(self, other: Balls) -> Balls:
        return self._two(other, lambda x, y: x if x is y or _same(x, y) else _union(x, y))

    # Arithmetic

    def _two(self, other: Any, function: Callable[[Any, Any], Any]) -> Balls:
        a, b = np.broadcast_arrays(self.entries, _as(other).entries)
        return Balls.listed([function(x, y) for x, y in zip(a.ravel(), b.ravel(), strict=True)], a.shape)

    def __add__(self, other: Any) -> Balls:
        return self._two(other, lambda x, y: _ended(lambda a, b: a + b, x, y))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Balls:
        zero = _read(0.0)
        return self._two(other, lambda x, y: zero if x is y and _finite(x) else _ended(lambda a, b: a - b, x, y))

    def __rsub__(self, other: Any) -> Balls:
        return _as(other) - self

    def __mul__(self, other: Any) -> Balls:
        return self._two(other, lambda x, y: _ended(lambda a, b: a * b, x, y))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Balls:
        return self._two(other, lambda x, y: UNKNOWN if y == 0 else _ended(lambda a, b: a / b, x, y))

    def __rtruediv__(self, other: Any) -> Balls:
        return _as(other) / self

    def __neg__(self) -> Balls:
        return Balls.listed([-entry for entry in self.entries.ravel()], self.shape)

    def __abs__(self) -> Balls:
        return Balls.listed([abs(entry) for entry in self.entries.ravel()], self.shape)

    def apply(self, name: str) -> Balls:
        return Balls.listed([_function(name, entry) for entry in self.entries.ravel()], self.shape)

    def total(self, axis: int) -> Balls:
        front = self.moved(axis, 0)
        if not len(front.entries):
            return Balls.of(np.zeros(front.shape[1:]))
        return reduce(lambda x, y: x + y, (front[place] for place in range(front.shape[0])))

    def largest(self, axis: int) -> Balls:
        front = self.moved(axis, 0)
        return reduce(lambda x, y: x.larger(y), (front[place] for place in range(front.shape[0])))

    def larger(self, other: Any) -> Balls:
        return self._two(other, _larger)

    def matmul(self, other: Balls) -> Balls:
        shape = np.broadcast_shapes(self.shape[:-2], other.shape[:-2])
        left, right = self.spread((*shape, *self.shape[-2:])), other.spread((*shape, *other.shape[-2:]))
        plain = not Balls.rational and not self.special().any() and not other.special().any()
        entries = []
        for batch in np.ndindex(*shape):
            a, b = left.entries[batch], right.entries[batch]
            if plain:
                entries += (_matrix(a) * _matrix(b)).entries()
            else:
                every = Balls(a[:, :, None]) * Balls(b[None])
                entries += every.total(1).entries.ravel().tolist()
        return Balls.listed(entries, (*shape, self.shape[-2], other.shape[-1]))

    def compare(self, other: Any) -> np.ndarray:
        return self._two(other, _sign).entries.astype(np.int8)


def _matrix(entries: np.ndarray) -> arb_mat:
    return arb_mat(entries.shape[0], entries.shape[1], entries.ravel().tolist())


def _as(value: Any) -> Balls:
    return value if isinstance(value, Balls) else Balls.of(value)


def _double(end: arb, limit: float) -> float:
    """A double at or beyond an exact end."""
    if not end.is_finite():
        return limit
    near = float(end)
    return near if arb(near) == end else float(np.nextafter(near, limit))


def _finite(x: Any) -> bool:
    return not isinstance(x, float) and (isinstance(x, fmpq) or x.is_finite())


def _same(x: Any, y: Any) -> bool:
    return type(x) is type(y) and bool(x == y) and (not isinstance(x, arb) or x.is_exact())


def _union(x: Any, y: Any) -> Any:
    if isinstance(x, float) or isinstance(y, float):
        return UNKNOWN
    return arb(x).union(arb(y))


def _ended(operation: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """An operation on two entries; the program's own infinities and NaN as IEEE has them, where that is certain."""
    if not isinstance(x, float) and not isinstance(y, float):
        found = operation(x, y)
        if isinstance(found, fmpq):
            return arb(found) if found.q.bit_length() > LONG else found
        return found if found.is_finite() else UNKNOWN
    if (x != x and isinstance(x, float)) or (y != y and isinstance(y, float)):
        return np.nan
    if not all(isinstance(side, float) or _finite(side) for side in (x, y)):
        return UNKNOWN
    ends = []
    for end in (arb.lower, arb.upper):
        a, b = (side if isinstance(side, float) else _within(float(end(arb(side)))) for side in (x, y))
        with np.errstate(all="ignore"):
            ends.append(float(operation(np.float64(a), np.float64(b))))
    if ends[0] != ends[1]:
        return UNKNOWN
    return _read(0.0) if ends[0] == 0 else ends[0] if abs(ends[0]) == np.inf else UNKNOWN


def _within(value: float) -> float:
    """A finite number beyond all doubles is no infinity."""
    return min(max(value, -LARGEST), LARGEST)


def _function(name: str, x: Any) -> Any:
    if isinstance(x, float):
        limit = x if x != x else getattr(arb(x), name)()
        return limit if isinstance(limit, float) else limit if limit.is_finite() else UNKNOWN
    if name == "sqrt" and isinstance(x, fmpq) and x >= 0:
        p, q = x.p.isqrt(), x.q.isqrt()
        if p * p == x.p and q * q == x.q:
            return fmpq(p, q)
    if name == "exp" and isinstance(x, fmpq) and x == 0:
        return fmpq(1)
    found = 1 / (1 + (-arb(x)).exp()) if name == "sigmoid" else getattr(arb(x), name)()
    return found if found.is_finite() else UNKNOWN


def _sign(x: Any, y: Any) -> int:
    if (isinstance(x, float) and x != x) or (isinstance(y, float) and y != y):
        return UNORDERED
    if x is y and (isinstance(x, float) or _finite(x)):
        return EQUAL
    if isinstance(x, fmpq) and isinstance(y, fmpq):
        return BELOW if x < y else ABOVE if x > y else EQUAL
    a, b = arb(x), arb(y)
    if a < b:
        return BELOW
    if a > b:
        return ABOVE
    return EQUAL if a == b and a.is_exact() and b.is_exact() else OPEN


def _larger(x: Any, y: Any) -> Any:
    match _sign(x, y):
        case 0 | 1:
            return x
        case -1:
            return y
        case 2:
            return np.nan
    if isinstance(x, float) or isinstance(y, float) or not _finite(x) or not _finite(y):
        return UNKNOWN
    return arb(x).max(arb(y))
