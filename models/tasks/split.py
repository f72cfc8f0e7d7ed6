"""Splits of a task's inputs, train and test, as files: indices, a mask, or the inputs themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ...engine.files import read_bytes
from ..weights.errors import axes_text
from ..weights.integers import load_array, load_integers
from .errors import TaskDoesNotFit
from .restricted import MOST_SEARCHED, ROWS
from .task import Task

LIMIT = 1 << 26


def load_split(name: str, path: Path, task: Task) -> np.ndarray:
    """Which inputs of the task are in the split: a mask, one entry an input in the task's order.

    The file is npy, an npz with one array of integers (or one of the split's name), or JSON.  It holds places in the
    task's order (integers from 0, each once), a mask of 0 and 1 with one entry an input, or the inputs, one a row.
    Raises :class:`TaskDoesNotFit` for anything else, and what reading files raises.
    """
    if task.inputs.size > MOST_SEARCHED:
        raise TaskDoesNotFit(task.name, f"at most {MOST_SEARCHED} inputs to split", str(task.inputs.size))
    array = _array(name, path)
    size, mask = task.inputs.size, np.zeros(task.inputs.size, dtype=np.bool_)
    if array.ndim == 2 and array.shape[1] == task.positions:
        return _rows(name, array, task)
    if array.ndim != 1 or not array.size:
        expected = f"places of inputs, a mask, or rows of {task.positions} tokens"
        raise TaskDoesNotFit(f"split {name}", expected, f"shape {axes_text(array.shape)}")
    if len(array) == size and set(np.unique(array).tolist()) <= {0, 1}:
        return array.astype(np.bool_)
    if int(array.min()) < 0 or int(array.max()) >= size:
        strange = int(array.min()) if int(array.min()) < 0 else int(array.max())
        raise TaskDoesNotFit(f"split {name}", f"places from 0 to {size - 1}", str(strange))
    mask[array] = True
    if int(mask.sum()) < len(array):
        raise TaskDoesNotFit(f"split {name}", "each place once", f"{len(array) - int(mask.sum())} repetitions")
    return mask


def _rows(name: str, rows: np.ndarray, task: Task) -> np.ndarray:
    wanted = set(map(tuple, rows.tolist()))
    if len(wanted) < len(rows):
        raise TaskDoesNotFit(f"split {name}", "each input once", f"{len(rows) - len(wanted)} repetitions")
    parts = [
        np.array([tuple(row) in wanted for row in block.tolist()], dtype=np.bool_) for block in task.inputs.blocks(ROWS)
    ]
    mask = np.concatenate(parts)
    if int(mask.sum()) < len(wanted):
        raise TaskDoesNotFit(f"split {name}", "inputs of the task", f"{len(wanted) - int(mask.sum())} that are none")
    return mask


def _array(name: str, path: Path) -> np.ndarray:
    match path.suffix:
        case ".npy":
            return load_array(path)
        case ".npz":
            found = load_integers(path)
            if name not in found and len(found) != 1:
                raise TaskDoesNotFit(
                    f"split {name}", f"an array {name} in {path.name}", ", ".join(found)[:100] or "none"
                )
            return found.get(name, next(iter(found.values())))
        case ".json":
            return _json(name, path)
    raise TaskDoesNotFit(f"split {name}", "a file .npy, .npz or .json", path.name)


def _json(name: str, path: Path) -> np.ndarray:
    try:
        content = json.loads(read_bytes(path, LIMIT))
        array = np.array(content)
    except (ValueError, RecursionError, OverflowError) as error:
        raise TaskDoesNotFit(f"split {name}", "JSON with a list of integers", str(error)[:100]) from None
    if not isinstance(content, list) or array.dtype.kind not in "ib" or not array.size:
        raise TaskDoesNotFit(f"split {name}", "JSON with a list of integers", "another value")
    return array.astype(np.int64)
