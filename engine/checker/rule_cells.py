"""``right_cells/1``: sets of sequences on which the network is right, each tested exactly, and their number.

The set (q, m, n, N) of sums.py has C(K-1,n) |N|^n sequences, all of maximum m: n <= K-1 when q = m, and n <= K-2 when
q < m, as then some free position must hold m. A sequence says its q, m and n, so sets that differ in one of these share
none; of sets that differ in N alone the one with fewer tokens is part of the other when its N is, which is required.

On a set the network is right if for every x != m the largest sum of D_x (S0, margins.py) is negative. An x that is
negative on the whole cell is negative on the set. The sets given share no sequence: their sizes add up. Nothing is
shown wrong. How the prover found the sets is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import comb
from typing import NamedTuple

from .cells import Cell
from .certificate import Reader
from .errors import Code, Failure
from .margins import Margins
from .rule import Auditor, Count, Derivation, Rule, check_count, read_count
from .shards import in_shards


class Sets(NamedTuple):
    """Sets of one m: |N| by q and n where N are the tokens 0, 1, ... (1 for n = 0, and 0 where there is no set);
    and sets (q, n, N) of other tokens, N as bits."""

    reaches: Sequence[int]
    others: list[tuple[int, int, int]]


def read_sets(reader: Reader) -> Sets:
    """``["base64",[[q,n,"0x.."],...]]``."""
    other = partial(reader.row, reader.small, reader.small, reader.mask)
    return Sets(*reader.row(reader.table, lambda: reader.items(other)))


def read_advice(reader: Reader) -> list[Sets]:
    """``{"sets":[...]}``, by m."""
    return reader.object(sets=lambda: reader.items(lambda: read_sets(reader)))[0]


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


def reaching(cell: Cell, n: int, tokens: Sequence[int]) -> int | None:
    """An x whose sum of D is not negative on all of a set; None if there is none."""
    budget, margins = cell.margins.budget, cell.margins
    left = cell.open
    if left:
        budget.spend(1 + (margins.positions * (8 + n * n + len(tokens)) * margins.sharp.words >> 3))
        left = cell.reaching(lambda sums: sums.among(n, tokens), left)
    choices = [tokens] * cell.free
    return next((x for x in left if margins.largest_sign(cell.q, cell.m, x, choices, n=n) >= 0), None)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when every set is right (E237) and has sequences (E236), and they are as many as is said."""
    margins, advice = auditor.margins, derivation.advice
    if len(advice) != margins.vocabulary:
        raise derivation.differs("the number of tables", len(advice), margins.vocabulary)

    def count(m: int) -> tuple[int, int]:
        right = 0
        for q, sets in enumerate(sets_of(derivation, margins, advice[m], m)):
            cell = Cell(margins, q, m)
            for n, tokens in sets:
                x = reaching(cell, n, tokens)
                if x is not None:
                    where = {"id": derivation.id, "rule": derivation.rule.name, "cell": (q, m)}
                    raise Failure(Code.E237, **where, number=n, x=x)
                right += members(cell.free, n, tokens)
        return right, 0

    right, _ = in_shards(count, margins.vocabulary, auditor.jobs)
    check_count(derivation, Count(right, auditor.inputs))


RULE = Rule("right_cells/1", ("paths",), "right_count", read_advice, read_count, check)
