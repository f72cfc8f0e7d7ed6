"""What a network of two attention layers does on some inputs, in floats: where to branch, and what to try."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

import numpy as np

from ...models.layers.attention import Scale
from ..rules.induction.form import TwoLayers
from ..rules.induction.grid import WEIGHT_BITS
from ..rules.induction.nodes import Node
from ..rules.induction.tables import InductionTables

SAMPLE = 24  # inputs of a node


@dataclass(frozen=True)
class Seen:
    """On a sample of a node's inputs: how many are wrong, the output that wins most often then, and the key that the
    second layer looks at most."""

    wrong: int
    of: int
    output: int
    key: int


@dataclass(frozen=True, eq=False)
class Floats:
    """Evaluates the tables of a network in float64."""

    tables: InductionTables

    @cached_property
    def _parts(self) -> dict[str, Any]:
        """The tables as arrays; rows of the stream are (position, token)."""
        form: TwoLayers = self.tables.grid.form
        names = ("values", "written_values", "written_direct", "direct")
        scores = (form.query @ form.stream.T, form.query @ form.written.T, form.atoms @ form.stream.T)
        scores = (*scores, form.atoms @ form.written.T)
        scale = _factor(form.scales[1])
        found = {name: _array(getattr(form, name)) for name in names}
        for name, matrix in zip(("own", "own_written", "atom", "atom_written"), scores, strict=True):
            found[name] = _array(matrix) * scale
        return found

    def seen(self, node: Node, random: Random) -> Seen:
        """What the network does on inputs of a node."""
        rows = np.array([_drawn(node, random) for _ in range(SAMPLE)])
        logits, looked = self.evaluated(rows)
        others = logits.copy()
        others[:, node.a] = -np.inf
        wrong = logits[:, node.a] <= others.max(axis=1)
        outputs = np.bincount(others[wrong].argmax(axis=1), minlength=logits.shape[1])
        return Seen(int(wrong.sum()), len(rows), int(outputs.argmax()), int(looked[wrong].sum(axis=0).argmax()))

    def evaluated(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits [input, output] at the last position, and the attention of layer 2 [input, key]."""
        parts, form = self._parts, self.tables.grid.form
        n, V = form.positions, form.tokens
        rows, q = np.arange(n) * V + tokens, tokens[:, -1]
        weights = self.tables.grid.most.reshape(n * V, n * V)[rows[:, :, None], rows[:, None, :]] / (1 << WEIGHT_BITS)
        first = weights / weights.sum(axis=2, keepdims=True)  # [input, k, m]
        mix = first[:, -1]
        scores = parts["own"][q[:, None], rows] + np.einsum(
            "bm,bmk->bk", mix, parts["atom"][rows[:, :, None], rows[:, None]]
        )
        both = parts["own_written"][q[:, None], rows]
        both = both + np.einsum("bl,blm->bm", mix, parts["atom_written"][rows[:, :, None], rows[:, None]])
        scores = scores + np.einsum("bkm,bm->bk", first, both)
        looked = np.exp(scores - scores.max(axis=1, keepdims=True))
        looked /= looked.sum(axis=1, keepdims=True)
        moved = parts["values"][rows] + np.einsum("bkm,bmc->bkc", first, parts["written_values"][rows])
        direct = parts["direct"][q] + np.einsum("bm,bmc->bc", mix, parts["written_direct"][rows])
        return direct + np.einsum("bk,bkc->bc", looked, moved), looked


def _array(matrix: Any) -> np.ndarray:
    """A dyadic matrix in float64."""
    return np.array([[float(entry) for entry in row] for row in matrix.integers()]) * 2.0**matrix.exponent


def _factor(scale: Scale) -> float:
    return float(scale.factor) / scale.root**0.5


def _drawn(node: Node, random: Random) -> list[int]:
    """A random input of the node."""
    places = node.free
    chosen = random.sample(node.rest, len(places)) if node.distinct else random.choices(node.rest, k=len(places))
    row = list(node.fixed)
    for place, token in zip(places, chosen, strict=True):
        row[place] = token
    return row  # type: ignore[return-value]
