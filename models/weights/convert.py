"""Any readable checkpoint as one canonical safetensors file, for the checker, which reads no torch files."""

from __future__ import annotations

import os
from pathlib import Path

from ...engine.files import atomic_write
from . import safetensors_file
from .checkpoint import read_raw
from .tensor import decode


def convert(source: str | os.PathLike[str], destination: str | os.PathLike[str]) -> None:
    """Write the tensors of ``source`` to ``destination``: same names, same dtypes, same bits, masks left out.

    Equal tensors give equal bytes.  The destination appears whole or not at all.  Raises the errors of
    :func:`~mechproof.models.weights.load`, so that what was converted can be read, and
    :class:`~mechproof.engine.files.CannotWrite`.
    """
    tensors = read_raw(source)
    for tensor in tensors:
        decode(Path(source).name, tensor)
    content = safetensors_file.write(tensors)
    safetensors_file.read(Path(destination).name, content)  # a name that this format cannot hold is refused here
    atomic_write(destination, content)
