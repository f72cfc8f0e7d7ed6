"""Partitions of a group's elements on which neurons may be nearly constant: cosets, and arcs of cyclic subgroups.

Untrusted: nothing is assumed of a partition (:mod:`..rules.quotient`), so nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MOST_CLASSES = 30
MOST_OF_LARGE = 60  # classes, for groups of more than LARGE elements
LARGE = 200
PAIRS = 4000  # so many pairs of elements of a large group are tried as generators
ARCS = (8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32, 40, 48)
LONG = 20  # a cyclic subgroup of at least so many elements has arcs


def partitions(table: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Labels for the first factor (classes Hx) and for the second (classes yH) of a group's table, each once."""
    n = len(table)
    sides: tuple[dict[bytes, np.ndarray], dict[bytes, np.ndarray]] = ({}, {})
    generator = long_cycle(table)
    if generator is None:
        most = MOST_OF_LARGE if n > LARGE else MOST_CLASSES
        for subgroup in subgroups(table, most):
            for side, labels in zip(sides, (cosets(table.T, subgroup), cosets(table, subgroup)), strict=True):
                side.setdefault(labels.tobytes(), labels)
    else:
        for side, product in zip(sides, (table.T, table), strict=True):
            for labels in arcs(product, generator):
                side.setdefault(labels.tobytes(), labels)
    return list(sides[0].values()), list(sides[1].values())


def unit_of(table: np.ndarray) -> int:
    """The element that leaves every other one as it is."""
    return int(np.flatnonzero((table == np.arange(len(table))).all(axis=1))[0])


def powers(table: np.ndarray, element: int) -> list[int]:
    """1, g, g², …"""
    found = [unit_of(table)]
    while (further := int(table[found[-1], element])) != found[0]:
        found.append(further)
    return found


def long_cycle(table: np.ndarray) -> list[int] | None:
    """The powers of an element whose subgroup is large and has at most two cosets; None where there is none."""
    longest = max((powers(table, g) for g in range(len(table))), key=len)
    return longest if len(longest) >= LONG and 2 * len(longest) >= len(table) else None


def subgroups(table: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Subgroups with two generators and at most so many cosets, as element lists."""
    n = len(table)
    cycles = [np.array(sorted(powers(table, g)), dtype=np.int64) for g in range(n)]
    seen: set[bytes] = set()
    if n <= LARGE:
        pairs = [(a, b) for a in range(n) for b in range(a, n)]
    else:
        random = np.random.default_rng(0)
        pairs = [(int(a), int(b)) for a, b in random.integers(0, n, (PAIRS, 2))]
    tried: set[tuple[bytes, bytes]] = set()
    for a, b in pairs:
        key = (cycles[a].tobytes(), cycles[b].tobytes())
        if key in tried:
            continue
        tried.add(key)
        subgroup = _generated(table, cycles[a], cycles[b])
        if len(subgroup) * most >= n and subgroup.tobytes() not in seen:
            seen.add(subgroup.tobytes())
            yield subgroup


def _generated(table: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The subgroup that two cyclic subgroups generate, ascending."""
    reached = np.zeros(len(table), dtype=bool)
    reached[a] = True
    before = 0
    while before < (now := int(reached.sum())):
        before = now
        for cycle in (b, a):
            reached[table[np.ix_(np.flatnonzero(reached), cycle)].reshape(-1)] = True
    return np.flatnonzero(reached)


def cosets(product: np.ndarray, subgroup: np.ndarray) -> np.ndarray:
    """Labels of the classes gH for product[g, h] = gh, of Hg for its transpose."""
    labels = np.full(len(product), -1)
    count = 0
    for g in range(len(product)):
        if labels[g] < 0:
            labels[product[g, subgroup]] = count
            count += 1
    return labels


def arcs(product: np.ndarray, cycle: list[int]) -> Iterator[np.ndarray]:
    """Labels of the arcs of f·j in each coset, j the place in it, for every frequency f up to a sign."""
    order = len(cycle)
    turn, coset = np.empty(len(product), dtype=int), np.full(len(product), -1)
    for g in range(len(product)):
        if coset[g] < 0:
            members = product[g, cycle]
            turn[members], coset[members] = np.arange(order), coset.max() + 1
    if coset.max():
        yield coset
    for frequency in range(1, order // 2 + 1):
        for count in ARCS:
            arc = frequency * turn % order * count // order
            yield np.unique(coset * count + arc, return_inverse=True)[1].reshape(-1)
