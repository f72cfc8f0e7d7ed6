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
from math import comb
from operator import sub
from typing import NamedTuple

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


def tall_rows(margins: Margins, q: int, m: int, x: int) -> list[list[Tall]]:
    """Upper ends of D_x by p and t <= m, in the network's unit of logits."""
    margins.budget.spend(8 * margins.positions * (m + 1))
    found: list[list[Tall]] = []
    for here, row in zip(margins.position_weights[q], margins.differences(q, m, x, 1), strict=True):
        entries: list[Tall] = []
        for token, d in zip(margins.token_weights[q], row, strict=False):
            weight = here.high * token.high if d > 0 else here.low * token.low
            entries.append(tall(weight * d, here.exponent + token.exponent))
        found.append(entries)
    return found


def tall_is_negative(rows: Sequence[Sequence[Tall]], q: int, m: int, n: int, tokens: Sequence[int]) -> bool:
    """Whether the largest sum over the set is negative; numbers that the set does not use do not count."""
    *free, last = rows
    best = [max([row[t] for t in tokens]) if n else row[m] for row in free]
    held = [row[m] for row in free] if n < len(free) else best
    parts = [last[q], *best, *held]
    unit = max((sign * exponent for sign, exponent, _ in parts if sign), default=0)
    own, *values = [shifted_up(value, sign * exponent - unit) for sign, exponent, value in parts]
    some, others = values[: len(free)], values[len(free) :]
    return own + sum(others) + sum(sorted(map(sub, some, others), reverse=True)[:n]) < 0
