"""Trees of nodes: exact counts of small networks against every input, false symbols refused, given-up nodes open."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import induction_networks as small
import pytest
from shares import shared_out

from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.induction_search import search
from mechproof.rewrites.rules.induction.tree import MARGIN_BITS, InductionTree, NodeTree, RightInputs
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.two_layer_form import tables_of

CASES = [
    (1, 4, 4, "induction", 6.0),
    (2, 4, 5, "induction", 4.0),
    (3, 3, 5, "induction-once", 6.0),
    (4, 3, 4, "induction-once", 3.0),
    (5, 4, 5, "induction", 0.0),
]


def made(case: tuple[Any, ...], folder: Any) -> tuple[ProofGraph, list[int], list[Any]]:
    """A graph with the tables, the premises of a tree, and the margins of all inputs."""
    seed, tokens, positions, task, sharp = case
    network = small.layers(seed, tokens, positions, sharp=sharp)
    statement = small.statement(network, folder, task)
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    tables = tables_of(graph, function)
    return graph, [function, tables], every_margin(case)


@cache
def every_margin(case: tuple[Any, ...]) -> list[Any]:
    seed, tokens, positions, task, sharp = case
    found = small.inputs("once" if task == "induction-once" else "repeated", tokens, positions)
    return list(small.margins(small.layers(seed, tokens, positions, sharp=sharp), found).values())


def counted(graph: ProofGraph, premises: list[int], tree: NodeTree) -> RightInputs:
    return graph.claim(graph.apply(InductionTree(), premises, tree))


WAYS = [(case, few) for case in CASES for few in (0, 3)]


@pytest.mark.parametrize("way", shared_out(WAYS, kept=[*((case, 3) for case in CASES[::2]), (CASES[0], 0)]), ids=str)
def test_counts_are_exact(way, tmp_path):
    """Of networks that are right on all, some or few inputs, whatever is decided one by one."""
    case, few = way
    graph, premises, margins = made(case, tmp_path)
    found = counted(graph, premises, search(graph.claim(premises[1]), few=few))
    assert (found.right, found.wrong) == (sum(m > 0 for m in margins), sum(m <= 0 for m in margins))
    assert found.low == found.high == found.right


@pytest.mark.parametrize("case", CASES)
def test_counts_above_margins_are_bounds(case, tmp_path):
    """No more inputs are said to exceed a margin than do; with no branching, what is left is open on both sides."""
    graph, premises, margins = made(case, tmp_path)
    levels = [level << MARGIN_BITS - 2 for level in (0, 1, 3, 6, 9)]
    tree = search(graph.claim(premises[1]), levels, few=2)
    found = counted(graph, premises, tree)
    for margin, above in zip(found.margins, found.above, strict=True):
        assert above <= sum(m > margin.numerator / margin.denominator for m in margins)
    whole = counted(graph, premises, search(graph.claim(premises[1]), cut=10**9))
    assert whole.low <= found.right and whole.high == len(margins) - whole.wrong
    assert found.groups[1] == whole.groups[1] >= whole.groups[0]


def test_false_symbols_are_refused(tmp_path):
    """A group that is not right throughout, too few and too many symbols, positions that are fixed, unknown letters."""
    graph, premises, margins = made(CASES[4], tmp_path)
    tree = search(graph.claim(premises[1]), few=0)
    assert any(m <= 0 for m in margins)
    symbols = tree.symbols
    first = symbols.index("1") if "1" in symbols else 0
    for changed in (
        "A" * 1000,
        symbols[:-1],
        symbols + "A",
        symbols + "?",
        symbols[:first] + "0" + symbols[first + 1 :] + "0",
        "B" + symbols[1:],
        "4" + symbols[1:],
        ".!" + symbols[1:],
        "x" + symbols[1:],
    ):
        with pytest.raises(NotEstablished):
            InductionTree().conclude([graph.claim(p) for p in premises], replace(tree, symbols=changed))
    for margins_of_tree in ((), (1, 0), (0, 0), (-1,)):
        with pytest.raises(NotEstablished, match="ascend"):
            InductionTree().conclude([graph.claim(p) for p in premises], replace(tree, margins=margins_of_tree))


def test_networks_of_another_form_are_refused(tmp_path):
    """A third layer, a bias, another task: a sentence says what is missing."""
    network = small.layers(1, 4, 4)
    for changed, task, said in (
        ([*network[:2], network[1], *network[2:]], "induction", "expected two attention layers"),
        (network, "max-of-k", "expected the task induction"),
        ([network[0], network[1] | {"mask": "none"}, *network[2:]], "induction", "causal mask"),
        ([network[0], network[1] | {"b_O": network[0]["P"][0]}, *network[2:]], "induction", "no biases, found b_O"),
    ):
        statement = small.statement(changed, tmp_path, task)
        graph = ProofGraph()
        function = graph.apply(NetworkFunctionDefinition(), (), statement)
        with pytest.raises(NotEstablished, match=said):
            tables_of(graph, function)
