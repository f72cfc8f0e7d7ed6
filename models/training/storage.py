"""Networks as safetensors files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.numpy

from ...engine.files import atomic_write, read_bytes
from ..weights.checkpoint import MAX_FILE
from ..weights.safetensors_file import looks_like
from ..weights.strict_json import parse_object
from .network import State, require_torch
from .recipe import Recipe


def save(state: State, path: str | os.PathLike[str], recipe: Recipe, step: int | None = None) -> None:
    """Write the tensors, and as metadata ``recipe`` and the ``step`` they were taken at (default: the last).

    Equal arguments give equal bytes.
    """
    write_state(state, path, recipe.as_json() | {"taken_at_step": recipe.steps if step is None else step})


def write_state(state: State, path: str | os.PathLike[str], recipe: Mapping[str, object]) -> None:
    """Write the tensors, and how they came to be as metadata."""
    # One metadata entry only: the format's writer does not promise an order among several.
    metadata = {"mechproof.recipe": json.dumps(recipe, sort_keys=True)}
    arrays = {name: tensor.detach().contiguous().numpy() for name, tensor in state.items()}
    atomic_write(path, safetensors.numpy.save(arrays, metadata))


def load(path: str | os.PathLike[str]) -> State:
    """Read back what :func:`save` wrote, for float computations (proofs read files exactly, elsewhere)."""
    torch = require_torch()
    arrays = safetensors.numpy.load(Path(path).read_bytes())
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def provenance(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The recipe and ``taken_at_step`` that :func:`save` wrote, as the file tells it; None where it tells nothing.

    Raises a :class:`~mechproof.engine.files.FileError`, and BadJson for a header that is no JSON.
    """
    data, file = read_bytes(path, MAX_FILE), Path(path).name
    if not looks_like(data):
        return None
    header = parse_object(file, data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata = header.get("__metadata__")
    text = metadata.get("mechproof.recipe") if isinstance(metadata, dict) else None
    return parse_object(file, text.encode()) if isinstance(text, str) else None
