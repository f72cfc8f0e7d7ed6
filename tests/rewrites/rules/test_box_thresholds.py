"""Least margins and mean losses by sets of inputs: against every input, with thresholds of both signs, and verified."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from box_networks import layers, statement
from shares import halved

from mechproof.engine.checker import check
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.models.statement import Statement
from mechproof.rewrites.advice.boxes.thresholds import loss_boxes, margin_boxes
from mechproof.rewrites.advice.boxes.trees import found_boxes
from mechproof.rewrites.boxes.bounds import ABOVE_BITS
from mechproof.rewrites.enumeration import decide
from mechproof.rewrites.proof import Proof, prove
from mechproof.rewrites.rules.box_loss import BoxLoss, LossBoxes, losses
from mechproof.rewrites.rules.box_margin import BoxMargin, MarginBoxes, margin_of
from mechproof.rewrites.rules.box_rule import BoxTree, found_by
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

KINDS = ["one head", "two heads, relu", "three heads", "gelu"]


def silent(done: int, total: int) -> None:
    """No progress report."""


def proved(known: Statement, metric: str) -> Proof:
    return prove(known, "net", "branch_and_bound", metric=metric)


@pytest.mark.parametrize("kind", halved(KINDS))
def test_bounds_hold_the_truth_and_are_verified(kind: str, tmp_path: Path) -> None:
    """Random networks err on most inputs, so least margins are negative: thresholds of either sign."""
    known = statement(layers(kind, 3, 5, 3), "max-of-k", tmp_path)
    truth = decide(known.network, known.task)
    assert truth.margin is not None and truth.loss is not None
    assert truth.margin.lower is not None and truth.margin.upper is not None
    for metric, low, high in (
        ("margin", truth.margin.lower, truth.margin.upper),
        ("loss", truth.loss.lower, truth.loss.upper),
    ):
        proof = proved(known, metric)
        below, above = proof.theorem.bounds  # type: ignore[attr-defined]
        assert below <= high and low <= above  # both enclose the same number
        assert above - below < max(abs(low), 1), metric
        files = proof.write(tmp_path / metric, "summary")
        assert check(files[0], tmp_path / "net.toml", task="max-of-k").line.startswith("s VERIFIED"), metric


def test_thresholds_part_the_inputs(tmp_path: Path) -> None:
    """For thresholds between margins, so many exceed it and so many do not, exactly as every input has it."""
    known = statement(layers("one head", 5, 4, 3), "max-of-k", tmp_path)
    inputs = np.concatenate(list(known.task.inputs.blocks(64)))
    margins = []
    for row in inputs:
        margin = margin_of(known, row[None])
        assert margin is not None and margin.lower is not None and margin.upper is not None
        margins.append((margin.lower, margin.upper))
    for threshold in (-1.0, -0.25, 0.125, 0.5):
        above = int(threshold * 2**ABOVE_BITS)
        boxes = found_boxes(known, 0, silent, above)
        (here,) = found_by(known, boxes, "test")
        exact = Fraction(above, 2**ABOVE_BITS)
        more, less = sum(low > exact for low, _ in margins), sum(high <= exact for _, high in margins)
        assert here.right <= more and here.wrong <= less
        assert here.right + here.wrong >= 0.95 * here.of


def test_false_advice_is_refused(tmp_path: Path) -> None:
    """A threshold above the least margin, a witness that is no input, steps that leave inputs out."""
    known = statement(layers("one head", 5, 4, 3), "max-of-k", tmp_path)
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), known)
    advice, steps = margin_boxes(known, silent), loss_boxes(known, silent)
    assert advice is not None and steps is not None
    higher = replace(
        advice.boxes, units=replace(advice.boxes.units, above=advice.boxes.units.above + (8 << ABOVE_BITS))
    )
    for bad in (MarginBoxes(higher, advice.witness), MarginBoxes(advice.boxes, (9, 9, 9))):
        with pytest.raises(NotEstablished):
            graph.apply(BoxMargin(), [function], bad)
    for few in (steps.steps[-1:], ()):
        with pytest.raises(NotEstablished):
            graph.apply(BoxLoss(), [function], LossBoxes(few))
    with pytest.raises(NotEstablished, match="no other threshold"):
        graph.apply(BoxTree(), [function], advice.boxes)


def test_one_output(tmp_path: Path) -> None:
    """Nothing is larger than anything: refused in a sentence."""
    net = layers("one head", 5, 2, 2, outputs=1)
    known = statement(net, "expression:0 * t[0]", tmp_path)
    for metric in ("margin", "loss"):
        with pytest.raises(NotEstablished, match="one output only"):
            proved(known, metric)


def test_losses_of_thresholds() -> None:
    """Bounds enclose log(1 + e^-γ) and log(1 + (n - 1) e^-γ) and are as tight as their units."""
    for threshold in (Fraction(-40), Fraction(-1, 3), Fraction(0), Fraction(7), Fraction(90)):
        low, high = (Fraction(end, 1 << 128) for end in losses(threshold, 9))
        rough = [float(np.log1p(k * np.exp(-float(threshold)))) for k in (1, 8)]
        assert float(low) == pytest.approx(rough[0], rel=1e-9) and float(high) == pytest.approx(rough[1], rel=1e-9)
