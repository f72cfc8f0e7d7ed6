"""Random members of accepted sets, evaluated directly: every test that was accepted is true of them.

    PYTHONPATH=tests/support python tests/support/box_completions.py 1000000

evaluates so many in all, in float64, and those that are nearer than 10^-9 with 60 digits.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from box_networks import float_logits, inputs_of, layers, leaves_of, statement
from layered_network import logits

from mechproof.rewrites.advice.boxes.trees import found_boxes

# Kind of network, task, tokens, positions, outputs.
CASES: list[tuple[str, str, int, int, int | None]] = [
    ("one head", "max-of-k", 9, 4, None),
    ("two heads", "max-of-k", 8, 4, None),
    ("relu", "max-of-k", 8, 4, None),
    ("two heads, relu", "max-of-k", 7, 3, None),
    ("layernorm", "max-of-k", 8, 4, None),
    ("rmsnorm, two heads", "max-of-k", 7, 3, None),
    ("relu", "running-sum-sign", 5, 6, 3),
    ("two heads", "sorted-list", 9, 7, None),
]
NEAR = 1e-9  # float64 decides what is farther apart: its errors here are below 10^-12


def above(net: Any, tokens: tuple[int, ...], read: int, winner: int, loser: int) -> bool:
    """Whether the winner is above the loser, or as large to 50 digits, evaluated with 60."""
    with mpmath.workdps(60):
        row = logits(net, tokens)[read]
        return row[winner] - row[loser] > -(mpmath.mpf(10) ** -50)


def evaluated(case: tuple[str, str, int, int, int | None], members: int, seed: int, folder: Path) -> tuple[int, int]:
    """(members, contradictions) of one random network, about so many members."""
    kind, task, tokens, positions, outputs = case
    rng = random.Random(seed)
    net = layers(kind, seed, tokens, positions, outputs)
    known = statement(net, task, folder)
    advice = found_boxes(known, None, lambda done, total: None, careful=True)
    seen = contradicted = 0
    share = members // len(advice.trees)
    for index, tree in enumerate(advice.trees):
        replay = leaves_of(known, index, advice.units, tree)
        each = share // len(replay.seen) + 1
        drawn: list[tuple[tuple[int, ...], int, int]] = []
        for state, winner, loser, _ in rng.sample(replay.seen, min(share, len(replay.seen))):
            drawn += [(t, winner, loser) for t in inputs_of(replay.read, state.node, rng, each)]
        read = replay.read.position
        rows = np.arange(len(drawn))
        found = float_logits(net, np.array([t for t, _, _ in drawn]), read)
        winners, losers = (np.array([row[side] for row in drawn]) for side in (1, 2))
        margins = found[rows, winners] - found[rows, losers]
        for row in np.flatnonzero(margins < NEAR).tolist():
            contradicted += margins[row] < -NEAR or not above(net, drawn[row][0], read, *drawn[row][1:])
        seen += len(drawn)
    return seen, contradicted


def main(members: int) -> None:
    """All cases, each with its share, for two random networks."""
    total = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            for seed in (21, 22):
                seen, contradicted = evaluated(case, members // (2 * len(CASES)), seed, Path(folder))
                print(f"{case[0]}, {case[1]}: {seen} members, {contradicted} contradictions", flush=True)
                total, wrong = total + seen, wrong + contradicted
    print(f"{total} members, {wrong} contradictions")


if __name__ == "__main__":
    main(int(sys.argv[1]))
