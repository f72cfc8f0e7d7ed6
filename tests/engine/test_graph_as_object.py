"""Explaining, blaming, assuming, merging and exporting a real proof graph."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import pytest

import mechproof
from mechproof.engine.explain import blame, explain
from mechproof.engine.graph import ProofGraph
from mechproof.engine.graph_export import FORMATS, plain
from mechproof.engine.rule import NotEstablished
from mechproof.engine.whatif import Assumption, merge, what_if
from mechproof.rewrites.proof import Proof

TIED = Path(__file__).parents[1] / "data" / "unsound_averaging" / "total_v8_k4.npz"


@pytest.fixture(scope="module")
def proof() -> Proof:
    return mechproof.prove(TIED)


@pytest.fixture(scope="module")
def count(proof):
    """The id of the claim that counts right sequences."""
    return next(step.claim for step in proof.graph.proof(proof.goal) if step.rule.name == "token_order_tree")


def assumed(proof, count, gain):
    """The same claim with ``gain`` more right sequences in one cell."""
    claim = proof.graph.claim(count)
    return replace(claim, right={**claim.right, (7, 7): claim.right[7, 7] + gain})


def test_explain_goes_down_to_the_definition(proof):
    """Every line names its rule; at the bottom are the network and the equation, by its named steps."""
    lines = [line.strip() for line in explain(proof.graph, proof.goal).lines()]
    rules = [line.rpartition(" by ")[2] for line in lines]

    assert "513/4096" in lines[0] and rules[0] == "accuracy/1"
    chain = ["token_order_tree/1", "additive_margin/1", "path_decomposition/1", "network_definition/2", "chain/1"]
    assert rules[1:6] == chain
    steps = [line for line, rule in zip(lines, rules, strict=True) if rule == "named_step/1"]
    assert "read the last position" in steps[0] and "sum to one" in steps[-1]
    assert {"selection_rows/1", "softmax_rows/1", "zero_by_value/1"} <= set(rules)


def test_blame_puts_the_dearest_step_first(proof):
    """Costs are the rules' own, evaluated for given sizes: the tree uses the tables and everything else is cheap."""
    few, many = (blame(proof.graph, proof.goal, {"V": v, "K": 4, "d": 32, "h": 32}) for v in (8, 64))

    assert [cost for _, cost in many] == sorted((cost for _, cost in many), reverse=True)
    assert (few[0][0].rule.name, many[0][0].rule.name) == ("token_order_tree", "token_order_tree")
    assert few[0][1] < many[0][1]


def test_an_assumption_moves_the_theorem_and_marks_it(proof, count):
    """What rests on an assumption is CONDITIONAL everywhere and cannot be certified."""
    graph, goal = what_if(proof.graph, proof.goal, count, assumed(proof, count, 10))
    conditional = Proof("tied", graph, goal)

    assert conditional.theorem.low == proof.theorem.low + 10
    assert conditional.verdict.startswith("s CONDITIONAL accuracy")
    assert conditional.summary()["status"] == "CONDITIONAL"
    text = conditional._repr_markdown_()
    assert "s CONDITIONAL" in text and "PROVED" not in text
    with pytest.raises(NotEstablished, match="certificate"):
        _ = conditional.certificate


def test_a_claim_that_is_proved_and_assumed_is_proved(proof, count):
    """Assuming what is also derived does not spoil the derivation."""
    graph = proof.graph.replay()
    graph.apply(Assumption(), (), proof.graph.claim(count))

    assert not graph.is_conditional(proof.goal)
    assert Proof("tied", graph, proof.goal).verdict == proof.verdict


def test_replaying_keeps_an_assumption_conditional(proof, count):
    """Nothing is laundered by running it again."""
    graph, goal = what_if(proof.graph, proof.goal, count, assumed(proof, count, 1))

    again = graph.replay()

    assert again.is_conditional(goal)


def test_merging_keeps_both_proofs_of_one_claim(proof):
    """Two strategies prove one count: the merged graph has one claim with two derivations."""
    other = mechproof.prove(TIED, strategy="separable")
    graph = proof.graph.replay()

    ids = merge(graph, other.graph)

    assert ids[other.goal] == proof.goal
    rules = {step.rule.name for step in graph.derivations()}
    assert {"token_order_tree", "generating_function_count"} <= rules
    assert len(graph.derivations_of(graph.derivations_of(proof.goal)[0].premises[0])) == 2


@pytest.mark.parametrize("name", FORMATS)
def test_exports_have_every_node_and_edge(proof, name):
    """Claims, derivations and arrows survive the format; two runs give the same text."""
    text = FORMATS[name](proof.graph)
    simple = plain(proof.graph)

    match name:
        case "graphml":
            back = nx.read_graphml(io.BytesIO(text.encode()))
            assert set(back.edges) == set(simple.edges)
        case "json":
            back = nx.node_link_graph(json.loads(text), edges="edges")
            assert set(back.edges) == set(simple.edges)
        case "dot":
            assert text.count(" -> ") == simple.number_of_edges() and text.count("label=") == simple.number_of_nodes()
        case "mermaid":
            assert text.count(" --> ") == simple.number_of_edges()
        case "svg":
            claims = [label for _, label in simple.nodes(data="label") if "/" not in label]
            assert text.count("<rect ") == len(claims)
            assert ElementTree.fromstring(text).tag.endswith("svg")
            assert proof.graph._repr_svg_() == text
    assert text == FORMATS[name](ProofGraph.replay(proof.graph))


def test_arrows_lead_past_all_boxes(proof):
    """Every premise in another row has an arrow to what it shows, which touches no box but those at its ends."""
    tree = ElementTree.fromstring(FORMATS["svg"](proof.graph))
    name = "{http://www.w3.org/2000/svg}"
    sides = ("x", "y", "width", "height")
    boxes = [tuple(int(rect.get(key, "")) for key in sides) for rect in tree.iter(f"{name}rect")]
    arrows = [path for path in tree.iter(f"{name}path") if path.get("marker-end")]
    pairs = {(premise, step.claim) for step in proof.graph.derivations() for premise in step.premises}
    assert len(arrows) >= len(pairs) > 0
    assert tree.find(f".//{name}marker") is not None
    for arrow in arrows:
        points = [tuple(map(int, point.split())) for point in arrow.get("d", "")[1:].split("L")]
        touched = set()
        for (x, y), (u, v) in pairwise(points):
            assert x == u or y == v
            low_x, high_x, low_y, high_y = min(x, u), max(x, u), min(y, v), max(y, v)
            touched |= {
                box for box in boxes
                if low_x < box[0] + box[2] and high_x > box[0] and low_y < box[1] + box[3] and high_y > box[1]
            }  # fmt: skip
        assert touched == set()
        (start_x, start_y), (end_x, end_y) = points[0], points[-1]
        assert any(box[0] < start_x < box[0] + box[2] and start_y == box[1] + box[3] for box in boxes)
        assert any(box[0] < end_x < box[0] + box[2] and end_y == box[1] for box in boxes)
