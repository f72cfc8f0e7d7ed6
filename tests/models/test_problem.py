"""From a checkpoint and a task's name to a statement, or a refusal that says why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import mechproof.models.problem as problem_module
from mechproof.models.problem import NotMaxOfK, NotOneLayerAttention, problem
from mechproof.models.weights import load

DATA = Path(__file__).parents[1] / "data"


def test_sizes_come_from_the_weights():
    """K and V of the task are those of the network."""
    statement = problem(load(DATA / "unsound_averaging/total_v8_k4.npz"), "max-of-k")
    assert (statement.task.n_ctx, statement.task.d_vocab, statement.task.inputs) == (4, 8, 4096)


@pytest.mark.parametrize("task", ["", "min-of-k", "max_of_k", "Max-of-k", "max-of-k "])
def test_other_tasks(task):
    """No other spelling is taken for the task; the sentence names the one that is, and what takes others."""
    with pytest.raises(NotMaxOfK, match="max-of-k"):
        problem(load(DATA / "unsound_averaging/cell_v3_k3.npz"), task)


@dataclass(frozen=True)
class _Other:
    def describe(self) -> dict[str, Any]:
        return {"family": "another-family"}


def test_networks_of_another_family(monkeypatch):
    """A network that the task is not defined for is refused by the name of its family."""
    monkeypatch.setattr(problem_module, "recognise", lambda checkpoint: _Other())
    with pytest.raises(NotOneLayerAttention, match="found another-family"):
        problem(load(DATA / "unsound_averaging/cell_v3_k3.npz"), "max-of-k")
