"""Sets of sequences, and the exact extreme of a separable sum on each.

The set (q, m, n, N), N a set of tokens below m: the last token is q, n of the K-1 free positions hold tokens of N and
the others hold m. It has C(K-1,n) |N|^n sequences, all of maximum m: n <= K-1 when q = m, and n <= K-2 when q < m, as
then some free position must hold m. A sequence says its q, m and n, so sets that differ in one of these share none;
of sets that differ in N alone the one with fewer tokens is part of the other when its N is, which is required.

Theorem. For numbers D_p(t), let a_p be the largest D_p(t) over t in N. The largest sum of D over the set is

    D_{K-1}(q) + sum over the free p of D_p(m) + the sum of the n largest a_p - D_p(m).

Proof. Where P is the set of positions that hold tokens of N, the sum is D_{K-1}(q) + sum over P of D_p(t_p) + sum over
the others of D_p(m). It is largest for t_p with D_p(t_p) = a_p, when it is D_{K-1}(q) + sum of all D_p(m) + sum over P
of a_p - D_p(m); and of all P with n positions those with the n largest of these numbers give most.

Of upper ends in place of the D_p(t) this is an upper bound. Numbers far apart in size are kept in floating point, so
that a token of little weight is not lost beside others: ``Tall``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import comb
from operator import sub
from typing import NamedTuple

from .budget import Budget
from .certificate import Reader
from .errors import Code, Failure
from .exponential import shifted_up
from .margins import Margins
from .rule import Derivation

TALL_BITS = 160

# (sign, sign * exponent, mantissa) for mantissa * 2**exponent, or (0, 0, 0): ordered like the numbers.
Tall = tuple[int, int, int]


class Sets(NamedTuple):
    """Sets of one m: |N| by q and n where N are the tokens 0, 1, ... (1 for n = 0, and 0 where there is no set);
    and sets (q, n, N) of other tokens, N as bits."""

    reaches: Sequence[int]
    others: list[tuple[int, int, int]]


def read_sets(reader: Reader) -> Sets:
    """``["base64",[[q,n,"0x.."],...]]``."""

    def other() -> tuple[int, int, int]:
        reader.literal("[")
        q = reader.small()
        reader.literal(",")
        n = reader.small()
        reader.literal(",")
        tokens = reader.mask()
        reader.literal("]")
        return q, n, tokens

    reader.literal("[")
    reaches = reader.table()
    reader.literal(",")
    others = reader.items(other)
    reader.literal("]")
    return Sets(reaches, others)


def members(free: int, n: int, tokens: Sequence[int]) -> int:
    """How many sequences a set has."""
    return comb(free, n) * len(tokens) ** n


def sets_of(derivation: Derivation, margins: Margins, sets: Sets, m: int) -> list[list[tuple[int, Sequence[int]]]]:
    """By q <= m the pairs (n, N), at most one for each n, N in ascending order; E216, E236."""
    positions = margins.positions
    if len(sets.reaches) != (m + 1) * positions:
        raise derivation.differs(f"the size of table {m}", len(sets.reaches), (m + 1) * positions)
    found: list[list[tuple[int, Sequence[int]]]] = [[] for _ in range(m + 1)]
    margins.budget.spend(len(sets.reaches) + (1 + m // 8) * len(sets.others))

    def add(q: int, n: int, tokens: Sequence[int]) -> None:
        if not 0 <= n < positions - (q < m) or tokens[-1] >= (m if n else 1):
            raise Failure(Code.E236, id=derivation.id, rule=derivation.rule.name, cell=(q, m), number=n)
        found[q].append((n, tokens))

    for index, size in enumerate(sets.reaches):
        if size:
            q, n = divmod(index, positions)
            add(q, n, range(size))
    before = (-1, -1)
    for q, n, bits in sets.others:
        if not (before < (q, n) and 0 <= q <= m and 0 < n < positions and bits) or sets.reaches[q * positions + n]:
            raise Failure(Code.E236, id=derivation.id, rule=derivation.rule.name, cell=(q, m), number=n)
        add(q, n, [t for t in range(bits.bit_length()) if bits >> t & 1])
        before = q, n
    return found


def largest_sum(rows: Sequence[Sequence[int]], q: int, m: int, n: int, tokens: Sequence[int]) -> int:
    """The largest sum over the set of ``rows[p][t]``.

    >>> largest_sum([[3, 5, 0], [1, 4, 2], [0, 7, 9]], 1, 2, 1, [0, 1])
    14
    """
    *free, last = rows
    held = [row[m] for row in free]
    total = last[q] + sum(held)
    return total + sum(sorted(map(sub, highest(free, tokens), held), reverse=True)[:n]) if n else total


def highest(rows: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[int]:
    """For each row the largest entry of these tokens."""
    if isinstance(tokens, range):
        return [max(row[: tokens.stop]) for row in rows]
    return [max([row[t] for t in tokens]) for row in rows]


def tall(value: int, exponent: int) -> Tall:
    """value * 2**exponent, rounded up to TALL_BITS bits.

    >>> tall(-5, 3) < tall(-1, 3) < tall(0, 99) < tall(1, -7) < tall(1, 0) < tall(3, -1)
    True
    """
    if not value:
        return 0, 0, 0
    shift = value.bit_length() - TALL_BITS
    sign = 1 if value > 0 else -1
    return sign, sign * (exponent + shift), shifted_up(value, -shift)


def tall_rows(margins: Margins, q: int, m: int, x: int, threshold: int = 0, fraction: int = 0) -> list[list[Tall]]:
    """Upper ends of w (L(p,t,x) - L(p,t,m) - threshold / 2**fraction) by p and t <= m, in one positive unit."""
    margins.budget.spend(8 * margins.positions * (m + 1))
    finer = max(0, margins.logit_unit + fraction)
    number = threshold << finer - fraction - margins.logit_unit
    found: list[list[Tall]] = []
    for here, row in zip(margins.position_weights[q], margins.differences(q, m, x, 1), strict=True):
        entries: list[Tall] = []
        for token, difference in zip(margins.token_weights[q], row, strict=False):
            d = (difference << finer) - number
            weight = here.high * token.high if d > 0 else here.low * token.low
            entries.append(tall(weight * d, here.exponent + token.exponent))
        found.append(entries)
    return found


def tall_is_negative(
    budget: Budget, rows: Sequence[Sequence[Tall]], q: int, m: int, n: int, tokens: Sequence[int]
) -> bool:
    """Whether the largest sum over the set is known to be negative."""
    *free, last = rows
    best = [max([row[t] for t in tokens]) if n else row[m] for row in free]
    return all_negative(budget, [last[q]], list(zip(best, (row[m] for row in free), strict=True)), n)


def all_negative(budget: Budget, fixed: list[Tall], pairs: list[tuple[Tall, Tall]], n: int) -> bool:
    """Whether the fixed numbers, the first ones of any n pairs and the second ones of the others have a negative sum.

    Where a number of another choice is so large that rounding to its size hides the sign, that pair is decided first:
    both ways.
    """
    if n in (0, len(pairs)):
        fixed, pairs, n = fixed + [pair[not n] for pair in pairs], [], 0
    budget.spend(4 * (len(fixed) + 2 * len(pairs)))
    unit = max(scale_of(number) for number in [*fixed, *chain(*pairs)])

    def value(number: Tall) -> int:
        return shifted_up(number[2], scale_of(number) - unit) if number[0] else 0

    gains = sorted((value(first) - value(second) for first, second in pairs), reverse=True)
    total = sum(map(value, fixed)) + sum(value(second) for _, second in pairs) + sum(gains[:n])
    if total < 0 or not pairs or total > len(fixed) + 2 * len(pairs):
        return total < 0
    pairs = sorted(pairs, key=lambda pair: max(map(scale_of, pair)))
    first, second = pairs.pop()
    return all_negative(budget, [*fixed, second], pairs, n) and all_negative(budget, [*fixed, first], pairs, n - 1)


def scale_of(number: Tall) -> int:
    """The exponent; far below all others for 0."""
    return number[0] * number[1] if number[0] else -(1 << 40)
