"""Enclosures of exp(s / sqrt(h)) for exact s, in integers.

Everything is fixed point: an integer r at n bits stands for r / 2**n.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

from .budget import Budget, product_steps
from .errors import Code, Failure

MAX_SCORE_BITS = 24
FIRST_BITS = 128
LAST_BITS = 16384
_HALVINGS = 8


class Enclosure(NamedTuple):
    """low * 2**exponent <= value <= high * 2**exponent, and low > 0 has exactly the bits asked for."""

    low: int
    high: int
    exponent: int


@lru_cache(maxsize=64)
def log_two(bits: int) -> tuple[int, int]:
    """low <= ln 2 * 2**bits <= high.

    ln 2 = sum over k of 2 / ((2k+1) 3^(2k+1)). Nested floors are one floor, so each term is floored once: an error
    below 1 each; the terms after the last are below (1 + 1/9 + 1/81 + ...) / 3 < 1 together.

    >>> low, high = log_two(100); high - low < 60, low >> 90
    (True, 709)
    """
    power = (2 << bits) // 3
    low = terms = 0
    while power:
        low += power // (2 * terms + 1)
        terms += 1
        power //= 9
    return low, low + terms + 1


def _series(r: int, bits: int, up: int) -> int:
    """A bound of exp(r / 2**bits) for 0 <= r < 2**bits: from below when up = 0, from above when up = 1.

    With x = r / 2**(bits+8) rounded down (up), x < 1/2 and exp(r) = exp(x)^(2^8). The partial sums of the Taylor series
    are lower bounds. Rounding each term up bounds the terms from above; when the last is at most 1 unit, the
    rest is at most x/(1-x) <= 1 unit. Squares of nonnegative bounds, rounded down (up), are bounds.
    """
    x = (r >> _HALVINGS) + up
    term = total = 1 << bits
    k = 1
    while term > 1:
        term = (term * x >> bits) // k + up
        total += term
        k += 1
    total += up
    for _ in range(_HALVINGS):
        total = (total * total >> bits) + up
    return total


def exponential(score: int, exponent: int, head: int, precision: int) -> Enclosure:
    """Encloses exp(score * 2**exponent / sqrt(head)); the relative width shrinks with ``precision`` (bits).

    |y| = sqrt(score^2 4^exponent / head) is floored exactly: isqrt of a floor is the floor of the root. With k the
    floor of y / ln 2 (ln 2 taken at the end that leaves the remainder nonnegative) exp(y) = 2^k exp(y - k ln 2).
    E241 when |y| may exceed 2**24.

    >>> low, high, e = exponential(1, 0, 1, 64); low * 10**12 >> -e, high * 10**12 >> -e
    (2718281828459, 2718281828459)
    """
    if score == 0:
        return Enclosure(1 << (precision - 1), 1 << (precision - 1), 1 - precision)
    size = score.bit_length() + exponent - (head.bit_length() - 1) // 2
    if size > MAX_SCORE_BITS:
        raise Failure(Code.E241, limit=MAX_SCORE_BITS)
    bits = precision + 64
    shift = 2 * (exponent + bits)
    square = score * score
    root = isqrt((square << shift) // head if shift >= 0 else square // (head << -shift))
    low_y, high_y = (root, root + 1) if score > 0 else (-root - 1, -root)
    low_log, high_log = log_two(bits)
    nearer, other = (high_log, low_log) if low_y >= 0 else (low_log, high_log)
    k = low_y // nearer
    low = _series(low_y - k * nearer, bits, 0)
    high = _series(high_y - k * other, bits, 1)
    cut = low.bit_length() - precision
    return Enclosure(low >> cut, -(-high >> cut), k - bits + cut)


def exponential_steps(precision: int, score_bits: int = 0) -> int:
    """What an exponential takes, of a score of so many bits: some n / 15 products of n bits, and the score's square.

    >>> exponential_steps(128), exponential_steps(16384)
    (16, 131088)
    """
    return 16 + (precision * precision * isqrt(precision) >> 18) + ((score_bits >> 6) ** 2 >> 7)


def shifted_down(value: int, shift: int) -> int:
    """floor(value * 2**shift)."""
    return value << shift if shift >= 0 else value >> -shift


def shifted_up(value: int, shift: int) -> int:
    """ceil(value * 2**shift)."""
    return -shifted_down(-value, shift)


def sign_of_sum(terms: Iterable[tuple[int, int]], exponent: int, head: int, budget: Budget) -> int:
    """The sign of the sum of g * exp(s * 2**exponent / sqrt(head)) over the terms (s, g), decided exactly.

    Terms of equal s are added up. Exponentials of distinct algebraic numbers are linearly independent over the
    algebraic numbers (Lindemann-Weierstrass): the sum is zero if and only if every group is. Otherwise growing
    precision decides; E240 when 16384 bits do not.

    >>> budget = Budget(100)
    >>> sign_of_sum([(0, 1), (1, -1)], -9, 2, budget), sign_of_sum([(3, 1), (3, -1)], 0, 2, budget)
    (-1, 0)
    """
    groups: dict[int, int] = {}
    for score, coefficient in terms:
        groups[score] = groups.get(score, 0) + coefficient
    left = [(s, g) for s, g in groups.items() if g]
    if not left:
        return 0
    if len({g > 0 for _, g in left}) == 1:
        return 1 if left[0][1] > 0 else -1
    score_bits, bits = (max(map(int.bit_length, part)) for part in zip(*left, strict=True))
    precision = FIRST_BITS
    while precision <= LAST_BITS:
        each = exponential_steps(precision, score_bits) + product_steps(8, bits + precision, precision)
        budget.spend(len(left) * each)
        powers = [(g, exponential(s, exponent, head, precision)) for s, g in left]
        unit = max(g.bit_length() + e.exponent for g, e in powers) - precision
        low = sum(shifted_down(g * (e.low if g > 0 else e.high), e.exponent - unit) for g, e in powers)
        high = sum(shifted_up(g * (e.high if g > 0 else e.low), e.exponent - unit) for g, e in powers)
        if low > 0 or high < 0:
            return 1 if low > 0 else -1
        precision *= 2
    raise Failure(Code.E240, bits=LAST_BITS)
