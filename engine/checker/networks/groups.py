"""Group tables by name, in the order of docs/your_task.md; and whether a table is that of a group."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from ..budget import within
from .tensor import Tensor

MAX_ORDER = 1 << 11


def group_table(name: str) -> Tensor | None:
    """The table of ``Zn``, ``Dn``, ``Sn`` or ``An``; None for another name.

    Permutations in lexicographic order, p q sends x to p(q(x)); r^a s^i times r^b s^j is r^(a + b) s^j for i = 0, and
    r^(a - b) s^(1 - j) for i = 1.

    >>> group_table("D3").entries[12:18]
    (2, 0, 1, 5, 3, 4)
    """
    match = re.fullmatch("([ZDSA])([1-9][0-9]{0,3})", name)
    if match is None:
        return None
    family, n = match[1], int(match[2])
    if family in "SA":
        within("the degree of the group", n, 6)
        found = [p for p in itertools.permutations(range(n)) if family == "S" or not _odd(p)]
        number = {p: i for i, p in enumerate(found)}
        entries = [number[tuple([p[x] for x in q])] for p in found for q in found]
        return Tensor((len(found), len(found)), tuple(entries), 0)
    order = n if family == "Z" else 2 * n
    within("the order of the group", order, MAX_ORDER)
    elements = list(itertools.product(range(order // n), range(n)))
    entries = [((a - b) % n + (1 - j) * n) if i else (a + b) % n + j * n for i, a in elements for j, b in elements]
    return Tensor((order, order), tuple(entries), 0)


def _odd(p: Sequence[int]) -> int:
    return sum(a > b for a, b in itertools.combinations(p, 2)) % 2


def is_group(table: Sequence[int], order: int) -> bool:
    """Whether this is the table of a group: entries in range, a neutral element, inverses, associative.

    Light's test: it is associative if (x a) y = x (a y) for all x, y and every a of a set that generates it.

    >>> is_group([0, 1, 1, 0], 2), is_group([0, 1, 1, 1], 2), is_group([0, 1, 2, 2, 0, 1, 1, 2, 0], 3)
    (True, False, False)
    """
    within("the order of the group", order, MAX_ORDER)
    elements = range(order)
    rows = [list(table[i * order : (i + 1) * order]) for i in elements]
    if any(entry not in elements for entry in set(table)):
        return False
    neutrals = (e for e in elements if rows[e] == list(elements) and all(row[e] == i for i, row in enumerate(rows)))
    neutral = next(neutrals, None)
    if neutral is None or not all(neutral in row for row in rows):
        return False
    generators: list[int] = []
    reached = {neutral}
    for a in elements:
        if a not in reached:
            generators.append(a)
            reached = _products(rows, generators, neutral)
        # each generator at least doubles what a group's earlier ones reach
        if len(generators) > order.bit_length():
            return False
    return all([rows[x][v] for v in rows[a]] == rows[rows[x][a]] for a in generators for x in elements)


def _products(rows: Sequence[Sequence[int]], generators: Sequence[int], neutral: int) -> set[int]:
    """All products of the generators, bracketed to the left."""
    reached, waiting = {neutral}, [neutral]
    while waiting:
        x = waiting.pop()
        for y in {rows[x][g] for g in generators} - reached:
            reached.add(y)
            waiting.append(y)
    return reached
