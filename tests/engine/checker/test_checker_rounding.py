"""Directions of rounding that later rounding would hide, and the coarse pass against every sequence."""

from __future__ import annotations

import itertools
import random
from typing import Any

import mpmath
import pytest
from auditors import first_pass, view_of

from mechproof.engine.checker import exponential


@pytest.mark.parametrize("bits", [6, 10, 16, 40])
def test_the_series_bounds_from_its_side(bits: int) -> None:
    """At few bits each bound must already be a bound: rounding the wrong way at one step shows here."""
    rng = random.Random(bits)
    with mpmath.workdps(60):
        for r in {0, 1, (1 << bits) - 1, *(rng.randrange(1 << bits) for _ in range(200))}:
            value = mpmath.exp(mpmath.ldexp(r, -bits)) * (1 << bits)
            assert exponential._series(r, bits, 0) <= value <= exponential._series(r, bits, 1)


@pytest.mark.parametrize("bits", [4, 16, 64, 300])
def test_log_two_lies_between_its_ends(bits: int) -> None:
    """ln 2 in units of 2^-bits, both ends within the number of terms."""
    low, high = exponential.log_two(bits)
    with mpmath.workdps(200):
        assert low <= mpmath.log(2) * mpmath.mpf(2) ** bits <= high
    assert high - low <= bits


@pytest.mark.parametrize(("V", "K"), [(3, 3), (4, 4), (3, 4), (5, 2)])
@pytest.mark.parametrize("seed", range(12))
def test_the_coarse_pass_keeps_every_output_that_wins_somewhere(
    emitter: Any, tmp_path: Any, seed: int, V: int, K: int
) -> None:
    """An output that is at least as large as m on one sequence of a cell is a candidate, in whichever root that is."""
    model = emitter.random_model(seed, V, K, 3, 2, True)
    model = emitter.Model(model.tensors | {"W_pos": 4 * model.tensors["W_pos"]})  # where m stands matters
    found = view_of(emitter.write(model, tmp_path), 10**9).margins
    winners: dict[tuple[int, int], set[int]] = {cell: set() for cell in found.cells}
    for sequence in itertools.product(range(V), repeat=K):
        q, m = sequence[-1], max(sequence)
        for x in range(V):
            if x != m and found.sign(q, m, x, sequence[:-1]) >= 0:
                winners[q, m].add(x)
    assert any(winners.values())
    for cell, winning in winners.items():
        assert winning <= set(first_pass(found, *cell))
