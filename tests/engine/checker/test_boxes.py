"""Boxes: every kind of network and set against enumeration and mpmath; planted wrong inputs; forged trees."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import box_emitter as emitting
import layered_network as reference
import mpmath
import numpy as np
import pytest
from shares import halved

from mechproof.engine.checker import Verdict, check, packing
from mechproof.engine.checker.boxes import bounds, lines, tables
from mechproof.engine.checker.boxes.sets import Box, Label, Lists
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task

FUNCTIONS = ("relu", "identity", "square", "gelu", "gelu_new", "silu")
V, K, D = 5, 3, 4


def networks(seed: int) -> dict[str, reference.Layers]:
    """One layer of attention in every setting that boxes know, on three positions of five tokens."""
    draw = reference.Draw(seed)
    embed, end = draw.embed(V, D, K), draw.unembed
    return {
        "one head": [embed, draw.attention(D, 1), end(D, V)],
        "two heads": [embed, draw.attention(D, 2), end(D, V)],
        "three heads, rmsnorm": [embed, draw.attention(D, 3), end(D, V, norm=draw.norm(D, "rmsnorm"))],
        "two heads, norms": [embed, draw.attention(D, 2, norm=draw.norm(D)), end(D, V, norm=draw.norm(D))],
        "no mask": [embed, draw.attention(D, 1, mask="none"), end(D, V)],
        "two heads, gelu, norm": [embed, draw.attention(D, 2), draw.mlp(D, 5, "gelu"), end(D, V, norm=draw.norm(D))],
        **{f: [embed, draw.attention(D, 1), draw.mlp(D, 5, f), end(D, V)] for f in FUNCTIONS},
    }


class Judge:
    """Writes a network once, and judges trees for it."""

    def __init__(self, layers: reference.Layers, folder: Path, task: str) -> None:
        self.path, self.task = reference.write(layers, folder), task
        network, self.made = read_task(task, read_description(str(self.path), None))
        self.statement, self.size = statement_hash(network, self.made), self.made.size

    def __call__(self, trees: list[dict[str, str]], low: int, high: int | None = None, **options: Any) -> Verdict:
        text = emitting.certificate(self.statement, low, self.size if high is None else high, self.size, trees)
        return self.text(text, **options)

    def text(self, text: bytes, **options: Any) -> Verdict:
        certificate = self.path.with_suffix(".json")
        certificate.write_bytes(text)
        return check(certificate, self.path, self.task, **options)


def decided(tree: emitting.Emitter, symbol: str) -> int:
    """The inputs of the leaves with this symbol."""
    return sum(inputs.size() for found, inputs, _, _ in tree.leaves if found == symbol)


def members(inputs: Any) -> list[tuple[int, ...]]:
    """All inputs of a set, one by one."""
    if isinstance(inputs, Box):
        label = inputs.label
        return [
            t
            for t in itertools.product(*inputs.tokens)
            if label is None or label.low <= sum(label.value[u] for u in t) <= label.high
        ]
    found = []
    for t in itertools.permutations(range(inputs.separator), inputs.length):
        ranks = sorted(t)
        if inputs.after >= 0 and not (
            ranks[inputs.step] == inputs.after
            and (inputs.step == 0 or ranks[inputs.step - 1] == inputs.before)
            and inputs.inside <= set(t)
            and not inputs.outside & set(t)
        ):
            continue
        found.append((*t, inputs.separator, *ranks))
    return found


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.ci), pytest.param(2, marks=pytest.mark.ci)])
@pytest.mark.parametrize("name", halved(networks(0)))
def test_trees_of_every_network_hold_and_say_no_more_than_is_true(name: str, seed: int, tmp_path: Path) -> None:
    """R leaves are right and W leaves wrong by mpmath; the counts are verified, one more of either is refused."""
    layers = networks(seed)[name]
    tree = emitting.maximum_tree(layers, [range(V)] * K, each=0)
    judge = Judge(layers, tmp_path, "max-of-k")
    right, wrong = decided(tree, "R"), decided(tree, "W")
    assert right + wrong > 0
    verdict = judge([tree.tree()], right, V**K - wrong)
    assert verdict.status == "VERIFIED", verdict.line
    assert judge([tree.tree()], right + 1, V**K - wrong).code in ("E216", "E203")
    assert judge([tree.tree()], right, V**K - wrong - 1).code in ("E216", "E203")
    for symbol, inputs, _, _ in tree.leaves:
        for t in members(inputs):
            assert reference.right(layers, t, [max(t)])[0] == (symbol == "R"), (t, symbol)


@pytest.mark.parametrize("name", ["two heads", "relu", "two heads, gelu, norm"])
def test_exact_counts_with_few_inputs_one_by_one(name: str, tmp_path: Path) -> None:
    """With E leaves the count is that of enumeration; processes change nothing."""
    layers = networks(3)[name]
    found = reference.count(layers, reference.every(*[V] * K), max)
    tree = emitting.maximum_tree(layers, [range(V)] * K, each=6, cuts=2).tree()
    judge = Judge(layers, tmp_path, "max-of-k")
    for jobs in (1, 3):
        assert judge([tree], found, found, jobs=jobs).status == "VERIFIED"
        assert judge([tree], found + 1, found + 1, jobs=jobs).code == "E216"


def leaf(layers: reference.Layers, queries: list[int]) -> tuple[emitting.Emitter, list[tuple[int, ...]]]:
    """A tree about some last tokens, and the inputs of its first R leaf with more than two of them."""
    tree = emitting.maximum_tree(layers, [range(V)] * K, queries, each=0)
    chosen = next(inputs for symbol, inputs, _, _ in tree.leaves if symbol == "R" and inputs.size() > 2)
    return tree, members(chosen)


def raised(layers: reference.Layers, x: int, by: Any) -> reference.Layers:
    """The network with one more logit, that of x plus ``by`` (to 2^-60 or so, by two biases of float64s)."""
    *rest, end = layers
    bias = np.append(end["b_U"].astype(np.float64), np.float64(float(end["b_U"][x]) + float(by)))
    return [*rest, {**end, "W_U": np.hstack([end["W_U"], end["W_U"][:, [x]]]).astype(np.float64), "b_U": bias}]


def test_one_planted_wrong_input_is_found(tmp_path: Path) -> None:
    """One head, no MLP: bounds of products are exact, so a box falls as soon as one of its inputs is wrong by 2^-30,
    and stands while all are right by 2^-20."""
    layers = networks(1)["relu"]
    layers = [layers[0], layers[1], layers[3]]
    found = []
    for q in range(V):
        try:
            found.append((q, *leaf(layers, [q])))
        except StopIteration:
            continue
    assert found
    for q, _, inputs in found:
        del q
        answer, last = max(inputs[0]), inputs[0][-1]
        x = next(y for y in range(V) if y != answer)
        with mpmath.workdps(40):
            margins = {}
            for t in inputs:
                logits = reference.logits(layers, t)[-1]
                margins[t] = logits[answer] - logits[x]
        worst = min(margins.values())
        for off, status in ((mpmath.mpf(2) ** -20, "VERIFIED"), (-(mpmath.mpf(2) ** -30), "REFUSED")):
            changed = raised(layers, x, worst - off)
            tree = emitting.maximum_tree(changed, [range(V)] * K, [last], each=0, room=-1e-4)
            judge = Judge(changed, tmp_path, "max-of-k")
            # the emitter, told to be bold, says R of what is right and of what is wrong by little
            verdict = judge([tree.tree()], decided(tree, "R"))
            assert decided(tree, "R") and verdict.status == status, (verdict.line, off)


def test_running_sums_by_labels(tmp_path: Path) -> None:
    """All read positions of every input; leaves are cut by the sum; without a mask the label says nothing."""
    layers, n = networks(2)["relu"], 3
    layers = [*layers[:-1], {**layers[-1], "W_U": layers[-1]["W_U"][:, :3], "b_U": layers[-1]["b_U"][:3]}]
    task = f"running-sum-sign:{n}"
    trees = [emitting.running_tree(layers, r, [range(V)] * n, each=4) for r in range(n)]
    judge = Judge(layers, tmp_path, task)
    assert any("B" in tree.symbols for tree in trees)
    value = [0, 1, 2, -2, -1]
    rights = []
    for t in reference.every(*[V] * n):
        sums = list(itertools.accumulate(value[u] for u in t))
        rights.append(reference.right(layers, t, [1 + (s > 0) - (s < 0) for s in sums], range(n)))
    exact = [sum(column) for column in zip(*rights, strict=True)]
    low, high = max(0, V**n - sum(V**n - k for k in exact)), min(exact)
    found = judge([tree.tree() for tree in trees], low, high)
    assert found.status == "VERIFIED", found.line
    assert judge([tree.tree() for tree in trees], low + 1, high + 1, jobs=2).code == "E216"
    unmasked = [layers[0], {**layers[1], "mask": "none"}, *layers[2:]]
    refused = Judge(unmasked, tmp_path, task)([tree.tree() for tree in trees], 0)
    assert refused.code == "E303" and "B is not possible" in refused.line


def sorted_network(seed: int, length: int, tokens: int, heads: int, **end: Any) -> reference.Layers:
    draw = reference.Draw(seed)
    positions = 2 * length + 1
    attention = draw.attention(6, heads, norm=draw.norm(6))
    return [draw.embed(tokens, 6, positions), attention, draw.unembed(6, tokens, **end)]


@pytest.mark.parametrize("heads", [1, 2])
def test_sorted_lists(heads: int, tmp_path: Path) -> None:
    """Every step: the leaves hold by mpmath; pairs of list and step are counted."""
    length, tokens = 3, 6
    layers = sorted_network(heads, length, tokens, heads, norm=reference.Draw(9).norm(6))
    judge = Judge(layers, tmp_path, "sorted-list")
    assert judge.size == 3 * 60
    sizes = [range(tokens - 1)] * length + [range(tokens - 1, tokens)] + [range(tokens - 1)] * length
    trees = [emitting.lists_tree(layers, step, sizes) for step in range(length)]
    right, wrong = (sum(decided(tree, symbol) for tree in trees) for symbol in "RW")
    assert right + wrong
    texts = [tree.tree() for tree in trees]
    for jobs in (1, 2):
        verdict = judge(texts, right, judge.size - wrong, jobs=jobs)
        assert verdict.status == "VERIFIED", verdict.line
        assert judge(texts, right + 1, judge.size - wrong, jobs=jobs).code in ("E216", "E203")
    for step, tree in enumerate(trees):
        for symbol, inputs, _, _ in tree.leaves:
            for t in members(inputs)[:3]:
                answers = sorted(t[:length])
                found = reference.right(layers, t, [answers[step]], [length + step])[0]
                assert found == (symbol == "R"), (t, step)
    first = Judge(layers, tmp_path, "sorted-list:first")
    assert first.size == 60
    assert first([texts[0]], decided(trees[0], "R"), 60 - decided(trees[0], "W")).status == "VERIFIED"


def test_what_a_task_asks_of_later_tokens_is_not_forgotten(tmp_path: Path) -> None:
    """A causal network read at position 0 does not see t[1]; its right answer may be just that."""
    layers = networks(1)["one head"]
    file = tmp_path / "next.toml"
    file.write_text('read = [0]\nanswer = "t[1]"\n')
    judge = Judge(layers, tmp_path, str(file))
    numbers = {"places": emitting.base64.b64encode(b"\0\0").decode(), "numbers": ""}
    refused = judge([{"symbols": "Q" + "R" * V, **numbers}], 0)
    assert refused.code == "E303" and "right answer" in refused.line
    # with t[1] fixed too, the tree is about inputs, of which each may be right
    found = sum(reference.right(layers, t, [t[1]], [0])[0] for t in reference.every(*[V] * K))
    places = "".join(f"{p:04x}" for p in [0] + [1] * V)
    text = {
        "symbols": "Q" + ("Q" + "E" * V) * V,
        "places": emitting.base64.b64encode(bytes.fromhex(places)).decode(),
        "numbers": "",
    }
    assert judge([text], found, found).status == "VERIFIED"


def test_lines_hold_on_the_whole_interval() -> None:
    """phi(z) - a z lies between the intercepts at random z, at the ends and at 0, whatever the slope."""
    rng = random.Random(1)
    one = 1 << lines.FRACTION
    for function in FUNCTIONS:
        for _ in range(12):
            c, w = rng.gauss(0, 2), rng.choice([0, 1e-9, 0.01, 0.3, 2, 6]) * rng.random()
            low, high = int((c - w) * one), int((c + w) * one)
            given = rng.randrange(-(1 << lines.STEEP), 2 << lines.STEEP)
            below, b, above, d = lines.lines(function, low, high, 10, given)
            under, over = lines.intercepts(function, given, low, high)
            for k in range(24):
                z = [low, high, min(max(0, low), high), rng.randint(low, high)][min(k, 3)]
                with mpmath.workdps(40):
                    value = reference.pointwise(function, mpmath.mpf(z) / one) * one * (1 << lines.STEEP)
                    assert b <= value - below * z, (function, low, high, z)
                    assert under <= value - given * z <= over, (function, low, high, z)
                    assert value - above * z <= d, (function, low, high, z)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lines_are_tight(function: str) -> None:
    """Within 2^-13 of the extremes."""
    one, unit = 1 << lines.FRACTION, Fraction(1, 1 << lines.FRACTION + lines.STEEP)
    below, b, above, d = lines.lines(function, -one, 2 * one, 10, 1 << lines.STEEP - 1)
    with mpmath.workdps(30):
        points = [mpmath.mpf(k) / 1000 for k in range(-1000, 2001)]
        least = min(reference.pointwise(function, z) - mpmath.mpf(below) / 2**lines.STEEP * z for z in points)
        most = max(reference.pointwise(function, z) - mpmath.mpf(above) / 2**lines.STEEP * z for z in points)
        assert least - 2.0**-13 < mpmath.mpf(float(b * unit)) < least + 1e-5
        assert most - 1e-5 < mpmath.mpf(float(d * unit)) < most + 2.0**-13


def random_box(rng: random.Random) -> Box:
    n, size = rng.randint(1, 4), 5
    value = tuple(rng.randint(-4, 4) for _ in range(size))
    tokens = tuple(tuple(sorted(rng.sample(range(size), rng.randint(1, size)))) for _ in range(n))
    low = rng.randint(-8, 8)
    return Box(tokens, n - 1, n, rng.choice([None, Label(value, low, low + rng.randint(0, 6))]))


def random_list(rng: random.Random) -> Lists:
    length = rng.randint(1, 4)
    size = rng.randint(length, 6)
    cell = rng.choice([c for c in Lists(length, size, rng.randrange(length)).pairs() if c.size()])
    below, above, *_ = cell.pools()
    free = below + above
    inside = frozenset(rng.sample(free, rng.randint(0, min(2, len(free)))))
    return dataclasses.replace(
        cell, inside=inside, outside=frozenset(t for t in free if t not in inside and rng.random() < 0.2)
    )


@pytest.mark.parametrize("draw", [random_box, random_list])
def test_sizes_and_least_sums_of_sets(draw: Callable[[random.Random], Any]) -> None:
    """The size is that of enumeration, the least sum at most the true one, and equal where it must be: without a label,
    and where all places of a list are alike."""
    rng = random.Random(5)
    for _ in range(150):
        inputs = draw(rng)
        found = members(inputs)
        assert inputs.size() == len(found)
        if not found:
            continue
        support = inputs.support()
        table = {(m, t): rng.randint(-50, 50) for m, tokens in support for t in tokens}
        for alike in (False, True):
            if alike and isinstance(inputs, Lists):
                table |= {(m, t): table[0, t] for m, tokens in support[1 : inputs.length] for t in tokens}
            least = inputs.least([[table[m, t] for t in tokens] for m, tokens in support])
            true = min(sum(table[m, t[m]] for m, _ in support) for t in found)
            assert least <= true
            if isinstance(inputs, Lists) * alike or (isinstance(inputs, Box) and not inputs.label):
                assert least == true


def test_labels_cost_little_where_the_table_is_almost_linear_in_them() -> None:
    """f = 7 val + something small: with the sum known, the bound is off by what is small, whatever the tokens are."""
    rng = random.Random(3)
    value = (0, 1, 2, -2, -1)
    box = Box(((0, 1, 2, 3, 4),) * 6, 5, 6, Label(value, 3, 3))
    rows = [[7000 * v + rng.randint(-5, 5) for v in value] for _ in range(6)]
    assert 21000 - 90 <= box.least(rows) <= 21000 + 30


def test_children_are_disjoint_and_all_of_it() -> None:
    """Maxima by the first position; pairs; holding and the rest; sizes add up."""
    rng = random.Random(8)
    for _ in range(40):
        box = dataclasses.replace(random_box(rng), label=None)
        parts = [t for child in box.maxima() for t in members(child)]
        assert sorted(parts) == sorted(members(box))
        for child in box.maxima():
            assert len({max(t) for t in members(child)}) <= 1
    for step in range(3):
        root = Lists(3, 5, step)
        assert sorted(t for child in root.pairs() for t in members(child)) == sorted(members(root))
        assert sum(child.size() for child in root.pairs()) == root.size() == 60


def edited(text: bytes, **changes: Any) -> bytes:
    """A certificate with changes to the advice of its boxes."""
    found = json.loads(text)
    advice = found["derivations"][1]["advice"]
    for name, value in changes.items():
        if name in advice:
            advice[name] = value
        else:
            advice["trees"][0][name] = value
    return (json.dumps(found, separators=(",", ":")) + "\n").encode("ascii")


def packed(kind: str, *values: int) -> str:
    size = {"H": 2, "i": 4}[kind]
    data = b"".join(v.to_bytes(size, "big", signed=kind == "i") for v in values)
    return emitting.base64.b64encode(data).decode("ascii")


def test_forged_trees(tmp_path: Path) -> None:
    """Each refusal with its code and what it says."""
    layers = networks(1)["two heads"]
    judge = Judge(layers, tmp_path, "max-of-k")
    text = emitting.certificate(judge.statement, 0, V**K, V**K, [{"symbols": "U", "places": "", "numbers": ""}])
    cases: list[tuple[str, str, str, str, str]] = [
        ("", "", "", "E303", "ends"),
        ("UU", "", "", "E303", "left over"),
        ("U", packed("H", 1), "", "E303", "left over"),
        ("U", "", packed("i", 1), "E303", "left over"),
        ("Q", packed("H", 3), "", "E303", "Q is not possible"),
        ("Q", "", "", "E303", "ends"),
        ("A", "", "", "E303", "A is not possible"),
        ("I", packed("H", 1), "", "E303", "I is not possible"),
        ("B", "", packed("i", 1), "E303", "B is not possible"),
        ("X", "", "", "E303", "X is not possible"),
        ("Z", "", "", "E303", "no hidden layer"),
        ("E", "", "", "VERIFIED", ""),
        ("O", "", packed("i", 0, 0), "E303", "position that is read"),
        ("O", "", packed("i", 1 << 30, 0), "E303", "beyond 2^256"),
        ("C", packed("H", 1), packed("i", 0), "E303", "cuts"),
        ("R", "", "", "E303", "right answer"),
        ("QE" + "U" * 4, packed("H", 2), "", "VERIFIED", ""),
        ("QSUU" + "U" * 4, packed("H", 2, 0, 7), "", "E303", "left over"),
        ("QMW", packed("H", 2, 9), "", "E303", "9 is none"),
        ("QMW", packed("H", 2, 0), "", "E303", "0 is none"),
        ("QMR", packed("H", 2), "", "E303", "ratios"),
        ("QMK", packed("H", 2, 2, 2, 1), "", "E303", "ascending"),
        ("QMK", packed("H", 2, 1, 0), "", "E303", "not open"),
        ("QO", packed("H", 2), packed("i", 4096, 0), "E304", "ratio of head 1"),
        ("QO", packed("H", 2), packed("i", 0, 1), "E304", "ratio of head 1"),
        ("QOC", packed("H", 2, 1), packed("i", -80000, 80000, 80000), "E303", "ascending"),
        ("QOC", packed("H", 2, 0), packed("i", -80000, 80000), "E303", "cuts"),
        ("QOMW", packed("H", 2, 1), packed("i", -80000, 80000, 0), "E304", "output 1"),
        ("QOMR", packed("H", 2), packed("i", -80000, 80000, 0, 0, 0, 0), "E304", "stays below"),
    ]
    for symbols, places, numbers, code, words in cases:
        verdict = judge.text(edited(text, symbols=symbols, places=places, numbers=numbers))
        assert (verdict.code or verdict.status) == code and words in verdict.line, (symbols, verdict.line)
    assert judge.text(edited(text, places="AA==")).code == "E110"
    assert judge.text(edited(text, threshold="0x1")).code == "E216"
    assert judge.text(edited(text, bits={"z": 31, "gamma": 1, "slope": 1})).code == "E216"
    assert judge.text(edited(text, bits={"z": -1, "gamma": 1, "slope": 1})).code == "E216"
    assert judge.text(edited(text, trees=[])).code == "E216"
    assert judge.text(edited(text, symbols="QE" + "U" * 4, places=packed("H", 2)), budget=300).code == "E242"


def test_what_boxes_do_not_apply_to(tmp_path: Path) -> None:
    """Other layers, gated MLPs, MLPs behind norms, nine heads, other conditions."""
    draw = reference.Draw(4)
    embed, end = draw.embed(V, D, K), draw.unembed(D, V)
    others = [
        [embed, draw.attention(D, 1), draw.attention(D, 1), end],
        [embed, draw.mlp(D, 3, "relu"), draw.attention(D, 1), end],
        [embed, draw.attention(D, 1), draw.mlp(D, 3, "relu", gated=True), end],
        [embed, draw.attention(D, 1), draw.mlp(D, 3, "relu", norm=draw.norm(D)), end],
        [embed, draw.attention(D, 1), draw.mlp(D, 3, "relu", skip="none"), end],
        [embed, draw.attention(D, 9), end],
    ]
    tree = {"symbols": "U", "places": "", "numbers": ""}
    for layers in others:
        assert Judge(layers, tmp_path, "max-of-k")([tree], 0).code == "E300"
    assert Judge(networks(0)["one head"], tmp_path, "induction:3")([tree], 0).code == "E300"
    large = networks(0)["relu"]
    large[1] = {**large[1], "W_O": large[1]["W_O"] * np.float32(2.0**60)}
    answer = Judge(large, tmp_path, "max-of-k")(
        [{"symbols": "Q" + "Z" * V, "places": packed("H", 2), "numbers": ""}], 0
    )
    assert answer.code in ("E301", "E303"), answer.line


def test_forged_facts_of_a_hidden_layer(tmp_path: Path) -> None:
    """Intervals that do not hold, that are too wide for gelu, and ratios of one head."""
    layers = [*networks(1)["gelu"][:2], reference.Draw(5).mlp(D, 1, "gelu"), networks(1)["gelu"][3]]
    judge = Judge(layers, tmp_path, "max-of-k")
    text = emitting.certificate(judge.statement, 0, V**K, V**K, [{"symbols": "U", "places": "", "numbers": ""}])
    wide = [-40 << 16, 40 << 16, 0]
    for numbers, code, words in (
        ([0, 0, 0], "E304", "number 0 of the hidden layer"),
        ([-40 << 16, 0, 0], "E304", "number 0 of the hidden layer"),
        (wide, "E303", "wider"),
    ):
        found = judge.text(edited(text, symbols="QZ", places=packed("H", 2), numbers=packed("i", *numbers)))
        assert found.code == code and words in found.line, found.line
    for symbols, words in (("QO", "one head"), ("QMR", "are not known")):
        found = judge.text(edited(text, symbols=symbols, places=packed("H", 2)))
        assert found.code == "E303" and words in found.line


def test_answers_that_are_no_outputs_and_lists_one_by_one(tmp_path: Path) -> None:
    """E152 for a right answer that the network cannot give; E is about products."""
    tree = {"symbols": "QR", "places": packed("H", 2), "numbers": ""}
    assert Judge(networks(0)["one head"], tmp_path, "expression:9")([tree], 0).code == "E152"
    judge = Judge(sorted_network(1, 2, 4, 1), tmp_path, "sorted-list:first")
    for symbols, places in (("E", ""), ("AE", ""), ("Q", packed("H", 0)), ("AI", packed("H", 3)), ("AA", "")):
        found = judge([{"symbols": symbols, "places": places, "numbers": ""}], 0)
        assert found.code == "E303" and ("one by one" in found.line or "not possible" in found.line), found.line


def test_lists_that_a_network_sees_whole_are_refused(tmp_path: Path) -> None:
    """Without a mask the query also sees what comes behind it: this network is right on 8 pairs, and trees as for a
    causal one were verified with at most 6."""
    layers = sorted_network(2, 2, 5, 1)
    layers[1]["mask"] = "none"
    sizes = [range(4)] * 2 + [range(4, 5)] + [range(4)] * 2
    trees = [emitting.lists_tree(layers, step, sizes) for step in range(2)]
    judge = Judge(layers, tmp_path, "sorted-list")
    right, wrong = (sum(decided(tree, symbol) for tree in trees) for symbol in "RW")
    lists = [(*t, 4, *sorted(t)) for t in itertools.permutations(range(4), 2)]
    truth = sum(sum(reference.right(layers, t, sorted(t[:2]), [2, 3])) for t in lists)
    assert judge.size - wrong < truth
    assert judge([tree.tree() for tree in trees], right, judge.size - wrong).code == "E300"


def test_sizes_that_do_not_add_up_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in counting is seen: the leaves' sizes are compared with the root's, and that with the task's."""
    judge, size = Judge(networks(0)["one head"], tmp_path, "max-of-k"), Box.size
    tree = {"symbols": "Q" + "U" * V, "places": packed("H", 2), "numbers": ""}
    assert judge([tree], 0).status == "VERIFIED"
    monkeypatch.setattr(Box, "size", lambda box: size(box) + (len(box.tokens[-1]) == 1))
    assert judge([tree], 0).code == "E303"
    monkeypatch.setattr(Box, "size", lambda box: size(box) + 1)
    assert judge([tree], 0).code == "E216"


