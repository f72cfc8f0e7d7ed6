"""Radii carry errors on: numbers moved as far as their radius allows move what is computed from them within its own.

Every operation is run on fields X with a large radius r, and on fields X + d without one, for all d of signs times r.
"""

from __future__ import annotations

import itertools
import random
from operator import mul

import layered_network as reference
import mpmath
import numpy as np
import pytest

from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.dyadic import matrix
from mechproof.engine.checker.networks import evaluator, folding
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.packing import offset, pack, unpack

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
    "attention by values alone": lambda draw: draw.attention(D, 1, e=1, f=2) | ZERO_SCORES,
    "attention, one of two heads": lambda draw: first_head_alone(draw.attention(D, 2, e=1, f=1)),
}
ZERO_SCORES = {"W_Q": np.zeros((1, D, 1)), "W_K": np.zeros((1, D, 1)), "b_Q": np.zeros((1, 1)), "b_K": np.zeros((1, 1))}


def first_head_alone(layer):
    """The scores of the second head are all zero, and nothing reads its values."""
    for name in ("W_Q", "W_K", "b_Q", "b_K", "W_O"):
        if name in layer:
            layer[name][1] = 0
    return layer


@pytest.mark.parametrize("name", LOCAL)
def test_radii_of_every_operation(name, tmp_path):
    """What one layer reads may be off by its radius: the logits are off by theirs at most, and by something."""
    draw = Draw(3)
    positions = 2 if name.startswith("attention") else 1
    layers = [draw.embed(3, D, positions), LOCAL[name](draw), draw.unembed(D, 3)]
    for made in evaluators(layers, tmp_path, positions):
        at = min(made.plan.readers)  # a norm between others belongs to the layer that reads it
        radius = 1 << made.grid[at] - RADIUS_BITS
        for token in range(3):
            state = evaluator.merged([made.start(p, (token + p) % 3) for p in range(positions)])
            for place in [(at, p) for p in made.plan.live[at]]:
                wide = {**state, place: (state[place][0], radius)}
                found, off = logits(made, wide)
                reader = made.plan.readers[at]
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


def test_a_write_adds_its_errors(tmp_path):
    """Scalars and rows that are not known exactly, upon fields that are not: the radius covers every combination.

    Rows are rounded to whole numbers; scalars of size 0 and radii larger than the scalars among them.
    """
    rng = random.Random(0)
    made = object.__new__(evaluator.Evaluator)
    made.width, made.budget = 64, Budget(10**6)
    tight = 0
    for _ in range(400):
        eighths = [[rng.randint(-30, 30) for _ in range(2)] for _ in range(rng.randint(1, 3))]
        rows, largest, off = made.rounded(matrix(eighths, -3), 0)
        made.rows = {(0, 0): [evaluator.Rows((1, 0), rows, largest, len(rows), off)]}
        scalars = [rng.choice((0, rng.randint(-9, 9))) for _ in rows]
        radius, before, fields = rng.randint(0, 3), rng.randint(0, 3), [rng.randint(-9, 9) for _ in range(2)]
        state = {(1, 0): (pack(fields, 64), before)}
        made.write(state, 0, 0, scalars, radius, 0)
        packed, after = state[1, 0]
        found = unpack(packed, 2, 64, offset(2, 64))
        for signs in itertools.product((1, -1), repeat=len(rows)):
            for k, sign in itertools.product(range(2), (1, -1)):
                moved_scalars = [s + e * radius for s, e in zip(scalars, signs, strict=True)]
                true = sum(s * row[k] for s, row in zip(moved_scalars, eighths, strict=True)) + 8 * sign * before
                apart = abs(true + 8 * fields[k] - 8 * found[k])
                assert apart <= 8 * after
                tight += apart > 8 * (after - 1)
    assert tight


def test_states_that_meet_add_their_radii():
    """Two positions that are read together are off by both of their radii."""
    found = evaluator.merged([{(1, 0): (5, 2)}, {(1, 0): (7, 3), (2, 0): (1, 1)}])
    assert found == {(1, 0): (12, 5), (2, 0): (1, 1)}


@pytest.mark.parametrize("part", ["a constant", "an embedding"])
def test_what_a_start_rounds_is_counted(part, tmp_path):
    """A bias that is finer than the grid, or an embedding that is cut, with everything else exact."""
    rng = np.random.default_rng(1)
    fine, whole = rng.normal(size=(4, 5)), rng.integers(-9, 9, (4, 5)).astype(np.float64)
    layers = [
        {"kind": "embed", "E": fine if part == "an embedding" else whole},
        {"kind": "unembed", "W_U": np.ones((5, 3)), "b_U": rng.normal(size=3) * (part == "a constant") * 2.0**-40},
    ]
    if part == "an embedding":
        layers[0]["E"] = fine * np.array([1, 2.0**-40, 1, 1, 1])
    coarse, exact = evaluators(layers, tmp_path)
    shift, apart = exact.grid[1] - coarse.grid[1], []
    for token in range(4):
        (found, radius), (true, slack) = (logits(made, made.start(0, token)) for made in (coarse, exact))
        apart += [abs((a << shift) - b) for a, b in zip(found, true, strict=True)]
        assert max(apart[-3:]) <= (radius << shift) + slack
    assert max(apart) > 0


@pytest.mark.parametrize("scale", ["1/sqrt(2)", "1/3"])
def test_scores_are_within_their_radius(scale, tmp_path):
    """Queries and keys moved by their radius, of sizes at which rounding matters and at which it does not."""
    draw, rng = Draw(3), random.Random(1)
    layers = [draw.embed(3, D, 2), draw.attention(D, 1, e=2, f=2) | {"scale": scale}, draw.unembed(D, 3)]
    for made in evaluators(layers, tmp_path, 2):
        unit = 2 * made.read_grid[1] - made.scalar
        sizes, far = (0, 1, made.read_grid[1]), 1 << made.read_grid[1] - 6
        for size, radius in itertools.product(sizes, (0, 1, 1 << 20, far)):
            query, key = ([rng.randint(-(1 << size), 1 << size) for _ in range(2)] for _ in range(2))
            found, off = made.score(1, query, key, radius)
            for signs in itertools.product((1, -1), repeat=4):
                both = [v + s * radius for v, s in zip([*query, *key], signs, strict=True)]
                q, k = both[:2], both[2:]
                with mpmath.workprec(2000):
                    c = 1 / mpmath.sqrt(2) if scale == "1/sqrt(2)" else mpmath.mpf(1) / 3
                    assert abs(found - c * sum(map(mul, q, k)) / mpmath.mpf(2) ** unit) <= off


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("radius", [0, 1, 4])
def test_every_term_of_a_score_s_radius_is_attained(sign, radius, tmp_path):
    """In units in which nothing is rounded: products moved away from 0, and a factor that is almost the next integer,
    are as far off as the radius says, but for one unit."""
    draw = Draw(3)
    layers = [draw.embed(3, D, 2), draw.attention(D, 1, e=2, f=2) | {"scale": "1/3"}, draw.unembed(D, 3)]
    for made in evaluators(layers, tmp_path, 2):
        made.scalar = made.width + 2 * made.read_grid[1]
        query, key, next_factor = [3, 5], [7, 2], made.factors[1] + 1
        found, off = made.score(1, query, [sign * k for k in key], radius)
        farthest = sum((q + radius) * (k + radius) for q, k in zip(query, key, strict=True))
        assert abs(sign * farthest * next_factor - found) == off - 1
