"""The task max-of-k: inputs, cells and what stands in the statement."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from mechproof.models.tasks.max_of_k import MaxOfK

SIZES = [(V, K) for V in range(1, 6) for K in range(1, 5)]


@pytest.mark.parametrize(("V", "K"), SIZES)
def test_cells_partition_the_inputs(V, K):
    """Every sequence is in the cell of its last token and its maximum; the sizes are counted, not assumed."""
    task = MaxOfK(n_ctx=K, d_vocab=V)
    held = Counter((tokens[-1], max(tokens)) for tokens in itertools.product(range(V), repeat=K))
    cells = list(task.cells())
    assert {cell: task.cell_size(*cell) for cell in cells if task.cell_size(*cell)} == dict(held)
    assert sum(task.cell_size(*cell) for cell in cells) == task.inputs == V**K


def test_order_of_cells():
    """Cells come by maximum, and by query inside, as docs/certificate.md §3 walks them."""
    assert list(MaxOfK(2, 3).cells()) == [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]


def test_large_sizes_are_exact():
    """Counts beyond 64 bits are exact integers."""
    task = MaxOfK(n_ctx=20, d_vocab=512)
    assert task.inputs == 2**180
    assert task.cell_size(0, 511) == 512**19 - 511**19
    assert task.cell_size(511, 511) == 512**19


def test_description():
    """The object of docs/certificate.md §1.3, key by key in order; a tie is wrong."""
    assert list(MaxOfK(4, 64).describe().items()) == [
        ("name", "max-of-k"),
        ("inputs", "all d_vocab^n_ctx sequences"),
        ("right", "strictly largest logit at the largest token"),
        ("tie", "wrong"),
    ]