WIDE = {
    "one head": lambda draw: [draw.attention(D, 1)],
    "two heads": lambda draw: [draw.attention(D, 2)],
    "relu": lambda draw: [draw.attention(D, 1), draw.mlp(D, 4, "relu")],
    "two heads, norm": lambda draw: [draw.attention(D, 2)],
}


@pytest.mark.parametrize("name", WIDE)
def test_many_outputs_at_once_as_one_by_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nine outputs boxes are tested packed: what passes there passes alone, most does, and nothing forged does."""
    draw, tokens = reference.Draw(6), 9
    end = draw.unembed(D, tokens, **({"norm": draw.norm(D)} if "norm" in name else {}))
    end["W_U"] = end["W_U"] * 4
    layers = [draw.embed(tokens, D, 2), *WIDE[name](draw), end]
    judge = Judge(layers, tmp_path, "max-of-k")
    tree = emitting.maximum_tree(layers, [range(tokens)] * 2, each=0)
    right = decided(tree, "R")
    assert right, "no box with all outputs open"
    counts = {True: 0, False: 0}
    passing, exceeds = bounds.Bounds.passing, bounds.Bounds.exceeds

    def compared(self: Any, pairs: Any, piece: Any, largest: int) -> list[int]:
        found = passing(self, pairs, piece, largest)
        rows = [packing.unpack(shift, len(pairs.xs), pairs.width, pairs.top) for shift in piece[1]]
        kept = self.weights
        self.weights = [[[(v, v + (v >> 1)) for v, _ in row] for row in by_place] for by_place in kept]
        for k, x in enumerate(pairs.xs):
            if x in passing(self, pairs, piece, largest):
                assert exceeds(self, bounds.Pairs(pairs.tables, pairs.y, (x,)), [(piece[0], [row[k] for row in rows])])
        self.weights = kept
        for k, x in enumerate(pairs.xs):
            alone = exceeds(self, bounds.Pairs(pairs.tables, pairs.y, (x,)), [(piece[0], [row[k] for row in rows])])
            counts[x in found] += 1
            assert alone or x not in found
        return found

    monkeypatch.setattr(bounds.Bounds, "passing", compared)
    assert judge([tree.tree()], right).status == "VERIFIED"
    assert counts[True] > counts[False] / 4
    assert judge([tree.tree()], right + 1).code == "E216"


def bounds_of(layers: reference.Layers, folder: Path, box: Box) -> bounds.Bounds:
    network, task = read_task("max-of-k", read_description(str(reference.write(layers, folder)), None))
    made = tables.Tables(network, task, Budget(1 << 40))
    q = box.tokens[-1][0]
    support = [(m, (q,) if m == K - 1 else tuple(range(V))) for m in range(K)]
    return bounds.Bounds(box, tables.Query(made, K - 1, q, support))


def largest(holds: Callable[[int], bool], below: int, above: int) -> int:
    """The largest number for which it holds."""
    while above - below > 1:
        middle = below + above >> 1
        below, above = (middle, above) if holds(middle) else (below, middle)
    return below


@pytest.mark.parametrize("name", ["one head", "no mask", "two heads", "relu", "gelu", "square", "two heads, norms"])
def test_bounds_are_below_the_truth_by_little(name: str, tmp_path: Path) -> None:
    """Of one input all is known: the largest threshold that its margin is seen to exceed, and the ends of its z,
    lie on the right side, in units of 2^-40, and 2^-20 away at most; so do those of a box of one head."""
    layers, one = networks(0)[name], 1 << lines.FRACTION
    for tokens in (((1,), (4,), (2,)), ((1, 3), (0, 2, 4), (2,))):
        box, heads = Box(tokens, K - 1, K), len(layers[1]["W_Q"])
        found, inputs = bounds_of(layers, tmp_path, box), list(itertools.product(*tokens))
        scale, mlp = found.tables.scale, [layer for layer in layers if layer["kind"] == "mlp"]
        with mpmath.workdps(40):
            streams = [reference.attention(layers[1], embedded(layers, t))[-1] for t in inputs]
            read = [reference.logits([*layers[:-1], {**layers[-1], "kind": "unembed"}], t)[-1] for t in inputs]
            z = []
            if mlp and heads == 1:
                each = [reference._plus(reference._times(x, mlp[0]["W_in"]), mlp[0]["b_in"]) for x in streams]
                for i, column in enumerate(zip(*each, strict=True)):
                    low = largest(lambda n, i=i, found=found: found.between(0, i, n, 1 << 60), -1 << 50, 1 << 50)
                    high = -largest(lambda n, i=i, found=found: found.between(0, i, -1 << 60, -n), -1 << 50, 1 << 50)
                    assert low <= min(column) * one < low + 100
                    assert high - 100 < max(column) * one <= high
                    z.append((low, high))
            if mlp:
                found.draw(z, 30, [1 << lines.STEEP - 1] * len(z))
            for y, x in ((0, 1), (3, 2)):
                true = min(logits[y] - logits[x] for logits in read)
                corners = [[(1, 0)], *[[ends_of(found, h)] for h in range(1, heads)]]
                shifts = [0] * heads
                if heads == 2 and len(inputs) == 1:
                    part = found.form(bounds.Pairs(found.tables, y, (x,)))[0][1]
                    total = sum(row[0] * v for row, ((v, _),) in zip(part, found.weights[1], strict=True))
                    shifts = [
                        -total // sum(v for ((v, _),) in found.weights[1]),
                        total // sum(v for ((v, _),) in found.weights[1]),
                    ]
                seen = largest(
                    lambda n, y=y, x=x, c=corners, s=shifts, found=found: found.exceeds(
                        bounds.Pairs(found.tables, y, (x,), n), [(c, s)]
                    ),
                    -1 << 60,
                    1 << 60,
                )
                assert seen <= true * one, (y, x)
                tight = (len(inputs) == 1 and name != "gelu") or not mlp
                if tight and heads == 1:
                    assert true * one < seen + (1 << 18), (y, x, scale)


def embedded(layers: reference.Layers, t: tuple[int, ...]) -> list[list[Any]]:
    return reference.logits([layers[0]], t)


def ends_of(found: bounds.Bounds, h: int) -> tuple[int, int]:
    """D_1/D_h of some input, to 2^-20."""
    top, bottom = (sum(row[0][0] for row in found.weights[k]) for k in (0, h))
    return (top << 20) // bottom, -20


def test_ties_are_never_right(tmp_path: Path) -> None:
    """Outputs with the same column tie on every input: no box of them is right or wrong, whatever the room."""
    for name in ("one head", "relu", "gelu", "two heads", "two heads, norms", "three heads, rmsnorm"):
        layers = networks(0)[name]
        end = {**layers[-1], "W_U": np.tile(layers[-1]["W_U"][:, :1], V), "b_U": np.full(V, layers[-1]["b_U"][0])}
        tied = [*layers[:-1], end]
        tree = emitting.maximum_tree(tied, [range(V)] * K, each=0, room=-1e-3)
        assert decided(tree, "R") == V**K
        assert Judge(tied, tmp_path, "max-of-k")([tree.tree()], V**K).code == "E304"


def test_the_end_of_a_weight_that_makes_the_product_smaller() -> None:
    """Of w factor (n - shift), w in [3, 5]."""
    found = object.__new__(bounds.Bounds)
    found.weights = [[[(3, 5), (3, 5)]]]
    assert found.weighed(0, [[4, 7]], 1, 6) == [[-10, 3]]
    assert found.weighed(0, [[4, 7]], -2, 6) == [[12, -10]]


def test_least_margins(tmp_path: Path) -> None:
    """A threshold that all inputs exceed, and an input that is not far above it; either side off is refused."""
    layers = networks(2)["relu"]
    end = {**layers[-1], "W_U": np.zeros((D, V), np.float32), "b_U": np.array([0, 1, 0, 0, 0], np.float32)}
    end["W_U"][0, 0] = 1 / 64
    layers, task = [*layers[:-1], end], "expression:1"
    judge = Judge(layers, tmp_path, task)
    with mpmath.workdps(30):
        margins = {t: 1 - max(reference.logits(layers, t)[-1][0], 0) for t in reference.every(*[V] * K)}
    worst = min(margins, key=lambda t: margins[t])
    tree = emitting.Emitter(layers, K - 1, [range(V)] * K, lambda box: 1, each=0)
    tree.symbols, tree.places = ["Q"], [K - 1]
    root = Box(tuple(tuple(range(V)) for _ in range(K)), K - 1, K)

    def down(box: Box) -> None:
        p = next((p for p in range(K) if len(box.tokens[p]) > 1), None)
        if p is None:
            tree.node(box)
            return
        tree.symbols.append("Q")
        tree.places.append(p)
        for t in box.tokens[p]:
            down(box.holding(p, (t,)))

    for t in range(V):
        down(root.holding(K - 1, (t,)))
    unit = 1 << 96

    def verdict(threshold: int, low: int, high: int, witness: Any) -> Verdict:
        text = json.loads(emitting.certificate(judge.statement, 0, 0, judge.size, [tree.tree()]))
        text["relation"] = {"metric": "margin", "low": hex(low), "high": hex(high)}
        text["derivations"] = text["derivations"][:2]
        text["derivations"][1]["rule"] = "margin_boxes/1"
        text["derivations"][1]["advice"] |= {"threshold": hex(threshold), "witness": witness}
        text["derivations"][1]["conclusion"] = {"kind": "margin", "low": hex(low), "high": hex(high)}
        return judge.text((json.dumps(text, separators=(",", ":")) + "\n").encode("ascii"))

    least = int(margins[worst] * 2**32)
    below, above = least - 40, least + 2
    found = verdict(below, below * unit, above * unit, list(worst))
    assert found.status == "VERIFIED" and found.line.startswith("s VERIFIED margin in ["), found.line
    assert verdict(above, above * unit, above * unit, list(worst)).code == "E304"
    assert verdict(below, below * unit + 1, above * unit, list(worst)).code == "E216"
    assert verdict(below, below * unit, (least - 2) * unit, list(worst)).code == "E216"
    assert verdict(0, 0, above * unit, list(worst)).status == "VERIFIED"  # a threshold of any sign
    assert verdict(-5, -5 * unit, above * unit, list(worst)).status == "VERIFIED"
    for witness in ([], [0] * (K + 1), [0] * (K - 1) + [V], max(margins, key=lambda t: margins[t])):
        assert verdict(below, below * unit, above * unit, list(witness)).code == "E216"
    text = emitting.certificate(
        judge.statement, 0, judge.size, judge.size, [{"symbols": "U", "places": "", "numbers": ""}]
    )
    assert judge.text(edited(text, threshold="0x1")).code == "E216"


@pytest.mark.parametrize("hidden", [None, "relu", "gelu"])
def test_the_length_behind_a_norm_is_taken_too_large_and_never_too_small(hidden: str | None, tmp_path: Path) -> None:
    """The largest threshold that the margin of one input is seen to exceed is at most the margin, for every pair of
    outputs: biases of both signs, and numbers before the norm of both signs. Where these are positive it is near."""
    draw, one, near = reference.Draw(12), 1 << lines.FRACTION, 0
    mlp = [draw.mlp(D, 2, hidden)] if hidden else []
    end = draw.unembed(D, V, norm=draw.norm(D, "rmsnorm" if hidden else "layernorm"))
    layers = [draw.embed(V, D, K), draw.attention(D, 1), *mlp, {**end, "b_U": end["b_U"] * 2}]
    t = (1, 4, 2)
    found = bounds_of(layers, tmp_path, Box(tuple((u,) for u in t), K - 1, K))
    with mpmath.workdps(30):
        logits = reference.logits(layers, t)[-1]
        if mlp:
            stream = reference.attention(layers[1], embedded(layers, t))[-1]
            read = reference._plus(reference._times(stream, mlp[0]["W_in"]), mlp[0]["b_in"])
            ends = [(int(mpmath.floor(v * one)) - 99, int(mpmath.ceil(v * one)) + 99) for v in read]
            assert all(found.between(0, i, *pair) for i, pair in enumerate(ends))
            found.draw(ends, 30, [0] * len(ends))
        for y, x in itertools.permutations(range(V), 2):
            seen = largest(
                lambda n, y=y, x=x: found.exceeds(bounds.Pairs(found.tables, y, (x,), n), [([[(1, 0)]], [0])]),
                -1 << 48,
                1 << 48,
            )
            assert seen <= (logits[y] - logits[x]) * one
            near += (logits[y] - logits[x]) * one < seen + one
    assert near
