"""Radii carry errors on: numbers moved as far as their radius allows move what is computed from them within its own.

Every operation is run on fields X with a large radius r, and on fields X + d without one, for all d of signs times r.
"""

from __future__ import annotations

import itertools

import layered_network as reference
import numpy as np
import pytest

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks import evaluator, folding
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.packing import pack, unpack

Draw = reference.Draw
D = 3
RADIUS_BITS = 12


def evaluators(layers, folder, positions=1):
    """Passes in words of 64 and of 256 bits."""
    (folder / "task.toml").write_text(f'positions = {positions}\nanswer = "t[0]"\n')
    path = reference.write(layers, folder)
    network, task = read_task(str(folder / "task.toml"), read_description(str(path), None))
    budget = Budget(10**9)
    plan = folding.fold(network, task.read, budget)
    reach = evaluator.Reach(plan, evaluator.crude(plan, task.tokens, budget), 1, budget)
    return [evaluator.Evaluator(plan, reach, words, budget) for words in (1, 4)]


def moved(made, state, place, signs, radius):
    """The state with the fields of one place moved by signs times radius, known exactly."""
    reader = made.plan.readers[place[0]]
    count = reader.width + reader.extra
    fields = unpack(state[place][0], count, made.width, made.offsets[place[0]])
    packed = pack([v + s * radius for v, s in zip(fields, itertools.cycle(signs), strict=False)], made.width)
    return {**state, place: (packed, 0)}


def logits(made, state):
    """The logits of a state before layer 1."""
    ((found, radius),) = made.run(dict(state), 1)
    return found, radius


LOCAL = {
    **{
        f: lambda draw, f=f: draw.mlp(D, 4, f, skip="none")
        for f in ("relu", "square", "gelu", "gelu_new", "silu", "identity")
    },
    **{
        f"gated {f}": lambda draw, f=f: draw.mlp(D, 2, f, gated=True, skip="none") for f in ("relu", "gelu", "identity")
    },
    "normed": lambda draw: draw.mlp(D, 2, "identity", skip="none", norm=draw.norm(D)),
    "norm": lambda draw: {"kind": "norm", **draw.norm(D, "rmsnorm")},
    "attention": lambda draw: draw.attention(D, 1, e=2, f=2),
}


@pytest.mark.parametrize("name", LOCAL)
def test_radii_of_every_operation(name, tmp_path):
    """What one layer reads may be off by its radius: the logits are off by theirs at most, and by something."""
    draw = Draw(3)
    positions = 2 if name == "attention" else 1
    layers = [draw.embed(3, D, positions), LOCAL[name](draw), draw.unembed(D, 3)]
    for made in evaluators(layers, tmp_path, positions):
        radius = 1 << made.grid[1] - RADIUS_BITS
        for token in range(3):
            state = evaluator.merged([made.start(p, (token + p) % 3) for p in range(positions)])
            for place in [(1, p) for p in made.plan.live[1]]:
                wide = {**state, place: (state[place][0], radius)}
                found, off = logits(made, wide)
                reader = made.plan.readers[1]
                worst = 0
                for signs in itertools.product((1, -1), repeat=min(reader.width + reader.extra, 6)):
                    other, slack = logits(made, moved(made, state, place, signs, radius))
                    apart = max(abs(a - b) for a, b in zip(found, other, strict=True))
                    assert apart <= off + slack
                    worst = max(worst, apart)
                assert worst > 0 or "relu" in name


def test_rounded_rows_are_counted(tmp_path):
    """Weights that do not fit the grid are rounded; the radius says by how much, and covers it."""
    rng = np.random.default_rng(0)
    layers = [
        {"kind": "embed", "E": rng.integers(-9, 9, (4, 50)).astype(np.float64), "P": np.ones((1, 50))},
        {"kind": "unembed", "W_U": rng.normal(size=(50, 4))},
    ]
    coarse, fine = evaluators(layers, tmp_path)
    shift = fine.grid[1] - coarse.grid[1]
    for token in range(4):
        (found, radius), (true, slack) = (logits(made, made.start(0, token)) for made in (coarse, fine))
        assert radius > slack >> shift
        assert all(abs((a << shift) - b) <= (radius << shift) + slack for a, b in zip(found, true, strict=True))


def test_softmax_of_scores_that_are_not_known_exactly():
    """Scores moved by their radius move the weights, together, by no more than is said."""
    for bits in (30, 126):
        for radius in (1 << bits - 8, 1 << bits - 2):
            scores = [0, 1 << bits - 1, -(1 << bits)]
            weights, off = evaluator.softmax(scores, radius, bits)
            for signs in itertools.product((1, -1), repeat=3):
                other, slack = evaluator.softmax(
                    [s + sign * radius for s, sign in zip(scores, signs, strict=True)], 0, bits
                )
                assert sum(abs(a - b) for a, b in zip(weights, other, strict=True)) <= off + slack
