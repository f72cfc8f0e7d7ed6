"""safetensors: an eight-byte length, a JSON header, raw bytes.

The library checks the layout (offsets in range, without gaps or overlaps, sizes that match); repeated
names, which it does not promise to refuse, are refused here, and so are headers out of all proportion.
Writing is done here, so that equal tensors give equal bytes whatever version of the library is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import safetensors

from .errors import BrokenFile
from .names import is_ignored
from .strict_json import parse_object
from .tensor import LAYOUTS, Header, RawTensor, check_headers

MAX_HEADER = 2**20
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def looks_like(data: bytes) -> bool:
    """The header's length is followed by ``{``, as in every safetensors file."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") < 2**32


def read(file: str, data: bytes) -> list[RawTensor]:
    """The file's tensors but for the ignored ones.  Raises a :class:`WeightsError`."""
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        raise BrokenFile(file, "safetensors", f"a header of {length} bytes, more than {MAX_HEADER}")
    if 8 + length > len(data):
        raise BrokenFile(file, "safetensors", f"{len(data)} bytes where the header alone needs {8 + length}")
    parse_object(file, data[8 : 8 + length])
    entries: list[tuple[str, Any]]
    try:
        entries = safetensors.deserialize(data)
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        raise BrokenFile(file, "safetensors", str(error)[:200]) from None
    kept = [(name, entry) for name, entry in entries if not is_ignored(name)]
    headers = []
    for name, entry in kept:
        code = str(entry["dtype"])
        headers.append(Header(name, _DTYPES.get(code, code), tuple(entry["shape"])))
    check_headers(file, headers)
    return [
        RawTensor(header.name, header.dtype, header.shape, bytes(entry["data"]))
        for header, (_, entry) in zip(headers, kept, strict=True)
    ]


def write(tensors: Iterable[RawTensor]) -> bytes:
    """The canonical safetensors file: widest numbers first (so that all are aligned), then by name."""
    ordered = sorted(tensors, key=lambda tensor: (-LAYOUTS[tensor.dtype].size, tensor.name))
    header: dict[str, dict] = {}
    offset = 0
    for tensor in ordered:
        end = offset + len(tensor.data)
        code = _CODES[tensor.dtype]
        header[tensor.name] = {"dtype": code, "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(tensor.data for tensor in ordered)
