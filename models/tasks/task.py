"""Tasks: an input set, a right answer at every read position, and what is counted (docs/statement.md §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.digest import tensor_digest
from .inputs import InputSet

COUNTED = ("inputs", "pairs")


class Answer(Protocol):
    """The right answers of a task."""

    @property
    def text(self) -> str:
        """As it stands in a statement."""
        ...

    @property
    def meaning(self) -> str:
        """What it is, as prose with $mathematics$ for transcripts; $t$ is the input, of $K$ tokens, $p$ a position."""
        ...

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """The right answer at each read position, inputs × reads, for inputs × positions (int64)."""
        ...


@dataclass(frozen=True, eq=False)
class Task:
    """``read``: the positions at which logits are read, ascending; ``counted``: inputs or pairs; ties are wrong."""

    name: str
    inputs: InputSet
    read: tuple[int, ...]
    answer: Answer
    counted: str = "inputs"
    tensors: Mapping[str, DyadicTensor] = field(default_factory=dict)

    @property
    def positions(self) -> int:
        return self.inputs.positions

    @property
    def size(self) -> int:
        """What an accuracy is a share of: inputs, or pairs of an input and a read position."""
        return self.inputs.size * (len(self.read) if self.counted == "pairs" else 1)

    def describe(self) -> dict[str, Any]:
        """The ``task`` object of docs/statement.md §3."""
        return {
            "name": self.name,
            "tokens": self.inputs.describe(),
            "condition": self.inputs.condition,
            "read": list(self.read),
            "counted": self.counted,
            "right": self.answer.text,
            "tie": "wrong",
            "tensors": {name: tensor_digest(tensor) for name, tensor in self.tensors.items()},
        }
