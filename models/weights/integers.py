"""Integer arrays of npz files: tables of groups, answers, lists of inputs."""

from __future__ import annotations

import io
import os
from math import prod
from pathlib import Path

import numpy as np

from ...engine.files import read_bytes
from .archive import Archive
from .errors import BadShape, BrokenFile, UnsupportedDtype, axes_text
from .tensor import MAX_NUMBERS

_LIMIT = 2**26


def load_integers(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The integer arrays of the npz file at ``path``, as int64; arrays of other numbers are left out.

    Raises :class:`~...engine.files.FileError` or :class:`~.errors.WeightsError`.
    """
    file = Path(path).name
    archive = Archive(file, read_bytes(path, _LIMIT))
    found = ((name.removesuffix(".npy"), archive.read(name)) for name in archive.names() if name.endswith(".npy"))
    arrays = {name: _array(file, name, content) for name, content in found}
    return {name: array for name, array in arrays.items() if array is not None}


def load_array(path: str | os.PathLike[str]) -> np.ndarray:
    """The integers (or truth values, as 0 and 1) of the npy file at ``path``, as int64; raises likewise."""
    file = Path(path).name
    found = _array(file, file, read_bytes(path, _LIMIT), "iub")
    if found is None:
        raise BrokenFile(file, "npy with integers", "other numbers")
    return found


def _array(file: str, name: str, content: bytes, kinds: str = "iu") -> np.ndarray | None:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream, max_header_size=10_000)
        if dtype.kind not in kinds:
            return None
        if prod(shape) > MAX_NUMBERS or prod(shape) * dtype.itemsize != len(content) - stream.tell():
            raise BadShape(
                file, name, f"at most {MAX_NUMBERS} numbers, all of them in the file", f"shape {axes_text(shape)}"
            )
        stream.seek(0)
        array = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=10_000)
    except (ValueError, SyntaxError, EOFError) as error:
        raise BrokenFile(file, "npz", f"array {name[:100]}: {str(error)[:100]}") from None
    if array.size and dtype.kind == "u" and int(array.max()) >= 1 << 62:
        raise UnsupportedDtype(file, name, "integers beyond 2^62")
    return array.astype(np.int64)
