"""Sets of inputs: sizes are numbers of inputs, and every split parts its set."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from mechproof.engine.box import Lists, ListSet, Product, Products, bits_of, masks, members


def held(space: Products, node: Product) -> set[tuple[int, ...]]:
    return set(space.inputs(node))


@pytest.mark.parametrize("seed", range(8))
def test_splits_of_products_part_them(seed):
    """Each split: parts are disjoint, make up the set, are not empty, and have as many inputs as they say."""
    rng = random.Random(seed)
    labels = tuple(rng.randint(-2, 2) for _ in range(4))
    space = Products(tuple(tuple(sorted(rng.sample(range(4), rng.randint(1, 4)))) for _ in range(3)), labels)
    root = space.root._replace(label=rng.choice([None, (-2, 1), (0, 0)]))
    whole = held(space, root)
    assert space.size(root) == len(whole)
    bound = rng.randint(-3, 3)
    splits: dict[str, list[Product]] = {
        "each": space.each(root, 1),
        "holds": space.holds(root, 2, rng.randrange(4)),
        "below": space.below(root, 0, rng.randrange(5)),
        "maximum": space.by_maximum(root),
        "sum": space.sum_below(root, bound),
    }
    for name, parts in splits.items():
        found = [held(space, part) for part in parts]
        assert all(found), name
        assert sum(map(len, found)) == len(set().union(*found)) == len(whole), name
        assert [space.size(part) for part in parts] == [len(inputs) for inputs in found], name


def test_the_parts_by_maximum_are_the_first_places_of_it():
    space = Products(((0, 1, 2),) * 3)
    for part in space.by_maximum(space.root):
        places = [(max(t), t.index(max(t))) for t in held(space, part)]
        assert len(set(places)) == 1


def lists(space: Lists, node: ListSet) -> set[tuple[int, ...]]:
    """All lists of a set, from its words."""
    found = set()
    for numbers in itertools.permutations(range(space.values), space.length):
        inside = sorted(numbers)
        if node.next >= 0:
            known = inside[: space.step]
            if (known[-1] if known else -1) != node.before or inside[space.step] != node.next:
                continue
        if bits_of(numbers) & node.outside or node.inside & ~bits_of(numbers):
            continue
        found.add(numbers)
    return found


@pytest.mark.parametrize("step", range(3))
def test_splits_of_lists_part_them(step):
    """Cells by the number read last and the next, then a number in the list or not: exact sizes throughout."""
    space = Lists(length=3, values=6, step=step)
    assert space.size(space.root) == len(lists(space, space.root)) == 120
    cells = space.cells(space.root)
    assert sum(map(space.size, cells)) == 120
    for cell in cells:
        assert space.size(cell) == len(lists(space, cell)) > 0
        for number in range(6):
            try:
                parts = space.holds(cell, number)
            except ValueError:
                assert cell.before < number <= cell.next or number in (cell.before, cell.next)
                continue
            found = [lists(space, part) for part in parts]
            assert [space.size(part) for part in parts] == [len(each) for each in found]
            assert sum(map(len, found)) == space.size(cell)
            if len(parts) == 2:
                with pytest.raises(ValueError, match="not free"):
                    space.holds(parts[0], number)


def test_sets_as_booleans():
    rows: Any = masks([0b1011, 0b100], 5)
    assert [members(0b1011), members(0b100)] == [[t for t in range(5) if row[t]] for row in rows]
