"""Prover and checker read one statement from the same files, however numbers, scales, names and answers are spelled."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from npz import random_arrays, write_npz

from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task
from mechproof.models.recognition import recognise
from mechproof.models.recognition.errors import StrangeTensor
from mechproof.models.recognition.network_file import load_network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of
from mechproof.models.weights import load

SHAPES = {"E": (5, 2), "P": (3, 2), "Q": (1, 2, 1), "O": (1, 1, 2), "U": (2, 5)}
NETWORK = """
weights = "w.npz"
[[layer]]
kind = "embed"
E = "E"
P = "P"
[[layer]]
kind = "attention"
scale = "1/sqrt(3)"
W_Q = "Q"
W_K = "Q"
W_V = "Q"
W_O = "O"
[[layer]]
kind = "norm"
function = "rmsnorm"
epsilon = 1e-5
[[layer]]
kind = "unembed"
W_U = "U"
"""


def both(folder: Path, text: str, task: str) -> tuple[str, str]:
    """The statement's hash by the prover and by the checker."""
    write_npz(folder / "w.npz", random_arrays(SHAPES))
    path = folder / "net.toml"
    path.write_text(text, "utf-8")
    network = load_network(path)
    mine = Statement(network, task_of(task, network)).sha256
    return mine, statement_hash(*read_task(task, read_description(str(path), None)))


@pytest.mark.parametrize("scale", ["1/sqrt(1)", "1", "1/1", "4/2", "1/sqrt(4)", "999999999999999999/7"])
def test_scales(tmp_path, scale):
    """1/sqrt(1) is 1/1: there is one text for it."""
    mine, other = both(tmp_path, NETWORK.replace("1/sqrt(3)", scale), "max-of-k")
    assert mine == other


@pytest.mark.parametrize(
    "epsilon", ["1", "0x10", "9007199254740993", "1" + "0" * 300, "1_000.5_0e-0_3", "5e-324", "1e-310", "+0.1"]
)
def test_numbers(tmp_path, epsilon):
    """The float64 nearest to what is written, whole numbers and denormal ones included."""
    mine, other = both(tmp_path, NETWORK.replace("1e-5", epsilon), "max-of-k")
    assert mine == other


@pytest.mark.parametrize(
    "task",
    [
        "expression: max(t[0], t[1], t[2])",
        "expression: min(t[0], 1 if t[1] else 2, 3, max(t)) % 5",
        "kth-max:02",
        "modular-addition:04",
        "induction:03",
        "induction",
        "running-sum-sign:03",
        "max-of-k:",
        "induction:",
        "group:Z4",
        "group:D2",
    ],
)
def test_tasks(tmp_path, task):
    """Answers of more than two numbers, and names with zeros before their numbers or with nothing behind the colon."""
    mine, other = both(tmp_path, NETWORK, task)
    assert mine == other


@pytest.mark.parametrize("seed", range(40))
def test_random_expressions(tmp_path, seed):
    """Every operator inside every other, with as few brackets as the generator happens to write."""
    rng = np.random.default_rng(seed)

    def draw(depth: int) -> str:
        if depth == 0 or rng.random() < 0.2:
            return str(rng.choice(["t[0]", "t[1]", " t [ 2 ] ", "0", "7", "sum(t)", "max( t )", "min(t)"]))
        a, b, c = (draw(depth - 1) for _ in range(3))
        forms = [f"{a} {op} {b}" for op in ("+", "-", "*", "and", "or")]
        forms += [f"({a} {op} {b})" for op in ("<", "<=", ">", ">=", "==", "!=")]
        forms += [f"({a}) {op} 3" for op in ("//", "%")]
        forms += [f"-({a})", f"(not {a})", f"({a} if {b} else {c})", f"max({a}, {b}, {c})", f"abs({a})", f"({a})*-{b}"]
        return str(rng.choice(forms))

    mine, other = both(tmp_path, NETWORK, f"expression: ({draw(3)}) % 5")
    assert mine == other


@pytest.mark.parametrize("values", [{"normalization_type": "RMS"}, {"normalization_type": "LNPre"}])
def test_norms_with_tensors_that_their_kind_does_not_have(tmp_path, values):
    """An RMSNorm with a shift, a norm without tensors that has some: neither reads past them."""
    arrays = random_arrays({"embed.W_E": (5, 2), "pos_embed.W_pos": (3, 2), "unembed.W_U": (2, 5)})
    write_npz(tmp_path / "w.npz", arrays | random_arrays({"ln_final.w": (2,), "ln_final.b": (2,)}))
    (tmp_path / "config.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(StrangeTensor):
        recognise(load(tmp_path / "w.npz", tmp_path / "config.json"))
    with pytest.raises(Failure) as caught:
        read_description(str(tmp_path / "w.npz"), str(tmp_path / "config.json"))
    assert caught.value.code.name == "E143"
