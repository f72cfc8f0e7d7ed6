"""gelu, gelu_new and silu as x g(x): their gates g, enclosed by series with proved remainders.

gelu: g is the normal distribution function; silu: g(x) = s(x) = 1/(1 + exp(-x)); gelu_new: (1 + tanh u)/2 = s(2u), so
g(x) = s(v(x)) with v = 2 sqrt(2/pi) (x + 0.044715 x^3). All three rise from 0 to 1, and g(-x) = 1 - g(x).

x g(x) has a slope of size at most 2: x times the normal density is at most 0.25; with s' = 1/(4 cosh(v/2)^2) and
cosh(y)^2 >= 1 + y^2, |v| s'(v) <= 1/4, and |x v'| <= 3 |v|; so the slope is at most 1 + 3/4.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import isqrt

from ..exponential import exponential, shifted_down, shifted_up

SLOPE = 2
# Beyond this size of x, the table below takes g for 0 or 1.
_REACH = {"gelu": 8, "gelu_new": 8, "silu": 24}
# An upper bound of |g''|, in eighths. gelu: the size of the normal density's slope, at most 0.242. silu: 0.0963.
# gelu_new: |s''| <= s' <= exp(-|v|). With y = 1.596|x| <= |v|, v' <= 1.6 (1 + 0.0535 y^2) <= 1.6 exp(y/2) and
# v'' <= 0.27 y, so that |g''| <= (1.6^2 exp(y) + 0.27 y) exp(-y) <= 3.
_BEND = {"gelu": 2, "gelu_new": 24, "silu": 1}
_STEP_BITS = 10
TABLE_BITS = 30
_FARTHEST = 1 << 12

GATES = tuple(_REACH)


def _arctan(n: int, bits: int) -> tuple[int, int]:
    """low <= 2**bits arctan(1/n) <= high: an alternating series of falling terms, each floored.

    Each is off by less than 1, and so is what follows the last.
    """
    power, total, k = (1 << bits) // n, 0, 0
    while power:
        total += -(power // (2 * k + 1)) if k & 1 else power // (2 * k + 1)
        power //= n * n
        k += 1
    return total - k - 1, total + k + 1


@lru_cache(maxsize=64)
def pi(bits: int) -> tuple[int, int]:
    """low <= 2**bits pi <= high, by Machin: pi/4 = 4 arctan(1/5) - arctan(1/239).

    >>> low, high = pi(64); low * 10**12 >> 64, high - low < 1000
    (3141592653589, True)
    """
    (low, high), (other_low, other_high) = _arctan(5, bits), _arctan(239, bits)
    return 16 * low - 4 * other_high, 16 * high - 4 * other_low


def _root_of_two_over_pi(bits: int) -> tuple[int, int]:
    """Bounds of 2**bits sqrt(2/pi)."""
    low, high = pi(2 * bits)
    return isqrt((2 << 4 * bits) // high), isqrt((2 << 4 * bits) // low) + 1


def _falling(x: int, fraction: int, bits: int, side: int) -> int:
    """A bound of 2**bits exp(-x / 2**fraction) for x >= 0: from below (side 0) or above (1)."""
    if x >= _FARTHEST << fraction:
        return side
    low, high, exponent = exponential(-x, -fraction, 1, bits + 8)
    return shifted_up(high, exponent + bits) if side else shifted_down(low, exponent + bits)


def _sigmoid(x: int, fraction: int, bits: int, side: int) -> int:
    """A bound of 2**bits s(x / 2**fraction); s(-x) = exp(-x) / (1 + exp(-x)) rises with exp(-x)."""
    one = 1 << bits
    e = _falling(abs(x), fraction, bits, side if x < 0 else 1 - side)
    above, below = (e if x < 0 else one) << bits, one + e
    return -(-above // below) if side else above // below


def _normal(x: int, fraction: int, bits: int) -> tuple[int, int]:
    """Bounds of 2**bits Phi(y), y = x / 2**fraction >= 0: Phi(y) = 1/2 + exp(-y^2/2) / sqrt(2 pi) times the sum over k
    of y^(2k+1) / (1 3 ... (2k+1)).

    Once y^2 / (2k+3) <= 1/2, what follows a term is at most that term. From y^2 / 2 >= bits on, 1 - Phi < exp(-y^2/2).
    """
    square = x * x
    if square >> 2 * fraction + 1 >= bits:
        return (1 << bits) - 1, 1 << bits
    # the sum is at most exp(y^2/2) sqrt(pi/2), of at most so many bits
    work = bits + 3 * (square >> 2 * fraction + 1) // 2 + 32
    low_square, high_square = shifted_down(square, work - 2 * fraction), shifted_up(square, work - 2 * fraction)
    low = low_term = shifted_down(x, work - fraction)
    high = high_term = shifted_up(x, work - fraction)
    k = 0
    while high_term > 1 or 2 * high_square > (2 * k + 3) << work:
        low_term = (low_term * low_square >> work) // (2 * k + 3)
        high_term = (high_term * high_square >> work) // (2 * k + 3) + 1
        low, high, k = low + low_term, high + high_term, k + 1
        if high_term <= 1 and high_square == 0:
            break
    high += high_term
    root_low, root_high = _root_of_two_over_pi(work)
    density_low = _falling(square, 2 * fraction + 1, work, 0) * root_low >> work
    density_high = (_falling(square, 2 * fraction + 1, work, 1) * root_high >> work) + 1
    half = 1 << work - 1
    least, most = half + (density_low * low >> work + 1), half + (density_high * high >> work + 1) + 1
    return least >> work - bits, min(-(-most >> work - bits), 1 << bits)


def gate(name: str, x: int, fraction: int, bits: int) -> tuple[int, int]:
    """low <= 2**bits g(x / 2**fraction) <= high.

    >>> [gate(name, 1, 0, 40)[0] * 10**9 >> 40 for name in GATES]
    [841344746, 841191990, 731058578]
    """
    if name == "silu":
        return _sigmoid(x, fraction, bits, 0), _sigmoid(x, fraction, bits, 1)
    if name == "gelu":
        low, high = _normal(abs(x), fraction, bits)
        return (low, high) if x >= 0 else ((1 << bits) - high, (1 << bits) - low)
    size = abs(x)
    work = fraction + bits + 16
    cubic = size * (10**6 << 2 * fraction) + 44715 * size**3
    low_root, high_root = _root_of_two_over_pi(work)
    # v = 2 root cubic / (10^6 2**(3 fraction)), in units of 2**-work
    low, high = 2 * low_root * cubic // (10**6 << 3 * fraction), 2 * high_root * cubic // (10**6 << 3 * fraction) + 1
    least, most = _sigmoid(low, work, bits, 0), _sigmoid(high, work, bits, 1)
    return (least, most) if x >= 0 else ((1 << bits) - most, (1 << bits) - least)


@lru_cache(maxsize=4)
def _table(name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """g at the points k 2**-10 - reach, in units of 2**-30, and the rises to the next point."""
    reach = _REACH[name] << _STEP_BITS
    above = [gate(name, k, _STEP_BITS, TABLE_BITS + 8)[0] >> 8 for k in range(reach + 1)]
    points = [(1 << TABLE_BITS) - v for v in above[:0:-1]] + above
    return tuple(points[:-1]), tuple(b - a for a, b in pairwise(points))


def through_table(name: str, values: list[int], fraction: int) -> tuple[list[int], int]:
    """x g(x) of every value, g by linear interpolation; in units of 2**-fraction, ``fraction`` >= 10, with their error.

    Interpolation is off by at most |g''| h^2 / 8 with h = 2**-10, the points and the product by less than 3 units of
    2**-30. Beyond the reach R, |x| (1 - g(|x|)) falls, and at R it is less than R 2**-33 (the tables' ends show it).
    """
    table, rises = _table(name)
    shift, reach = fraction - _STEP_BITS, _REACH[name]
    end, mask, middle = reach << fraction, (1 << fraction - _STEP_BITS) - 1, reach << _STEP_BITS
    found = [
        x * (table[(i := (x >> shift) + middle)] + (rises[i] * (x & mask) >> shift)) >> TABLE_BITS
        if -end <= x < end
        else (x if x > 0 else 0)
        for x in values
    ]
    # |g''| h^2 / 8 in units of 2**-30 is bend / 64 2**(30 - 20)
    error = (_BEND[name] << TABLE_BITS - 2 * _STEP_BITS >> 6) + 4
    return found, (reach * error << max(fraction - TABLE_BITS, 0)) + 2
