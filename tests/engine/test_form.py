"""Least separable sums in integers, against every member of a set (X0)."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from mechproof.engine.box import Lists, Products, members
from mechproof.engine.form import ListTables, ProductTables, least_over_lists, least_over_product, least_with_sum
from mechproof.rewrites.boxes.tree import arrays


class Reading:
    """As much of a read position as :func:`arrays` looks at."""

    def __init__(self, space: Products | Lists, tokens: int) -> None:
        self.space, self.vocabulary = space, (tokens,)


@pytest.mark.parametrize("seed", range(10))
def test_products_with_and_without_a_sum(seed):
    """(a) is exact; (e) is a bound for every multiplier, and for the one that is chosen too."""
    rng = np.random.default_rng(seed)
    labels = (0, 1, 2, -1)
    space = Products(((0, 1, 2, 3),) * 3, labels)
    node = space.holds(space.root, 1, 2)[1]._replace(label=(-1, 2))
    table = rng.integers(-50, 50, (1, 3, 4))
    sums = [sum(int(table[0, p, t]) for p, t in enumerate(tokens)) for tokens in space.inputs(node)]
    everything = space.inputs(node._replace(label=None))
    free = [sum(int(table[0, p, t]) for p, t in enumerate(tokens)) for tokens in everything]
    sets = arrays(Reading(space, 4), [node])  # type: ignore[arg-type]
    assert isinstance(sets, ProductTables)
    assert least_over_product(table, sets.allowed)[0] == min(free)
    assert sets.least(table)[0] <= min(sums)
    for factor in range(-60, 61, 7):
        found = least_with_sum(table, sets.allowed, np.array(labels), np.array([[-1, 2]]), np.array([factor]))
        assert found[0] <= min(sums)


def test_the_sum_is_worth_something():
    """Where entries are a multiple of the labels, the sum alone decides: the bound is exact."""
    space = Products(((0, 1, 2, 3),) * 3, (0, 1, 2, -1))
    node = space.root._replace(label=(2, 2))
    table = np.array([[[7 * label + p for label in space.labels or ()] for p in range(3)]])
    sets = arrays(Reading(space, 4), [node])  # type: ignore[arg-type]
    assert sets.least(table)[0] == 7 * 2 + 3 > least_over_product(table, sets.allowed)[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step", range(3))
def test_lists_are_exact_but_for_their_order(seed, step):
    """(b), (c), (d): the least over all lists, each number at the cheapest unsorted place and at its own sorted one."""
    rng = random.Random(seed)
    values, length = 6, 3
    space = Lists(length, values, step)
    table = np.array([[[rng.randint(-50, 50) for _ in range(values + 1)] for _ in range(length + 1 + step)]])
    for cell in rng.sample(space.cells(space.root), 4):
        nodes = [cell]
        below, above = space.pools(cell)
        for number in members(below | above)[:2]:
            nodes += space.holds(cell, number)
        for node in nodes:
            found = []
            for numbers in itertools.combinations(range(values), length):
                known = (numbers[step - 1] if step else -1, numbers[step])
                bits = sum(1 << n for n in numbers)
                if known == (node.before, node.next) and not bits & node.outside and not node.inside & ~bits:
                    total = int(table[0, length, values]) + sum(int(table[0, :length, n].min()) for n in numbers)
                    found.append(total + sum(int(table[0, length + 1 + j, numbers[j]]) for j in range(step)))
            sets = arrays(Reading(space, values + 1), [node])  # type: ignore[arg-type]
            assert isinstance(sets, ListTables)
            assert least_over_lists(table, sets)[0] == min(found)
            assert sets.take(np.array([0, 0])).least(np.concatenate([table, table])).tolist() == [min(found)] * 2
