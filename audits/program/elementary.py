r"""Functions, sums and extremes of :class:`~.twofold.Twofold` numbers, all from rounded sums and products of doubles.

What has no formula here is computed by Arb, entry by entry.

>>> e = FUNCTIONS["exp"](Twofold.of(1.0))
>>> float(e.hi), bool(e.rad < 1e-20)
(2.718281828459045, True)
"""

from __future__ import annotations

from functools import cache

import numpy as np
from flint import arb

from ...engine.arithmetic.ball import precision
from .pairs import GROW, LARGE, SMALL, fresh, two_product, two_sum
from .twofold import FUNCTIONS, OPEN, Twofold

# exp: entries of the table of 2^(j / ENTRIES), and three parts of log 2 / ENTRIES, the first two of 30 bits.
ENTRIES = 1024
BITS = 160


@cache
def _table() -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    with precision(BITS):
        step = arb.const_log2() / ENTRIES
        exact = [(step * j).exp() for j in range(ENTRIES)]
        high = np.array([float(entry.mid()) for entry in exact])
        low = np.array([float((entry - arb(top)).mid()) for entry, top in zip(exact, high.tolist(), strict=True)])
        parts = []
        for bits in (40, 70):
            part = float((step * 2**bits).mid().floor().unique_fmpz()) / 2**bits
            parts.append(part)
            step = step - arb(part)
        return high, low, (parts[0], parts[1], float(step.mid()))


def exponential(x: Twofold) -> Twofold:
    """exp(k log 2 / 1024 + s) = 2^(k div 1024) T[k mod 1024] exp(s), \\|s\\| < 2^-11; a Taylor polynomial of degree 6.

    Relative error: the table 2^-106, the polynomial 2^-88, rounding of terms below 2^-23 a few times 2^-76; 2^-70 is
    claimed.  exp(x + r) - exp(x) <= exp(x) (r + r^2) for r <= 1; wider entries are left to Arb.
    """
    high, low, (first, second, third) = _table()
    inside = (np.abs(x.hi) < 330.0) & (x.rad <= 1.0)
    hi, lo = np.where(inside, x.hi, 0.0), np.where(inside, x.lo, 0.0)
    k = np.rint(hi * (1.0 / (first + second)))
    s, lost = two_sum(hi, -k * first)
    s, more = two_sum(s, -k * second)
    s, tail = two_sum(s, lost + more + lo - k * third)
    square = s * s
    tail = tail * (1 + s) + square * (0.5 + s * (1 / 6 + s * (1 / 24 + s * (1 / 120 + s / 720))))
    place = k.astype(np.int64)
    entry, scale = place % ENTRIES, place // ENTRIES
    base, rest = high[entry], low[entry]
    product, error = two_product(base, s)
    top, carry = two_sum(base, product)
    top, rest = two_sum(top, carry + (error + base * tail + (rest + rest * s)))
    top, rest = np.ldexp(top, scale), np.ldexp(rest, scale)
    with np.errstate(invalid="ignore", over="ignore"):
        wide = np.where(inside, top * (2.0**-70 + (x.rad + x.rad * x.rad) * (1 + 2.0**-40)) * GROW, np.inf)
    return _others(Twofold.made(top, rest, wide), x, ~inside, "exp")


def logarithm(x: Twofold) -> Twofold:
    """log x = y + log(1 + d) with y a double and d = x exp(-y) - 1; \\|log(1 + d) - d\\| <= d^2 for \\|d\\| <= 1/2."""
    inside = (x.hi > 0) & (x.hi < np.inf)
    with np.errstate(all="ignore"):
        y = np.where(inside, np.log(np.where(inside, x.hi, 1.0)), 0.0)
    d = x.where(inside, 1.0) * exponential(Twofold.of(-y)) - 1.0
    size = np.abs(d.hi) + np.abs(d.lo) + d.rad
    inside = inside & (size <= 0.5)
    with np.errstate(invalid="ignore", over="ignore"):
        d = Twofold.made(d.hi, d.lo, np.where(inside, (d.rad + size * size) * GROW, np.inf))
    return _others(Twofold.of(y) + d, x, ~inside, "log")


def root(x: Twofold) -> Twofold:
    """One step of Newton's from the double root; \\|sqrt(x + r) - sqrt(x)\\| <= r / sqrt(x) for r <= x."""
    inside = (x.hi > 0) & (x.rad <= x.hi / 2) & (x.hi < np.inf)
    hi, lo = np.where(inside, x.hi, 1.0), np.where(inside, x.lo, 0.0)
    y = np.sqrt(hi)
    square, lost = two_product(y, y)
    rest = ((hi - square) - lost) + lo
    top, low = two_sum(y, rest / (2 * y))
    with np.errstate(invalid="ignore", over="ignore"):
        wide = y * 2.0**-96 * ((rest != 0) | (lo != 0)) + x.rad / y * (1 + 2.0**-40)
        found = Twofold.made(top, low, np.where(inside, wide * GROW, np.inf))
    zero = (x.hi == 0) & (x.rad == 0)
    return _others(found.where(~zero, 0.0), x, ~inside & ~zero, "sqrt")


