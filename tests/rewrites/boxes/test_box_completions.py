"""A hundred thousand random members of accepted sets, evaluated directly: every test that was accepted is true of
them."""

from __future__ import annotations

import random
from typing import Any

import mpmath
import numpy as np
import pytest
from box_networks import float_logits, inputs_of, layers, leaves_of, statement
from layered_network import logits

from mechproof.rewrites.advice.boxes.trees import found_boxes

CASES = [
    ("one head", "max-of-k", 9, 4, None),
    ("two heads", "max-of-k", 8, 4, None),
    ("relu", "max-of-k", 8, 4, None),
    ("two heads, relu", "max-of-k", 7, 3, None),
    ("layernorm", "max-of-k", 8, 4, None),
    ("rmsnorm, two heads", "max-of-k", 7, 3, None),
    ("relu", "running-sum-sign", 5, 6, 3),
    ("two heads", "sorted-list", 9, 7, None),
]
EACH = 13000  # of each of eight networks
NEAR = 1e-9  # float64 decides what is farther apart: its errors here are below 10^-12


def above(net: Any, tokens: tuple[int, ...], read: int, winner: int, loser: int) -> bool:
    """Whether the winner is above the loser, or as large to 50 digits, evaluated with 60."""
    with mpmath.workdps(60):
        row = logits(net, tokens)[read]
        return row[winner] - row[loser] > -(mpmath.mpf(10) ** -50)


@pytest.mark.parametrize(("kind", "task", "tokens", "positions", "outputs"), CASES)
def test_accepted_tests_hold_on_members(kind, task, tokens, positions, outputs, tmp_path):
    rng = random.Random(7)
    net = layers(kind, 21, tokens, positions, outputs)
    known = statement(net, task, tmp_path)
    advice = found_boxes(known, None, lambda done, total: None)
    seen = 0
    share = EACH // len(advice.trees)
    for index, tree in enumerate(advice.trees):
        replay = leaves_of(known, index, advice.units, tree)
        each = share // len(replay.seen) + 1
        drawn: list[tuple[tuple[int, ...], int, int]] = []
        for state, winner, loser, _ in rng.sample(replay.seen, min(share, len(replay.seen))):
            drawn += [(t, winner, loser) for t in inputs_of(replay.read, state.node, rng, each)]
        read = replay.read.position
        found = float_logits(net, np.array([t for t, _, _ in drawn]), read)
        rows = np.arange(len(drawn))
        winners, losers = (np.array([row[side] for row in drawn]) for side in (1, 2))
        margins = found[rows, winners] - found[rows, losers]
        assert (margins > -NEAR).all()
        for row in np.flatnonzero(margins < NEAR).tolist():
            assert above(net, drawn[row][0], read, *drawn[row][1:])
        seen += len(drawn)
    assert seen >= 0.9 * EACH
