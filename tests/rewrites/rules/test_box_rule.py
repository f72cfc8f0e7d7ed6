"""Counts by boxes against every input, and accepted tests against direct evaluation of random inputs of their sets."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
from box_networks import KINDS, inputs_of, layers, leaves_of, statement
from layered_network import Draw, logits
from shares import halved

from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.models.statement import Statement
from mechproof.rewrites.advice.boxes.trees import found_boxes
from mechproof.rewrites.boxes.answers import NoBoxes
from mechproof.rewrites.enumeration import decide
from mechproof.rewrites.rules.box_rule import BoxCount, Boxes, BoxTree
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.strategies.networks.branch_and_bound import missing


def counted(known: Statement, advice: Boxes | None = None) -> BoxCount:
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), known)
    found = found_boxes(known, None, lambda done, total: None) if advice is None else advice
    return graph.claim(graph.apply(BoxTree(), [function], found))


def true_count(known: Statement) -> int:
    found = decide(known.network, known.task, loss=False)
    assert found.undecided == 0
    return found.right


@pytest.mark.parametrize("kind", halved(KINDS, 1))
def test_counts_are_those_of_every_input(kind, tmp_path):
    """What is left open is decided one by one, so that counts are exact, whatever the network."""
    for seed in range(3):
        known = statement(layers(kind, seed, 5, 3), "max-of-k", tmp_path)
        found = counted(known)
        assert found.low == found.high == true_count(known), seed


@pytest.mark.parametrize("task", ["kth-max:2", "expression:min(t[0], t[2])", "expression:(t[0] + t[1]) % 4"])
def test_answers_of_other_tasks(task, tmp_path):
    """Where the right answer is not known on a set, it is split until it is, or its inputs are decided one by one."""
    known = statement(layers("two heads", 5, 4, 3), task, tmp_path)
    found = counted(known)
    assert found.low == found.high == true_count(known)


def summing(tokens: int, positions: int) -> Any:
    """A network that is always right about running sums: a head with equal scores, and values t or t - tokens."""
    net = [layers("one head", 1, tokens, positions)[0], Draw(0).attention(3, 1), Draw(0).unembed(3, 3)]
    net[0]["E"], net[0]["P"] = (np.zeros((rows, 3), dtype=np.float32) for rows in (tokens, positions))
    net[0]["E"][:, 0] = [t if 2 * t <= tokens else t - tokens for t in range(tokens)]
    for name in ("W_Q", "W_K", "b_Q", "b_K", "b_V", "b_O"):
        net[1][name] *= 0
    net[1]["W_V"], net[1]["W_O"] = (np.zeros(shape, dtype=np.float32) for shape in ((1, 3, 3), (1, 3, 3)))
    net[1]["W_V"][0, 0, 0] = net[1]["W_O"][0, 0, 1] = 1
    middle = 1 / (2 * positions)
    net[2]["W_U"], net[2]["b_U"] = np.zeros((3, 3), dtype=np.float32), np.array([0, middle, 0], dtype=np.float32)
    net[2]["W_U"][1] = [-1, 0, 1]
    return net


def test_counts_beyond_2_to_the_53(tmp_path):
    """All 11^20 inputs, to the last one."""
    known = statement(summing(11, 20), "running-sum-sign", tmp_path)
    found = counted(known)
    assert found.low == found.high == known.inputs == 11**20


@pytest.mark.parametrize("raised", [5, 0])
def test_every_output_of_a_list_competes(raised, tmp_path):
    """A bias that makes one output win everywhere, the separator's among them: lists whose next number it is not are
    wrong, all of them."""
    net = layers("two heads", 1, 6, 5)
    net[-1]["b_U"] = 1000 * (np.arange(6) == raised).astype(np.float32)
    known = statement(net, "sorted-list:first", tmp_path)
    found = counted(known)
    right = 0 if raised == 5 else sum(0 in row[:2] for block in known.task.inputs.blocks(64) for row in block.tolist())
    assert found.low == found.high == right == true_count(known)


@pytest.mark.parametrize("kind", ["one head", "relu", "two heads, relu"])
def test_running_sums(kind, tmp_path):
    """Several read positions: bounds hold; where all is right they meet."""
    known = statement(layers(kind, 1, 5, 4, outputs=3), "running-sum-sign", tmp_path)
    found = counted(known)
    assert found.low <= true_count(known) <= found.high
    known = statement(summing(5, 4), "running-sum-sign", tmp_path)
    assert counted(known).low == counted(known).high == known.inputs == true_count(known)


@pytest.mark.parametrize("kind", ["two heads", "layernorm", "one head"])
@pytest.mark.parametrize("task", ["sorted-list", "sorted-list:first"])
def test_lists(kind, task, tmp_path):
    """Two-sided bounds around the truth: an order of a list is not told apart, so sets may stay open."""
    for seed in range(2):
        known = statement(layers(kind, seed, 6, 5), task, tmp_path)
        found = counted(known)
        assert found.low <= true_count(known) <= found.high


CASES = [
    *((kind, "max-of-k", 6, 3, None) for kind in KINDS),
    ("relu", "running-sum-sign", 5, 4, 3),
    ("two heads", "sorted-list", 7, 7, None),
    ("layernorm", "sorted-list:first", 7, 7, None),
]
SAMPLES = 60


@pytest.mark.parametrize(("kind", "task", "tokens", "positions", "outputs"), CASES)
def test_random_inputs_of_accepted_sets(kind, task, tokens, positions, outputs, tmp_path):
    """Every accepted test is true of random members of its set, evaluated directly with 60 digits."""
    rng = random.Random(1)
    net = layers(kind, 11, tokens, positions, outputs)
    known = statement(net, task, tmp_path)
    advice = found_boxes(known, None, lambda done, total: None)
    seen = 0
    for index, tree in enumerate(advice.trees):
        replay = leaves_of(known, index, advice.units, tree)
        for state, winner, loser, strictly in rng.sample(replay.seen, min(SAMPLES, len(replay.seen))):
            for tokens_ in inputs_of(replay.read, state.node, rng, 2):
                with mpmath.workdps(60):
                    row = logits(net, tokens_)[replay.read.position]
                    assert row[winner] > row[loser] or (not strictly and row[winner] == row[loser])
                seen += 1
    assert seen > 0


@pytest.mark.parametrize("kind", ["one head", "relu", "layernorm"])
def test_one_wrong_input_by_a_hair(kind, tmp_path):
    """A bias that makes exactly the worst input wrong, by 2^-40 of a logit or less, is counted; twice that is not."""
    net = layers(kind, 3, 4, 3)
    known = statement(net, "max-of-k", tmp_path)
    found = decide(known.network, known.task, loss=False)
    wrong = true_count(known)
    assert counted(known).low == wrong == found.right
    # the margin of one input between two outputs, to 60 digits: the bias of the loser is moved by it
    tokens = (0, 1, 2)
    with mpmath.workdps(60):
        row = logits(net, tokens)[-1]
        right, other = 2, min(range(4), key=lambda x: (x == 2, abs(row[2] - row[x])))
        margin = row[right] - row[other]
        bias = net[-1]["b_U"].astype(np.float64)
        bias[other] += float(margin)
    counts = []
    for hair in (-(2.0**-40), 2.0**-40):
        moved = [*net[:-1], net[-1] | {"b_U": bias + hair * (np.arange(4) == other)}]
        known = statement(moved, "max-of-k", tmp_path)
        found = counted(known)
        assert found.low == found.high == true_count(known)
        counts.append(found.low)
    assert counts[0] - counts[1] >= (1 if all(row[2] > row[x] - 1e-6 for x in range(4) if x not in (2, other)) else 0)


def changed(advice: Boxes, index: int, **fields: Any) -> Boxes:
    trees = list(advice.trees)
    trees[index] = replace(trees[index], **fields)
    return replace(advice, trees=tuple(trees))


def test_false_advice_is_refused(tmp_path):
    """Symbols and numbers that do not hold, sets that are left out, trees that end too early or too late."""
    known = statement(layers("two heads, relu", 2, 4, 3), "max-of-k", tmp_path)
    advice = found_boxes(known, None, lambda done, total: None)
    (tree,) = advice.trees
    assert counted(known, advice).low == true_count(known)
    symbols = tree.symbols
    broken = [
        changed(advice, 0, symbols=symbols[:-1]),
        changed(advice, 0, symbols=symbols + "U"),
        changed(advice, 0, symbols=symbols.replace("M", "U", 1)),
        changed(advice, 0, symbols="X" + symbols[1:]),
        changed(advice, 0, symbols="R" + symbols[1:]),
        changed(advice, 0, numbers=tree.numbers[:-1]),
        changed(advice, 0, numbers=(*tree.numbers, 0)),
        changed(advice, 0, places=(7, *tree.places[1:])),
        changed(advice, 0, places=(-1, *tree.places[1:])),
        replace(advice, trees=()),
    ]
    for bad in broken:
        with pytest.raises(NotEstablished):
            counted(known, bad)
    at = symbols.index("W") if "W" in symbols else symbols.index("E")
    with pytest.raises(NotEstablished):
        counted(known, changed(advice, 0, symbols=symbols[:at] + "R" + symbols[at + 1 :]))


def test_bounds_that_do_not_hold_are_refused(tmp_path):
    """Each end of a pre-activation moved onto the other end, each end of a ratio by a factor of two inwards."""
    known = statement(layers("two heads, relu", 2, 4, 3), "max-of-k", tmp_path)
    advice = found_boxes(known, None, lambda done, total: None)
    (tree,) = advice.trees
    assert tree.symbols.startswith("QMZO")
    ends = 2 * 2 * 3
    for at in range(ends + 2):
        numbers = list(tree.numbers)
        numbers[at] = numbers[at ^ 1] if at < ends else numbers[at] + (1 - 2 * (at - ends) << 12)
        with pytest.raises(NotEstablished):
            counted(known, changed(advice, 0, numbers=tuple(numbers)))


def test_gamma_is_free(tmp_path):
    """Any numbers add up to zero as they are used: other ones may weaken a test, never make a false one hold."""
    known = statement(layers("two heads", 4, 4, 3), "max-of-k", tmp_path)
    advice = found_boxes(known, None, lambda done, total: None)
    truth = true_count(known)
    rng = random.Random(4)
    kept = 0
    for _ in range(20):
        numbers = list(advice.trees[0].numbers)
        numbers[rng.randrange(len(numbers))] += rng.choice([-1, 1]) << rng.randrange(20)
        try:
            found = counted(known, changed(advice, 0, numbers=tuple(numbers)))
        except NotEstablished:
            continue
        kept += 1
        assert found.low <= truth <= found.high
    assert kept > 0


def test_networks_and_tasks_that_boxes_do_not_apply_to(tmp_path):
    """Two layers of attention, positions that must differ, a list: refused in a sentence."""
    net = layers("one head", 1, 4, 4)
    two = [*net[:2], net[1], *net[2:]]
    with pytest.raises(Exception, match="one layer of attention"):
        counted(statement(two, "max-of-k", tmp_path))
    with pytest.raises(NoBoxes, match="sets of inputs cannot be told of inputs with the condition 'repeated'"):
        counted(statement(net, "induction", tmp_path))


@pytest.mark.parametrize(
    ("middle", "reason"),
    [
        (lambda draw: [{"kind": "sum"}], "positions that are added up without attention"),
        (lambda draw: [draw.attention(3, 1), draw.mlp(3, 3, "relu", gated=True)], "a gated MLP"),
        (
            lambda draw: [draw.attention(3, 1), draw.mlp(3, 3, "relu", norm=draw.norm(3))],
            "a norm between the attention",
        ),
        (lambda draw: [draw.mlp(3, 3, "relu"), draw.attention(3, 1)], "a pointwise map before any attention"),
    ],
)
def test_the_reason_is_the_true_one(middle, reason, tmp_path):
    """What a network has that sets of inputs are not bounded through."""
    draw = Draw(1)
    net = [draw.embed(4, 3, 3), *middle(draw), draw.unembed(3, 4)]
    assert reason in missing(statement(net, "max-of-k", tmp_path))


def test_the_certificate_of_a_count(tmp_path):
    """Advice as a certificate has it: symbols, and two tables in base64."""
    known = statement(layers("two heads", 4, 4, 3), "max-of-k", tmp_path)
    advice = found_boxes(known, None, lambda done, total: None)
    encoded = BoxTree().encode(advice)
    assert list(encoded) == ["threshold", "bits", "trees"] and encoded["threshold"] == "0x0"
    assert encoded["trees"][0]["symbols"] == advice.trees[0].symbols
