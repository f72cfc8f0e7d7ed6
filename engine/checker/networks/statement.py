"""The statement of a network and a task, and its hash: schema 2 of docs/statement.md, §3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from ..dyadic import entry_text
from .layers import Layer, Network, Norm
from .task import Task
from .tensor import Tensor


def _hashes(tensors: dict[str, Tensor]) -> dict[str, str]:
    return {name: tensor.hash for name, tensor in tensors.items()}


def _norm(norm: Norm) -> dict[str, object]:
    return {"function": norm.function, "epsilon": entry_text(*norm.epsilon), "tensors": _hashes(norm.tensors)}


def _layer(layer: Layer) -> dict[str, object]:
    """Kind, settings, norm, tensors; a layer of kind ``norm`` is its norm."""
    if layer.kind == "norm" and layer.norm is not None:
        return {"kind": "norm", **_norm(layer.norm)}
    norm = {} if layer.norm is None else {"norm": _norm(layer.norm)}
    return {"kind": layer.kind, **layer.settings, **norm, "tensors": _hashes(layer.tensors)}


def tokens_text(tokens: Sequence[int]) -> list[int]:
    """``[first, last]`` of a range, or three or more tokens.

    >>> tokens_text([2, 3, 4]), tokens_text([7]), tokens_text([1, 3]), tokens_text([1, 3, 4])
    ([2, 4], [7, 7], [1, 1, 3], [1, 3, 4])
    """
    if list(tokens) == list(range(tokens[0], tokens[-1] + 1)):
        return [tokens[0], tokens[-1]]
    return [tokens[0], *tokens] if len(tokens) == 2 else list(tokens)


def statement_text(network: Network, task: Task, semantics: Mapping[str, object] | None = None) -> str:
    """The canonical text; ``semantics``: which float runs it is about, if it is about these."""
    statement: dict[str, object] = {
        "schema": "mechproof-statement/2",
        "network": {
            "vocabulary": list(network.vocabulary),
            "outputs": network.outputs,
            "layers": [_layer(layer) for layer in network.layers],
        },
        "task": {
            "name": task.name,
            "tokens": [tokens_text(tokens) for tokens in task.tokens],
            "condition": task.condition,
            "read": list(task.read),
            "counted": task.counted,
            "right": task.right,
            "tie": "wrong",
            "tensors": _hashes(task.tensors),
        },
    }
    if semantics is not None:
        statement["semantics"] = semantics
    return json.dumps(statement, separators=(",", ":"), ensure_ascii=True)


def statement_hash(network: Network, task: Task, semantics: Mapping[str, object] | None = None) -> str:
    """sha256 of the statement's text."""
    return hashlib.sha256(statement_text(network, task, semantics).encode("ascii")).hexdigest()
