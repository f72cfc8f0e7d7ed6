"""Any readable checkpoint as one canonical safetensors file, for the checker, which reads no torch files or models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...engine.files import atomic_write
from . import safetensors_file
from .checkpoint import raw_of_live, read_raw


def convert(
    source: str | os.PathLike[str] | Any,
    destination: str | os.PathLike[str],
    config: str | os.PathLike[str] | None = None,
) -> None:
    """Write the tensors of ``source``, a file or a live model, to ``destination``: same dtypes and bits, no masks.

    Names stay but for a TransformerBridge's, which become a HookedTransformer's
    (:func:`~mechproof.models.weights.transformer_lens.as_hooked`); for a file of one, ``config`` is its configuration.
    Equal tensors give equal bytes.  The destination appears whole or not at all.  Raises the errors of
    :func:`~mechproof.models.weights.load`, so that what was converted can be read, and
    :class:`~mechproof.engine.files.CannotWrite`.
    """
    raw = read_raw(source, config) if isinstance(source, str | os.PathLike) else raw_of_live(source)
    raw.decoded()  # refuses what is not finite
    content = safetensors_file.write(raw.tensors)
    safetensors_file.read(Path(destination).name, content)  # a name that this format cannot hold is refused here
    atomic_write(destination, content)
