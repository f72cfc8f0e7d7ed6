"""The statement a proof is about: this network, this task, this tie rule, and its hash.

Weights alone do not fix a function, so the architecture is part of the statement and hashed with it
(docs/certificate.md §1.3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..engine.digest import canonical_json, tensor_digest
from .architectures.one_layer_attention import OneLayerAttention
from .tasks.max_of_k import MaxOfK


@dataclass(frozen=True)
class Statement:
    """A network and a task on it."""

    network: OneLayerAttention
    task: MaxOfK

    def text(self) -> str:
        """The canonical text that is hashed."""
        return canonical_json(self.content())

    def content(self) -> dict[str, Any]:
        """What is hashed: all that the statement says."""
        tensors = {
            name: tensor_digest(matrix, matrix.shape if name.startswith("W_") else matrix.shape[1:])
            for name, matrix in sorted(self.network.tensors.items())
        }
        return {
            "schema": "mechproof-statement/1",
            "architecture": self.network.describe(),
            "task": self.task.describe(),
            "tensors": tensors,
        }

    @property
    def inputs(self) -> int:
        """How many inputs an accuracy is a share of."""
        return self.task.inputs

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode("ascii")).hexdigest()
