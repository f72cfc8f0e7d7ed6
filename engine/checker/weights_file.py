"""The tensors of a weights file, in either of two formats; the masks that attention layers store are none."""

from __future__ import annotations

import os
import re

from .errors import Code, Failure
from .files import read_bytes
from .npz_file import read_npz
from .safetensors_file import read_safetensors
from .stored import Stored

MAX_FILE = 1 << 29
BUFFER = re.compile(r"blocks\.[0-9]{1,2}\.attn\.(mask|IGNORE)")


def read_tensors(path: str) -> list[Stored]:
    """The tensors of a .safetensors or .npz file, buffers left out; E120 for another ending."""
    ending = os.path.splitext(path)[1].lower()
    if ending == ".safetensors":
        return [t for t in read_safetensors(path, read_bytes(path, MAX_FILE)) if not BUFFER.fullmatch(t.name)]
    if ending == ".npz":
        return read_npz(path, read_bytes(path, MAX_FILE), BUFFER)
    raise Failure(Code.E120, file=path)
