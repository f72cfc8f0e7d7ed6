"""Worked sets of sequences: the sum that is shown is the largest of the set, and its ends enclose it."""

from __future__ import annotations

import itertools
import random

import mpmath
import pytest
from every_transcript import ACCURACIES, proof_of

from mechproof.engine.transcript import DisplayMath, Section
from mechproof.engine.transcript.document import nodes
from mechproof.rewrites.rules.path_decomposition import Paths
from mechproof.rewrites.worked.cell import Box, Cell, Chosen


def members(chosen: Box | Chosen) -> list[tuple[int, ...]]:
    """Every sequence of the set."""
    if isinstance(chosen, Box):
        return [(*free, chosen.q) for free in itertools.product(*chosen.held)]
    found = itertools.product((chosen.m, *chosen.tokens), repeat=chosen.positions)
    return [(*free, chosen.q) for free in found if sum(t != chosen.m for t in free) == chosen.n]


def drawn(rng: random.Random, V: int, K: int) -> Box | Chosen:
    m = rng.randrange(1, V)
    q = rng.randrange(m + 1)
    some = tuple(sorted(rng.sample(range(m), rng.randint(1, m))))
    if rng.random() < 0.5:
        return Chosen(q, m, rng.randint(1, K - 1 if q == m else max(1, K - 2)), some, K - 1)
    held = [tuple(sorted(rng.sample(range(m + 1), rng.randint(1, m + 1)))) for _ in range(K - 1)]
    if q < m:
        held[rng.randrange(K - 1)] = (m,)
    return Box(q, m, tuple(held))


@pytest.mark.parametrize("seed", range(40))
def test_the_largest_sum_is_enclosed(oracle, seed):
    """Protects a reader who adds up: no sequence of the set has a larger sum, and one attains it."""
    rng = random.Random(seed)
    net = oracle.random_net(seed, "float16", rng.randint(2, 5), rng.randint(3, 4))
    truth, chosen = net.truth, drawn(rng, net.V, net.K)
    cell = Cell(Paths.of(net.statement), chosen)
    rows = members(chosen)
    assert len(set(rows)) == chosen.size
    with mpmath.workdps(80):
        top = max(truth.weight(chosen.q, term.position, term.token, 60) for term in cell.rows)
        unit = top * mpmath.mpf(2) ** truth.places
        sums = {x: max(truth.margin(tokens, x)[0] for tokens in rows if max(tokens) == chosen.m) / unit
                for x in range(net.V) if x != chosen.m}  # fmt: skip
        low, high = (mpmath.mpf(end.numerator) / end.denominator for end in cell.total)
        assert low - mpmath.mpf(10) ** -50 <= sums[cell.x] <= high + mpmath.mpf(10) ** -50
        assert high - low < mpmath.mpf(10) ** -40 * max(1, abs(high))
        assert all(value <= sums[cell.x] + mpmath.mpf(10) ** -6 * abs(sums[cell.x]) for value in sums.values())


@pytest.mark.parametrize("name", ACCURACIES)
def test_every_proof_has_one(name):
    """Every strategy for max-of-K shows a set of inputs whose sum has the sign that the verdict needs."""
    document = proof_of(name).transcript()
    (section,) = (block for block in document.blocks if isinstance(block, Section) and "worked through" in block.title)
    shown = [node.latex for node in nodes(section) if isinstance(node, DisplayMath)]
    assert any("< 0" in formula or "\\ge 0" in formula for formula in shown)
