"""Right answers that stand in a table, one axis a position."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...engine.arithmetic.tensor import DyadicTensor
from ..weights.errors import axes_text
from ..weights.integers import load_integers
from .errors import TaskDoesNotFit


@dataclass(frozen=True, eq=False)
class Lookup:
    """The entry at the first tokens, as many as the table has axes."""

    table: np.ndarray
    text = "table"

    @property
    def meaning(self) -> str:
        tokens = ", ".join(f"t_{axis}" for axis in range(self.table.ndim))
        return f"the entry $T[{tokens}]$ of a table $T$ that is hashed with the statement"

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return self.table[tuple(tokens[:, axis] for axis in range(self.table.ndim))][:, None]


def integer_table(where: str, path: str | os.PathLike[str], name: str, axes: int) -> np.ndarray:
    """The integer tensor of this name in an npz file, as int64; the only one in the file may have any name."""
    found = load_integers(path)
    if name not in found and len(found) != 1:
        raise TaskDoesNotFit(where, f"a tensor {name} in {Path(path).name}", ", ".join(found)[:100] or "none")
    table = found.get(name, next(iter(found.values())))
    if table.ndim != axes:
        raise TaskDoesNotFit(where, f"a table of {axes} axes", f"shape {axes_text(table.shape)}")
    return table


def exact_table(table: np.ndarray) -> DyadicTensor:
    """The table as a tensor, for the statement's hash."""
    return DyadicTensor.of(table.shape, table.reshape(-1).tolist(), 0)
