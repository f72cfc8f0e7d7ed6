"""Theorems about the loss: true of published and of random networks, replayed, certified, checked by the checker."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from shares import halved

from mechproof.engine.certificate import emit
from mechproof.engine.checker import check
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.engine.transcript import markdown
from mechproof.rewrites.advice import loss_tree_search
from mechproof.rewrites.exposition import transcript
from mechproof.rewrites.rules.loss_tree import LossTree, Shape
from mechproof.rewrites.strategies import UnknownMetric, UnknownStrategy, prove_loss, prove_metric


def weights_file(net: Any, folder: Path) -> Path:
    """The network as float64 in an npz file."""
    arrays = {name: np.array([[float(value) for value in row] for row in rows]) for name, rows in net.tensors.items()}
    path = folder / "weights.npz"
    shaped = {name: array if name.startswith("W_") else array[0] for name, array in arrays.items()}
    np.savez(path, allow_pickle=False, **shaped)
    return path


FLAVOURS = ["float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "no unembedding", "cancelling paths"]


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_the_checker_agrees(oracle, tmp_path, flavour):
    """What is proved holds of the definition, and the checker verifies it with the same line."""
    for seed in range(100, 104):
        net = oracle.random_net(seed, flavour)
        graph, goal = prove_loss(net.statement)
        loss = graph.claim(goal)
        with mpmath.workdps(60):
            truth = mpmath.fsum(map(net.truth.loss, net.sequences)) / len(net.sequences)
            assert mpmath.ldexp(loss.low, -128) <= truth <= mpmath.ldexp(loss.high, -128)
        certificate = tmp_path / "certificate.json"
        certificate.write_bytes(emit(graph, goal, net.statement.sha256))
        line = check(certificate, weights_file(net, tmp_path)).line
        assert line == f"s VERIFIED {loss.relation()} sha256:{net.statement.sha256}", seed


@pytest.mark.ci
def test_the_coq_network(oracle, data):
    """The mean cross-entropy over all 4096 inputs as docs/published_claims.md has it; what was printed lies outside."""
    graph, goal = prove_loss(oracle.stored(data / "max_of_2_coq" / "simpler.npz", "L0_attn_").statement)
    low, high = graph.claim(goal).bounds
    page = (data.parents[1] / "docs" / "published_claims.md").read_text()
    assert "between 2.1125e-07 and 2.1131e-07" in page and high < low * Fraction(1001, 1000)
    assert Fraction("2.1125e-07") <= low <= Fraction("2.1127766568550e-07") <= high <= Fraction("2.1131e-07")
    assert Fraction("1.7639347049680509e-07") < low and high < Fraction("5.4667811687832829e-07")


def test_total_v8_k4(oracle, data):
    """Four thousand sequences, most of them wrong, enclosed to a thousandth."""
    graph, goal = prove_loss(oracle.stored(data / "unsound_averaging" / "total_v8_k4.npz").statement)
    low, high = graph.claim(goal).bounds
    assert low < Fraction("17.63008") < high < low * Fraction(1001, 1000)


@pytest.mark.ci
def test_max_of_4(oracle, data, monkeypatch):
    """Sixteen million sequences in one round of the search, as the page of published claims has it."""
    monkeypatch.setattr(loss_tree_search, "FIRST", 26)
    monkeypatch.setattr(loss_tree_search, "LAST", 26)
    statement = oracle.stored(data / "max_of_4_seed123" / "weights.npz").statement
    graph, goal = prove_loss(statement)
    low, high = graph.claim(goal).bounds
    assert Fraction("0.0015") < low < Fraction("0.0015554") < high < Fraction("0.0018")
    assert "lies between 0.0015 and\n0.0018" in (data.parents[1] / "docs" / "published_claims.md").read_text()


def test_replay_needs_the_rules_alone(oracle):
    """Every conclusion comes out again; another shape in the stored proof gives another conclusion."""
    graph, goal = prove_loss(oracle.random_net(3, "eighths", 4, 3).statement)
    again = graph.replay()
    assert again.claim(goal).identity() == graph.claim(goal).identity()
    _reshaped(graph, lambda shape: Shape("U" * 10))
    with pytest.raises(NotEstablished, match="another conclusion"):
        graph.replay()
    _reshaped(graph, lambda shape: Shape("U" * 9))
    with pytest.raises(NotEstablished, match="loss_tree"):
        graph.replay()


def _reshaped(graph: ProofGraph, change: Any) -> None:
    """The stored advice of the tree changed in place."""
    for node, data in graph.network.nodes(data=True):
        derivation = data.get("derivation")
        if derivation is not None and isinstance(derivation.rule, LossTree):
            graph.network.nodes[node]["derivation"] = type(derivation)(
                derivation.rule, derivation.premises, change(derivation.advice), derivation.claim
            )


def test_the_transcript_says_what_the_loss_is(oracle):
    """Title, definition, theorem, the table by maximum, and the line to expect from the checker."""
    graph, goal = prove_loss(oracle.random_net(3, "eighths", 4, 3).statement)
    text = markdown(transcript(graph, goal, "a network"))
    relation = graph.claim(goal).relation()
    assert text.startswith("# Loss of a network on max-of-3")
    assert "cross-entropy" in text and "Where the loss comes from" in text
    assert f"s VERIFIED {relation} sha256:" in text


def test_what_cannot_be_proved_is_said(oracle):
    """A strategy and a metric that there are not are refused by name."""
    statement = oracle.random_net(0, "eighths", 3, 2).statement
    with pytest.raises(UnknownStrategy, match="no strategy 'guess'"):
        prove_loss(statement, "guess")
    with pytest.raises(UnknownMetric, match="no metric 'perplexity'"):
        prove_metric("perplexity", statement)
