"""A stored proof is a proof without the strategy that found it, and a tampered one is not."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.abc import MetaPathFinder
from typing import Any

import pytest
from shares import shared_out

from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.generating_function_count import Triples
from mechproof.rewrites.rules.token_order_tree import Tree
from mechproof.rewrites.strategies import prove_accuracy

NAMES = [
    *("branch_and_bound", "brute_force", "cubic", "separable", "auto"),
    *("subcubic", "low_rank_values/mean/len/r6", "story", "vertex/len"),
]


def conclusions(graph: ProofGraph) -> list[tuple[str, str]]:
    return sorted((graph.claim(d.claim).kind, graph.claim(d.claim).identity()) for d in graph.derivations())


def tampered(graph: ProofGraph, kind: type, change: Any) -> ProofGraph:
    """The graph with the advice of that kind changed in place, as in a stored proof that somebody edited."""
    changed = 0
    for node in list(graph.network.nodes):
        derivation = graph.network.nodes[node].get("derivation")
        if derivation is not None and isinstance(derivation.advice, kind):
            graph.network.nodes[node]["derivation"] = replace(derivation, advice=change(derivation.advice))
            changed += 1
    assert changed == 1
    return graph


@pytest.mark.parametrize("seed", shared_out(range(4), kept=[0]))
@pytest.mark.parametrize("name", NAMES)
def test_every_conclusion_comes_out_again(oracle, name, seed):
    """Replaying runs the rules from the definition up and gives the same claims, rule for rule."""
    graph, goal = prove_accuracy(oracle.random_net(seed, "eighths").statement, name)
    again = graph.replay()
    assert conclusions(again) == conclusions(graph)
    assert [d.rule.tag for d in again.derivations()] == [d.rule.tag for d in graph.derivations()]
    assert graph.claim(goal).kind == "accuracy"


class _Blocked(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        folders = ("strategies", "advice", "splits", "methods")
        if fullname.startswith(tuple(f"mechproof.rewrites.{folder}" for folder in folders)):
            raise ImportError(f"{fullname} is not there")


@pytest.mark.parametrize("name", NAMES)
def test_replay_without_strategies_and_advice(oracle, name, monkeypatch):
    """With both folders gone the graph alone gives every conclusion."""
    graph, _ = prove_accuracy(oracle.random_net(1, "twin outputs").statement, name)
    for module in list(sys.modules):
        if module.startswith(("mechproof.rewrites.strategies", "mechproof.rewrites.advice")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [_Blocked(), *sys.meta_path])
    assert conclusions(graph.replay()) == conclusions(graph)
    with pytest.raises(ImportError):
        __import__("mechproof.rewrites.strategies")


def test_a_false_symbol_is_refused(oracle):
    """A leaf that claims that wrong sequences are right, or right ones wrong, stops the replay."""
    net = oracle.random_net(3, "eighths", 4, 3)
    for old, new in (("R", "W0"), ("W0", "R"), ("W1", "R")):
        graph, _ = prove_accuracy(net.statement, "branch_and_bound")
        with pytest.raises(NotEstablished, match="token_order_tree"):
            tampered(graph, Tree, lambda tree, old=old, new=new: Tree(tree.symbols.replace(old, new, 1))).replay()


def test_a_weaker_symbol_changes_the_conclusion(oracle):
    """A leaf given up is no error in itself, but the stored conclusion no longer follows."""
    graph, _ = prove_accuracy(oracle.random_net(3, "eighths", 4, 3).statement, "branch_and_bound")
    with pytest.raises(NotEstablished, match="another conclusion"):
        tampered(graph, Tree, lambda tree: Tree(tree.symbols.replace("R", "U", 1))).replay()


def test_tampered_triples_are_refused(oracle):
    """A step off the grid is refused; triples left out change the conclusion."""
    statement = oracle.random_net(3, "eighths", 4, 3).statement
    graph, _ = prove_accuracy(statement, "separable")

    def fine(advice: Triples) -> Triples:
        first, *rest = advice.triples
        return Triples((replace(first, exponent=first.exponent - 100), *rest))

    with pytest.raises(NotEstablished, match="not on the table's grid"):
        tampered(graph, Triples, fine).replay()
    graph, _ = prove_accuracy(statement, "separable")
    with pytest.raises(NotEstablished, match="another conclusion"):
        tampered(graph, Triples, lambda advice: Triples(())).replay()


def test_claims_cannot_be_taken_from_elsewhere(oracle):
    """A rule accepts only premises of its own kinds, so that no step of a proof can be skipped."""
    graph, goal = prove_accuracy(oracle.random_net(0, "eighths", 3, 2).statement, "branch_and_bound")
    for derivation in list(graph.derivations()):
        if derivation.premises:
            for premises in ((goal,), (), (*derivation.premises, goal)):
                with pytest.raises(NotEstablished, match="it takes premises"):
                    graph.apply(derivation.rule, premises, derivation.advice)
