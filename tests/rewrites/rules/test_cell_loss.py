"""Losses of whole cells: logit differences against every sequence, on both sides, and how close they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import leaning, tabled

from mechproof.rewrites.rules import cell_loss
from mechproof.rewrites.rules.cell_loss import CellLoss
from mechproof.rewrites.rules.loss import UNIT_BITS
from mechproof.rewrites.rules.margin_enclosure import MarginEnclosure

RULE = CellLoss()


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """Sixty digits for everything that mpmath computes here."""
    with mpmath.workdps(60):
        yield


def faults(net: Any) -> list[tuple[int, int]]:
    """Cells with a sequence whose loss lies outside the claimed bounds, which are the cell's size times two numbers."""
    claim, found = RULE.conclude([net.margin().paths], None), []
    for cell in net.truth.cells:
        members = [tokens for tokens in net.sequences if (tokens[-1], max(tokens)) == cell]
        low, high = (mpmath.ldexp(side[cell], -UNIT_BITS) / len(members) for side in (claim.low, claim.high))
        if not all(low <= net.truth.loss(tokens) <= high for tokens in members):
            found.append(cell)
    return found


FLAVOURS = [
    "leaning", "float16", "huge", "tiny", "denormal", "twin outputs", "twin tokens", "no unembedding",
    "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_sequence_lies_between_the_bounds(oracle, flavour):
    """By enumeration, in every cell."""
    for seed in range(8):
        net = leaning(oracle, seed) if flavour == "leaning" else oracle.random_net(seed, flavour)
        assert not faults(net), seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1), (2, 6)])
def test_edge_sizes(oracle, V, K):
    """One token, one position."""
    assert not faults(oracle.random_net(0, "float16", V, K))


def test_the_differences_are_nearly_attained(oracle):
    """No sequence exceeds them, and one comes within a thousandth of their range."""
    net = leaning(oracle, 3, 4, 3)
    enclosure = MarginEnclosure(net.margin().paths)
    for q, m in net.truth.cells:
        below, above = cell_loss._differences(enclosure, q, m)
        members = [tokens for tokens in net.sequences if (tokens[-1], max(tokens)) == (q, m)]
        for place, x in enumerate(x for x in range(net.V) if x != m):
            steps = [mpmath.ldexp(difference(net, tokens, x, m), 12) for tokens in members]
            room = 4 + mpmath.ldexp(8, 12) / 1000
            assert below[place] <= min(steps) <= below[place] + room
            assert above[place] - room <= max(steps) <= above[place]


def difference(net: Any, tokens: tuple[int, ...], x: int, m: int) -> Any:
    """logit_x - logit_m of one sequence, from the definition."""
    q = tokens[-1]
    weights = [net.truth.weight(q, p, t, 60) for p, t in enumerate(tokens)]
    parts = [net.truth.difference(q, p, t, x, m) for p, t in enumerate(tokens)]
    return mpmath.ldexp(mpmath.fdot(weights, parts) / mpmath.fsum(weights), -net.truth.places)


@pytest.mark.parametrize("test", ["is_above", "is_below"])
def test_mutant_without_the_test_is_false(oracle, monkeypatch, test):
    """If every number passed, the bounds would cross the truth."""
    nearest, number = cell_loss._nearest, iter(range(10**6))

    def blind(passes: Any, known: Any, far: Any) -> Any:
        skipped = next(number) % 2 == (test == "is_below")
        return nearest((lambda steps: np.ones_like(steps, dtype=bool)) if skipped else passes, known, far)

    tables: dict[str, Any] = {"EVOU": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]}
    net = tabled(oracle, 3, 2, **tables)
    assert not faults(net)
    monkeypatch.setattr(cell_loss, "_nearest", blind)
    assert faults(net)


def test_it_has_no_certificate(oracle):
    """The checker would have to repeat the bisection."""
    assert not RULE.certifiable and RULE.encode(None) == {}
