"""Tables by classes and their sums on joins: the lemma, and sums against loops for random partitions and trees."""

from __future__ import annotations

import random

import numpy as np
import pytest

from mechproof.engine.formula import Table as Entries
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules import quotient_tables
from mechproof.rewrites.rules.quotient_tables import JOIN, Labels, added_up, block_table, row_table


def instance(rng: random.Random) -> dict:
    p, q, n, other = (rng.randint(1, 2) for _ in range(4))
    classes = [[rng.randrange(2) for _ in range(size)] for size in (p, p, q, q)]
    one, two = ([[rng.randint(-2, 2) for _ in range(2)] for _ in range(2)] for _ in range(2))
    a, aa, b, bb = classes
    total = [[one[a[k]][b[c]] + two[aa[k]][bb[c]] + rng.choice([0, 0, 0, 1]) for c in range(q)] for k in range(p)]
    tables = {"T_1": one, "T_2": two, "T": total, "a_1": a, "a_2": aa, "b_1": b, "b_2": bb}
    tables |= {"j": [rng.randrange(p) for _ in range(n)], "i": [rng.randrange(q) for _ in range(other)]}
    return {"p": p, "q": q, "n": n, "n'": other} | {name: Entries(rows) for name, rows in tables.items()}


def test_lemma_holds_and_its_mutants_do_not():
    """True of random tables, and false without its premise."""
    rng = random.Random(5)
    assert examine(JOIN.statement, [instance(rng) for _ in range(800)]).passed  # type: ignore[arg-type]


def labels(rng: random.Random, tokens: int) -> Labels:
    """Any partition: numbered anyhow, the finest in another order included."""
    count = rng.randint(1, tokens)
    names = [*range(count), *(rng.randrange(count) for _ in range(tokens - count))]
    rng.shuffle(names)
    return Labels(np.array(names, dtype=np.int64), count)


@pytest.mark.parametrize("kept", [0, 1 << 24])
@pytest.mark.parametrize("seed", range(25))
def test_sums_are_those_of_loops(seed, kept, monkeypatch):
    """Blocks with random partitions, tables of rows, any tree; whether tables are kept or computed again."""
    monkeypatch.setattr(quotient_tables, "KEPT", kept)
    rng = random.Random(seed)
    n, other, outputs = 5, 4, 3
    tables, expected = [], np.zeros((n, other, outputs), dtype=np.int64)
    numbers = np.random.default_rng(seed)
    for _ in range(4):
        first, second, neurons = labels(rng, n), labels(rng, other), rng.randint(1, 3)
        left, right = (numbers.integers(-9, 9, (size.count, neurons)) for size in (first, second))
        out = numbers.integers(-9, 9, (neurons, outputs))
        tables.append(block_table(first, second, left, right, out))
        expected += np.maximum(left[first.of][:, None] + right[second.of], 0) @ out
    rows = numbers.integers(-9, 9, (n, outputs))
    tables.append(row_table(Labels.finest(n), Labels.coarsest(other), rows, tables[0].cost))
    expected += rows[:, None]
    waiting, merges = list(range(5)), []
    while len(waiting) > 1:
        i, j = rng.sample(waiting, 2)
        waiting = [k for k in waiting if k not in (i, j)] + [5 + len(merges)]
        merges.append((i, j))
    total, cost = added_up(tables, merges)
    assert np.array_equal(total.at(np.arange(n)), expected)
    assert np.array_equal(total.at(np.array([3, 1])), expected[[3, 1]])
    assert cost.total >= sum(table.cost.total for table in tables) + total.cost.total


def test_a_join_costs_its_rows():
    """Two classes beside three tokens of five: additions are rows times outputs."""
    halves, finest, one = Labels(np.array([0, 0, 1, 1, 1]), 2), Labels.finest(5), Labels.coarsest(5)
    zero = np.zeros((1, 4), dtype=np.int64)
    a = row_table(halves, one, np.repeat(zero, 2, axis=0), block_table(one, one, zero, zero, zero.T @ zero).cost)
    b = row_table(finest, one, np.repeat(zero, 5, axis=0), a.cost)
    assert added_up([a, b], [(0, 1)])[0].cost.add == 20


@pytest.mark.parametrize("merges", [[], [(0, 0)], [(0, 1), (0, 2)], [(0, 3)], [(-1, 0)], [(0, 1)]])
def test_trees_that_leave_or_repeat_a_table_are_refused(merges):
    """Every table is added once."""
    one = Labels.coarsest(2)
    zero = np.zeros((1, 1), dtype=np.int64)
    tables = [block_table(one, one, zero, zero, zero) for _ in range(3)]
    with pytest.raises(ValueError):
        added_up(tables, merges)
