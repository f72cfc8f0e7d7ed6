"""Whatever the prover proves of a small network, the independent checker verifies, extreme weights included."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gap_cells import leaning
from shares import halved, shared_out

from mechproof.engine.certificate import emit
from mechproof.engine.checker import check
from mechproof.rewrites.strategies import Options, names, prove_accuracy, prove_loss

RUNS = [
    ("branch_and_bound", Options()),
    ("branch_and_bound", Options(cut=5)),
    ("separable", Options()),
    ("separable", Options(grid=5)),
    ("cubic", Options()),
]


def weights_file(net: Any, folder: Path) -> Path:
    """The network as float64 in an npz file, every number exactly."""
    arrays = {}
    for name, rows in net.tensors.items():
        array = np.array([[float(value) for value in row] for row in rows])
        assert [[Fraction(float(value)) for value in row] for row in array] == rows
        arrays[name] = array if name.startswith("W_") else array[0]
    path = folder / "weights.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("seeds", shared_out([range(200, 201), range(201, 210)], kept=[range(200, 201)]), ids=str)
@pytest.mark.parametrize(
    "name", halved(["float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "cancelling paths"], 1)
)
def test_checker_agrees(oracle, tmp_path, name, seeds):
    """Proofs by every certifiable strategy are verified with the same relation and the same statement."""
    for seed in seeds:
        net = oracle.random_net(seed, name)
        weights, certificate = weights_file(net, tmp_path), tmp_path / "certificate.json"
        for strategy, options in RUNS:
            graph, goal = prove_accuracy(net.statement, strategy, options)
            accuracy = graph.claim(goal)
            certificate.write_bytes(emit(graph, goal, net.statement.sha256))
            line = check(certificate, weights).line
            assert line == f"s VERIFIED {accuracy.relation()} sha256:{net.statement.sha256}", (seed, strategy, options)


FLAVOURS = ["leaning", "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "no unembedding"]


@pytest.mark.parametrize("seeds", shared_out([range(200, 201), range(201, 204)], kept=[range(200, 201)]), ids=str)
@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_checker_agrees_about_losses(oracle, tmp_path, flavour, seeds):
    """What every strategy proves of the loss is verified, in the same words; denormal strengths have no story."""
    for seed in seeds:
        net = leaning(oracle, seed) if flavour == "leaning" else oracle.random_net(seed, flavour)
        weights, certificate = weights_file(net, tmp_path), tmp_path / "certificate.json"
        for strategy in (name for name in names() if (name, flavour) != ("story", "denormal")):
            graph, goal = prove_loss(net.statement, strategy)
            certificate.write_bytes(emit(graph, goal, net.statement.sha256))
            line = check(certificate, weights).line
            assert line == f"s VERIFIED {graph.claim(goal).relation()} sha256:{net.statement.sha256}", (seed, strategy)
