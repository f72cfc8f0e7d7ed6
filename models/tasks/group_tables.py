"""Multiplication tables of groups: built in by name, or given, and checked to be groups.

The numbering of elements is docs/your_task.md's.

>>> from .group_tables import built_in
>>> built_in("Z3").tolist()
[[0, 1, 2], [1, 2, 0], [2, 0, 1]]
>>> built_in("S3").shape, built_in("D59").shape, built_in("A5").shape
((6, 6), (118, 118), (60, 60))
"""

from __future__ import annotations

import re
from itertools import permutations

import numpy as np

from ..weights.errors import axes_text
from .errors import TaskDoesNotFit

MAX_ORDER = 1000
_NAME = re.compile(r"([ZCDSA])_?([0-9]{1,4})")


def built_in(name: str) -> np.ndarray | None:
    """The table of Z_n (also C_n), D_n, S_n or A_n; None for another name.

    Raises :class:`TaskDoesNotFit` for an order that is too large.
    """
    match = _NAME.fullmatch(name)
    if match is None or int(match[2]) == 0:
        return None
    kind, n = match[1], int(match[2])
    if kind in "SA" and n > 6:
        raise TaskDoesNotFit("group", f"a group of at most {MAX_ORDER} elements", name)
    if kind in "ZCD" and n * (2 if kind == "D" else 1) > MAX_ORDER:
        raise TaskDoesNotFit("group", f"a group of at most {MAX_ORDER} elements", name)
    if kind in "ZC":
        residues = np.arange(n, dtype=np.int64)
        return (residues[:, None] + residues) % n
    return dihedral(n) if kind == "D" else permutation_group(n, even=kind == "A")


def dihedral(n: int) -> np.ndarray:
    """k stands for r^k, n + k for r^k s, and s r = r^-1 s."""
    element = np.arange(2 * n, dtype=np.int64)
    turn, flipped = element % n, element // n
    turned = (turn[:, None] + np.where(flipped[:, None] == 1, -turn, turn)) % n
    return turned + n * (flipped[:, None] ^ flipped)


def permutation_group(n: int, *, even: bool) -> np.ndarray:
    """Permutations in lexicographic order; p·q is x ↦ p(q(x))."""
    listed = [p for p in permutations(range(n)) if not even or is_even(p)]
    number = {p: index for index, p in enumerate(listed)}
    rows = [[number[tuple(p[x] for x in q)] for q in listed] for p in listed]
    return np.array(rows, dtype=np.int64)


def is_even(p: tuple[int, ...]) -> bool:
    """Whether a permutation has an even number of inversions."""
    return sum(p[i] > p[j] for i in range(len(p)) for j in range(i + 1, len(p))) % 2 == 0


def check_group(where: str, table: np.ndarray) -> None:
    """Closed, associative, with a unit and inverses; raises :class:`TaskDoesNotFit` that says what fails first."""
    n = len(table)
    if table.shape != (n, n) or not 1 <= n <= MAX_ORDER:
        raise TaskDoesNotFit(
            where, f"a square table of at most {MAX_ORDER} elements", f"shape {axes_text(table.shape)}"
        )
    if int(table.min()) < 0 or int(table.max()) >= n:
        raise TaskDoesNotFit(where, f"products among the elements 0 to {n - 1}", "another number")
    elements = np.arange(n, dtype=np.int64)
    units = np.flatnonzero((table == elements).all(axis=1) & (elements == table.T).all(axis=1))
    if not units.size:
        raise TaskDoesNotFit(where, "a unit", "none")
    if not (np.sort(table, axis=1) == elements).all() or not (np.sort(table, axis=0) == elements[:, None]).all():
        raise TaskDoesNotFit(where, "an inverse of every element", "a row or column with a product twice")
    for g in generators(table, int(units[0])):
        left, right = table[table[:, g]], table[:, table[g]]
        if not (left == right).all():
            x, z = (int(i[0]) for i in np.nonzero(left != right))
            raise TaskDoesNotFit(where, "(xy)z = x(yz)", f"a difference at x = {x}, y = {g}, z = {z}")


def generators(table: np.ndarray, unit: int) -> list[int]:
    """Elements whose products, however bracketed, are all elements.

    (xy)z = x(yz) for all x, z and these y is enough for a group: the y with that property are closed under products
    (Light), since (x(ab))z = ((xa)b)z = (xa)(bz) = x(a(bz)) = x((ab)z).
    """
    chosen: list[int] = []
    reached = np.zeros(len(table), dtype=np.bool_)
    reached[unit] = True
    while not reached.all():
        chosen.append(int(np.flatnonzero(~reached)[0]))
        reached[chosen[-1]] = True
        before = 0
        while before < int(reached.sum()):
            before = int(reached.sum())
            elements = np.flatnonzero(reached)
            reached[np.unique(table[np.ix_(elements, elements)])] = True
    return chosen
