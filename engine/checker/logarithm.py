"""Enclosures of log(1 + sum of exponentials) in integers: fixed point, r at n bits stands for r / 2**n."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .exponential import exponential, log_two, shifted_down, shifted_up

UNIT_BITS = 128
STEP_BITS = 12
LOWEST = 64 << STEP_BITS
_GUARD = 32
_LOW_BITS = 9


def logarithm(value: int, bits: int) -> tuple[int, int]:
    """low <= ln(value / 2**bits) * 2**bits <= high, for value >= 2**bits; both are 0 when value = 2**bits.

    value = 2^k f with 1 <= f < 2, and ln f = 2 sum over i of z^(2i+1) / (2i+1) with z = (f-1)/(f+1) < 1/3. z, its
    square and all powers are floored to units of 2^-w. With e_i the loss of z^(2i+1): e_0 < 1 and
    e_(i+1) < e_i/9 + 5/9 + 1, so e_i < 2; each term, floored as well, loses less than 3. The powers after the last are
    below 2, 2/9, ..., and their terms come to less than 3.

    >>> low, high = logarithm(3 << 64, 64); low * 10**12 >> 64, high - low < 4
    (1098612288668, True)
    """
    if value == 1 << bits:
        return 0, 0
    k = value.bit_length() - 1 - bits
    work = bits + _GUARD
    one = 1 << bits + k
    z = (value - one << work) // (value + one)
    square = z * z >> work
    total = terms = 0
    power = z
    while power:
        total += power // (2 * terms + 1)
        terms += 1
        power = power * square >> work
    low_log, high_log = log_two(work)
    low, high = 2 * total + k * low_log, 2 * (total + 4 * terms + 8) + k * high_log
    return low >> _GUARD, -(-high >> _GUARD)


@lru_cache(maxsize=2)
def negative_powers(side: int) -> list[int]:
    """Bounds of exp(-i / 2**STEP_BITS) for 0 <= i <= LOWEST, from below (side 0) or above (1), in units of
    2**-UNIT_BITS: each a product of two. One more stands for all that are smaller: 0, or exp(-64)."""
    rounded = shifted_up if side else shifted_down

    def powers(step: int, count: int) -> list[int]:
        found = (exponential(-step * i, -STEP_BITS, 1, UNIT_BITS) for i in range(count))
        return [rounded(e[side], e.exponent + UNIT_BITS) for e in found]

    fine, coarse = powers(1, 1 << _LOW_BITS), powers(1 << _LOW_BITS, (LOWEST >> _LOW_BITS) + 1)
    table = [rounded(a * b, -UNIT_BITS) for b in coarse for a in fine][: LOWEST + 1]
    return [*table, table[-1] if side else 0]


def log_one_plus(steps: Sequence[int], side: int) -> int:
    """A bound of log(1 + sum of exp(k / 2**STEP_BITS) over ``steps``): from below (side 0) or above (side 1).

    In units of 2**-UNIT_BITS. With t the largest of 0 and the steps it is t + log(exp(-t) + sum of exp(k - t)).

    >>> log_one_plus([0], 0) * 10**12 >> UNIT_BITS
    693147180559
    """
    if not steps:
        return 0
    top = max(0, max(steps))
    table, end = negative_powers(side), LOWEST + 1
    total = table[min(top, end)] + sum([table[d] if (d := top - k) < end else table[end] for k in steps])
    return (top << UNIT_BITS - STEP_BITS) + logarithm(total, UNIT_BITS)[side]
