"""Blocks: the distinct tuples at some positions, however the inputs are ordered."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from mechproof.engine.domains.block import Block


@pytest.mark.parametrize("seed", range(30))
def test_tuples_and_their_numbers(seed):
    """Every set of positions has each of its tuples once; small sets are found from larger ones."""
    rng = random.Random(seed)
    sizes = [rng.choice([1, 2, 3, 50, 10**6]) for _ in range(rng.randint(1, 4))]
    tokens = {tuple(rng.randrange(size) for size in sizes) for _ in range(rng.choice([1, 5, 60]))}
    rows = list(tokens)
    (sorted if seed % 2 else rng.shuffle)(rows)  # type: ignore[operator]
    block = Block(np.array(rows))
    positions = range(len(sizes))
    subsets = [c for n in range(len(sizes) + 1) for c in itertools.combinations(positions, n)]
    for chosen in subsets:
        places = block.places(chosen)
        columns = [block.tokens_at(places, p).tolist() for p in chosen]
        tuples = list(zip(*columns, strict=True)) if chosen else [()]
        assert len(set(tuples)) == len(tuples) == block.rows(places)
        assert set(tuples) == {tuple(row[p] for p in chosen) for row in rows}
        for smaller in subsets:
            if set(smaller) <= set(chosen):
                small = block.places(smaller)
                index = block.index(small, places)
                for p in smaller:
                    found = block.tokens_at(small, p)
                    assert (found if index is None else found[index]).tolist() == block.tokens_at(places, p).tolist()


def test_fixed_positions_do_not_count():
    """A position with one token is left out, and where every input has a tuple of its own it is named by all."""
    block = Block(np.array([[0, 5, 1], [1, 5, 2], [2, 5, 0]]))
    assert block.places([1]) == frozenset()
    assert block.places([0]) == block.places([2]) == block.places([0, 1, 2]) == frozenset({0, 2})
