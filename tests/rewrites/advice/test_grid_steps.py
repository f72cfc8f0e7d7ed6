"""Grids for counting by generating functions: one triple for every output that may win."""

from __future__ import annotations

import numpy as np
import pytest

import mechproof
from mechproof.rewrites.advice.grid_steps import choose
from mechproof.rewrites.rules.box_extremes import Cell


@pytest.mark.parametrize("grid", [1, 5, 1024])
def test_triples(oracle, grid):
    """Sorted, one for each active output, the largest sum four to eight times ``grid`` steps where it has as many."""
    net = oracle.random_net(3, "eighths", 4, 3)
    margin = net.margin()
    triples = choose(margin, grid).triples
    cells = {cell: Cell(margin.enclosure, *cell) for cell in net.truth.cells}
    places = [(t.m, t.q, t.x) for t in triples]
    assert places == sorted((m, q, x) for (q, m), cell in cells.items() for x in cell.active)
    for t in triples:
        table = cells[t.q, t.m].table
        highest = int(table.free.upper[:, :, t.x].max(axis=1).sum()) + int(table.base.upper[t.x])
        steps = highest >> t.exponent - table.unit
        assert 0 <= steps < 8 * grid + 8 and (t.exponent == table.unit or steps >= 4 * grid)


def test_cells_without_sequences_are_passed_over(oracle):
    """With one position there is one cell a token, each with its own triples; progress counts them."""
    net = oracle.random_net(0, "no unembedding", 4, 1)
    seen: list[tuple[int, int]] = []
    triples = choose(net.margin(), 8, lambda done, total: seen.append((done, total))).triples
    assert triples
    assert all(t.q == t.m for t in triples)
    assert seen == [(n, 4) for n in range(1, 5)]


@pytest.mark.parametrize("positions", [1, 2])
def test_steps_are_none_that_the_checker_refuses(positions, tmp_path):
    """Where all outputs tie the largest sum is nothing, and no step is as fine as that."""
    draw = np.random.default_rng(0)
    shapes = {"W_E": (3, 2), "W_pos": (positions, 2), "W_Q": (2, 1), "W_K": (2, 1), "W_V": (2, 1), "W_O": (1, 2)}
    tensors = {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    np.savez(tmp_path / "net.npz", W_U=np.ones((2, 3), dtype=np.float32), **tensors)
    proof = mechproof.prove(tmp_path / "net.npz", strategy="separable")
    assert proof.theorem.high == 0
    proof.write(tmp_path / "proof")
    verdict = mechproof.check(tmp_path / "proof" / "certificate.json", tmp_path / "net.npz")
    assert verdict.exit_code == 0, verdict.line
