"""Every strategy bounds the loss: true on small networks by enumeration, with a certificate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import leaning
from shares import shared_out
from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.rewrites.rules.cell_loss import CellLoss
from mechproof.rewrites.strategies import Options, names, prove_loss, strategy, variants

FLAVOURS = ["leaning", "float16", "eighths", "tiny", "huge", "twin outputs", "no unembedding", "cancelling paths"]


def network(oracle: Any, seed: int) -> Any:
    flavour = FLAVOURS[seed % len(FLAVOURS)]
    return leaning(oracle, seed) if flavour == "leaning" else oracle.random_net(seed + 7, flavour)


def truth(net: Any) -> Any:
    with mpmath.workdps(60):
        return mpmath.fsum(map(net.truth.loss, net.sequences)) / len(net.sequences)


def encloses(loss: Any, value: Any) -> bool:
    with mpmath.workdps(60):
        return bool(mpmath.ldexp(loss.low, -128) <= value <= mpmath.ldexp(loss.high, -128))


# Every kind of network with a third of what is chosen for it, and so every family, in every run; all of it where
# builds are.
RUNS = [(seed, first) for seed in range(12) for first in range(3)]


@pytest.mark.parametrize("part", shared_out(RUNS, kept=[(n, n % 3) for n in range(len(FLAVOURS))]), ids=str)
def test_every_strategy_encloses_the_truth(oracle, part):
    """All families, and of the configurations every 48th from another one on for each network."""
    seed, first = part
    net = network(oracle, seed)
    value = truth(net)
    chosen = [name for name in names() if name != "story" or seed % len(FLAVOURS) == 0]
    chosen += [f"{name}/{variant}" for name in names() for variant in variants(name)[4 * seed :: 48]]
    for name in chosen[first::3]:
        graph, goal = prove_loss(net.statement, name)
        assert encloses(graph.claim(goal), value), name
        assert graph.replay().claim(goal).identity() == graph.claim(goal).identity()


@pytest.mark.parametrize("name", names())
def test_every_proof_has_a_certificate(oracle, name):
    """The checker knows the rules of all strategies."""
    graph, goal = prove_loss(leaning(oracle, 1, 4, 3).statement, name)
    assert graph.is_certifiable(goal)


def test_switches_of_the_family_apply(oracle):
    """Without its free tightenings of the splits a configuration gives a bound that is true and no better."""
    net = leaning(oracle, 1, 4, 3)
    for name in ("subcubic/exact/chord/mmd", "subcubic/mean/chord/mmd"):
        plain, weaker = (prove_loss(net.statement, name, Options(off=off)) for off in ((), ("T2", "T5", "T8")))
        high = [graph.claim(goal).high for graph, goal in (plain, weaker)]
        assert high[0] <= high[1] and encloses(weaker[0].claim(weaker[1]), truth(net))


def test_auto_takes_the_narrower_enclosure(oracle):
    """On a small network the tree's, which nothing else comes close to."""
    net = leaning(oracle, 1, 4, 3)
    found = {name: prove_loss(net.statement, name) for name in ("auto", "branch_and_bound", "subcubic")}
    bounds = {name: graph.claim(goal).bounds for name, (graph, goal) in found.items()}
    assert bounds["auto"] == bounds["branch_and_bound"] != bounds["subcubic"]


def test_the_transcript_is_written_without_a_certificate(oracle, tmp_path: Path, monkeypatch):
    """Of a rule that the checker does not know the command line says so in one sentence, and exits as for any proof."""
    net = leaning(oracle, 1, 3, 2)
    arrays = {name: np.array([[float(value) for value in row] for row in rows]) for name, rows in net.tensors.items()}
    shaped = {name: array if name.startswith("W_") else array[0] for name, array in arrays.items()}
    weights = tmp_path / "weights.npz"
    np.savez(weights, allow_pickle=False, **shaped)

    def run(*command: str) -> Any:
        return CliRunner().invoke(app, list(command))

    def prove(folder: Path) -> Any:
        command = ["prove", str(weights), "--metric", "loss", "--strategy", "separable", "--out", str(folder)]
        return run(*command, "--json", "--quiet"), {path.name for path in folder.iterdir()}

    certified, more = prove(tmp_path / "certified")
    checked = run("check", str(tmp_path / "certified" / "certificate.json"), "--weights", str(weights))
    line = json.loads(certified.stdout)["line"]
    assert certified.exit_code == checked.exit_code == 0 and "no certificate" not in certified.stderr
    assert line.startswith("s PROVED loss in [")
    assert checked.stdout.startswith(line.replace("PROVED", "VERIFIED"))
    monkeypatch.setattr(CellLoss, "certifiable", False)
    result, files = prove(tmp_path / "plain")
    assert result.exit_code == 0 and json.loads(result.stdout)["line"] == line
    assert "no certificate of this proof: the independent checker does not know cell_loss/1" in result.stderr
    text = (tmp_path / "plain" / "transcript.md").read_text()
    assert "There is no certificate of this proof" in text and "mechproof check" not in text
    assert more == files | {"certificate.json"}


def test_every_strategy_says_how(oracle):
    """Each module of the folder defines both recipes."""
    assert all(hasattr(strategy(name), "derive_loss") and hasattr(strategy(name), "derive") for name in names())
