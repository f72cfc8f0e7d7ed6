"""Prover and checker, which share no code, read the same statements from the same files: one hash."""

from __future__ import annotations

from pathlib import Path

import layered_network as reference
import numpy as np
import pytest

from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_text
from mechproof.engine.checker.networks.task import read_task
from mechproof.models.recognition.network_file import load_network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of

KINDS = reference.every_kind(reference.Draw(3))


def texts(path: Path, task: str) -> tuple[str, str]:
    """The statement's text, by the checker and by the prover."""
    network = load_network(path)
    own = statement_text(*read_task(task, read_description(str(path), None)))
    return own, Statement(network, task_of(task, network)).text()


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_layer(name, tmp_path):
    """Settings, norms and tensors are hashed alike."""
    own, other = texts(reference.write(KINDS[name], tmp_path), "max-of-k")
    assert own == other


@pytest.mark.parametrize(
    "task",
    [
        *("kth-max:2", "modular-addition:4", "group:Z4", "group:D2", "group:A3", "induction", "running-sum-sign:2"),
        "expression: max(t) - min(t) if t[0]<3 and not t[1] == 2 else -t[2]*3//2%5 + abs(t[0]-t[1])",
    ],
)
def test_every_task(task, tmp_path):
    """Named tasks, groups and expressions are hashed alike."""
    own, other = texts(reference.write(KINDS["two heads, no mask"], tmp_path), task)
    assert own == other


@pytest.mark.parametrize(
    "text",
    [
        'tokens = [[0, 3], [0, 3], [2, 2]]\ncondition = "distinct"\nanswer = "max(t)"\n',
        'positions = 2\nread = "all"\ncounted = "pairs"\nanswers = ["t[0]", "max(t)"]\n',
        'tokens = [[0, 2, 4], [1, 1, 3], [0, 4]]\nread = [0, 2]\nanswers = ["t[0]", "t[1]"]\n',
        'positions = 3\nlist = "list.npz"\nanswer = "t[2]"\n',
        'positions = 3\ntable = "answers.npz"\n',
    ],
)
def test_every_task_file(text, tmp_path):
    """Token sets, conditions, lists and tables are hashed alike."""
    np.savez(tmp_path / "answers.npz", answers=np.arange(125).reshape(5, 5, 5) % 5)
    np.savez(tmp_path / "list.npz", inputs=np.array([[0, 1, 2], [3, 3, 3]]))
    (tmp_path / "task.toml").write_text(text)
    own, other = texts(reference.write(KINDS["two heads, no mask"], tmp_path), str(tmp_path / "task.toml"))
    assert own == other