def sigmoid(x: Twofold) -> Twofold:
    return 1.0 / (1.0 + exponential(-x))


def tangent(x: Twofold) -> Twofold:
    """tanh, from exp; beyond 40 it is within 2^-100 of 1."""
    inside = x.where(np.abs(x.hi) <= 150, 0.0)
    return _others(1.0 - 2.0 / (exponential(inside + inside) + 1.0), x, np.abs(x.hi) > 150, "tanh")


def _others(found: Twofold, x: Twofold, places: np.ndarray, name: str) -> Twofold:
    if places.any():
        found.planes[:3, places] = by_arb(name, x.gather(np.nonzero(places.ravel())[0])).planes[:3]
    return found


def ball(hi: float, lo: float, rad: float) -> arb:
    """Arb's NaN where nothing is known."""
    return arb(arb(hi) + arb(lo), arb(rad)) if rad < np.inf else arb("nan")


def by_arb(name: str, x: Twofold) -> Twofold:
    """Entry by entry; a NaN of the program's own stays one."""
    own: np.ndarray = np.isnan(x.hi) & x.special()
    with precision(BITS):
        entries = [
            getattr(ball(*entry), name)()
            for entry in zip(x.hi.ravel().tolist(), x.lo.ravel().tolist(), x.rad.ravel().tolist(), strict=True)
        ]
        found = from_balls(entries)
    return Twofold.constant(np.nan).spread(x.shape).where(own, Twofold(found.planes.reshape(4, *x.shape)))


def from_balls(entries: list[arb]) -> Twofold:
    """Two doubles of each middle, and a radius that covers the rest."""
    planes = np.zeros((3, len(entries)))
    for place, entry in enumerate(entries):
        if not entry.is_finite():
            limit = float(entry.mid()) if entry.is_exact() and not entry.is_nan() else np.nan
            planes[:, place] = (limit, 0.0, 0.0) if limit == limit else (0.0, 0.0, np.inf)
            continue
        middle = entry.mid()
        high = float(middle)
        low = float((middle - arb(high)).mid()) if abs(high) <= LARGE else 0.0
        rest = abs(entry - arb(high) - arb(low)) if abs(high) <= LARGE else arb("inf")
        planes[:, place] = high, low, max(float(rest.upper()) * (1 + 2.0**-50), SMALL) if rest != 0 else 0.0
    return Twofold.made(*planes)


def total(x: Twofold, axis: int) -> Twofold:
    """By halves along one axis."""
    x = x.moved(axis, 0)
    if not x.shape[0]:
        return Twofold.of(np.zeros(x.shape[1:]))
    while (size := x.shape[0]) > 1:
        half = size // 2
        front = x[:half] + x[half : 2 * half]
        x = Twofold.joined([front, x[2 * half :]]) if size % 2 else front
    return x[0]


def largest(x: Twofold, axis: int) -> Twofold:
    """Where one entry is certainly the largest, that entry; else the largest middle, for max is 1-Lipschitz."""
    x = x.moved(axis, 0)
    with np.errstate(invalid="ignore"):
        place = x.hi.argmax(axis=0)[None]
        best = x.take(place, 0)
        room = (np.abs(best.hi) + np.abs(x.hi)) * 2.0**-40 + best.rad + x.rad
        rival = ~(best.hi - x.hi > room) & ~((x.hi == -np.inf) & (best.hi > -np.inf)) & (x.tag != best.tag)
    if rival.any():
        rival |= x.tag == best.tag
        several = rival.sum(axis=0) > 1
        top = np.where(rival, x.hi, -np.inf).max(axis=0)
        low = np.where(rival & (x.hi == top), x.lo, -np.inf)
        winner = x.take(low.argmax(axis=0)[None], 0)[0]
        wide = np.where(rival, x.rad, 0.0).max(axis=0)
        planes = winner.planes.copy()
        planes[2] = np.where(several, wide, planes[2])
        planes[3] = np.where(several & (wide > 0), fresh(wide.shape), planes[3])
        found = Twofold(planes)
    else:
        found = best[0]
    odd = np.isnan(x.hi).any(axis=0) | (x.rad == np.inf).any(axis=0)
    if odd.any():
        own = np.asarray((np.isnan(x.hi) & x.special()).any(axis=0))
        unknown = Twofold.made(np.zeros(odd.shape), 0.0, np.inf)
        found = found.where(~odd, Twofold.constant(np.nan).spread(odd.shape).where(own, unknown))
    return found


def larger(a: Twofold, b: Twofold) -> Twofold:
    """The larger of two, by entry; where that is open, as :func:`largest`."""
    shape = np.broadcast_shapes(a.shape, b.shape)
    a, b = a.spread(shape), b.spread(shape)
    sign = a.compare(b)
    found = a.where(sign > 0, b)
    if (sign >= OPEN - 1).any():
        both = largest(Twofold.joined([a.reshape((1, *shape)), b.reshape((1, *shape))]), 0)
        found = both.where(sign >= OPEN - 1, found)
    return found


FUNCTIONS.update(
    {"exp": exponential, "log": logarithm, "sqrt": root, "sigmoid": sigmoid, "tanh": tangent}
    | {"by Arb": by_arb, "total": total, "largest": largest, "larger": larger}
)
