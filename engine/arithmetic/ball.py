"""Balls: real numbers known up to a radius, with comparisons that may be undecided.

A thin wrapper of Arb.  python-flint's own comparison operators return a bool where the truth is
unknown (``max(arb(1, 2), arb(1.5, 2))`` silently returns the first), so none of them is reachable here.
Every operation encloses: if x lies in X and y in Y then x∘y lies in X∘Y, whatever the precision.

>>> with precision(64):
...     one = Ball.dyadic(1, 0)
...     e = one.exp()
>>> (one < e), (e < e)
(<Verdict.TRUE: 'true'>, <Verdict.UNDECIDED: 'undecided'>)
>>> e.floor_mantissa(8)                     # e lies in [173, 175)·2^-6
(173, -6)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx, fmpz

from ..errors import MagnitudeError
from .verdict import Verdict


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work with ``bits`` bits inside the block.  Arb's precision is global: not for threads."""
    before = ctx.prec
    try:
        ctx.prec = bits
        yield
    finally:
        ctx.prec = before


@dataclass(frozen=True, eq=False)
class Ball:
    """A real number enclosed by an Arb ball."""

    enclosure: arb

    @staticmethod
    def dyadic(numerator: int | fmpz, exponent: int) -> Ball:
        """The exact number numerator·2^exponent (radius zero at any precision)."""
        return Ball(arb((fmpz(numerator), fmpz(exponent))))

    @staticmethod
    def rational(number: Fraction) -> Ball:
        """The fraction, enclosed."""
        return Ball(arb(number.numerator) / arb(number.denominator))

    @staticmethod
    def sqrt(n: int) -> Ball:
        """The real square root of a natural number."""
        return Ball(arb(n).sqrt())

    def __add__(self, other: Ball) -> Ball:
        return Ball(self.enclosure + other.enclosure)

    def __sub__(self, other: Ball) -> Ball:
        return Ball(self.enclosure - other.enclosure)

    def __mul__(self, other: Ball) -> Ball:
        return Ball(self.enclosure * other.enclosure)

    def over(self, other: Ball) -> Ball:
        """The quotient; a divisor that may be zero gives an infinite ball, which decides nothing."""
        return Ball(self.enclosure / other.enclosure)

    def exp(self) -> Ball:
        return Ball(self.enclosure.exp())

    def log(self) -> Ball:
        return Ball(self.enclosure.log())

    def sign(self) -> int | None:
        """-1, 0 or 1 when every member has that sign, otherwise None."""
        if not self.enclosure.is_finite():
            return None
        if self.enclosure.is_zero():
            return 0
        if self.enclosure.lower().man_exp()[0] > 0:
            return 1
        if self.enclosure.upper().man_exp()[0] < 0:
            return -1
        return None

    def __lt__(self, other: Ball) -> Verdict:
        match (self - other).sign():
            case None:
                return Verdict.UNDECIDED
            case sign:
                return Verdict.TRUE if sign < 0 else Verdict.FALSE

    def __gt__(self, other: Ball) -> Verdict:
        return other < self

    def __le__(self, other: Ball) -> Verdict:
        return ~(other < self)

    def __ge__(self, other: Ball) -> Verdict:
        return ~(self < other)

    def __bool__(self) -> bool:
        raise TypeError("a ball is not a bool: compare it and look at the verdict")

    def __eq__(self, other: Ball) -> Verdict:  # type: ignore[override]  # a bool would have to guess
        return (self <= other) & (self >= other)

    def __ne__(self, other: Ball) -> Verdict:  # type: ignore[override]
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]

    def floor_mantissa(self, bits: int) -> tuple[int, int]:
        """(n, e) with n·2^e at most every member and |n| <= 2^bits; raises :class:`MagnitudeError` unless finite."""
        return _mantissa(self.enclosure.lower(), bits, round_up=False)

    def ceil_mantissa(self, bits: int) -> tuple[int, int]:
        """(n, e) with n·2^e at least every member and |n| <= 2^bits; raises :class:`MagnitudeError` unless finite."""
        return _mantissa(self.enclosure.upper(), bits, round_up=True)


def _mantissa(exact: arb, bits: int, *, round_up: bool) -> tuple[int, int]:
    if not exact.is_finite():
        raise MagnitudeError("the exponential of an attention score", "a finite ball")
    man, exp = exact.man_exp()
    numerator, exponent = int(man), int(exp)
    surplus = numerator.bit_length() - bits
    if surplus <= 0:
        return numerator, exponent
    if round_up:
        return -(-numerator >> surplus), exponent + surplus
    return numerator >> surplus, exponent + surplus
