"""Reader of safetensors: 8 bytes of header length, a JSON header, then the tensors without gaps or overlaps."""

from __future__ import annotations

import json
import re
from math import prod
from typing import Any

from .errors import Code, Failure
from .files import no_number, unique
from .stored import SIZES, Stored

MAX_HEADER = 1 << 20
MAX_DEPTH = 4
MAX_SIZE = 1 << 40
DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
DTYPES |= {"I8": "int8", "U8": "uint8", "I16": "int16", "I32": "int32", "I64": "int64"}

# A string, or what an unterminated one leaves: matching to the end keeps the search linear.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)


def depth_of(text: str) -> int:
    """How deep the brackets of a JSON text nest, strings left out.

    >>> depth_of('{"a[[":[[1]]}')
    3
    """
    depth = deepest = 0
    for c in _STRING.sub("", text):
        depth += (c in "[{") - (c in "]}")
        deepest = max(deepest, depth)
    return deepest


def _size(token: str) -> int:
    """A JSON integer between 0 and MAX_SIZE."""
    if len(token) > 13 or not 0 <= int(token) <= MAX_SIZE:
        raise ValueError(f"the integer {token[:20]}")
    return int(token)


def _header(file: str, data: bytes) -> tuple[dict[str, object], int]:
    """The header as an object, and the offset of the tensors."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(MAX_HEADER, len(data) - 8):
        raise Failure(Code.E121, file=file, what="the header is cut short, or larger than 1 MiB")
    try:
        text = data[8 : 8 + length].decode("utf-8")
        if not text.startswith("{") or depth_of(text) > MAX_DEPTH:
            raise ValueError("an unexpected nesting")
        hooks: dict[str, Any] = {"object_pairs_hook": unique, "parse_float": no_number, "parse_constant": no_number}
        header = json.loads(text, parse_int=_size, **hooks)
    except ValueError as error:
        raise Failure(Code.E121, file=file, what=f"its header: {error}") from error
    return header, 8 + length


def _integers(value: object) -> bool:
    """Whether this is a list of at most 8 integers."""
    return isinstance(value, list) and len(value) <= 8 and all(type(n) is int for n in value)


def read_safetensors(file: str, data: bytes) -> list[Stored]:
    """The tensors of the file. E121 unless their byte ranges tile the data section exactly."""
    header, start = _header(file, data)
    header.pop("__metadata__", None)

    def broken(what: str) -> Failure:
        return Failure(Code.E121, file=file, what=what)

    spans: list[tuple[int, int]] = []
    tensors: list[Stored] = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise broken(f"tensor {name} is not described by dtype, shape, data_offsets")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not _integers(shape) or not _integers(offsets) or len(offsets) != 2 or not isinstance(dtype, str):
            raise broken(f"tensor {name} has a wrong dtype, shape or data_offsets")
        (begin, end), dtype = offsets, DTYPES.get(dtype, dtype)
        if dtype in SIZES and end - begin != prod(shape) * SIZES[dtype]:
            raise broken(f"the bytes of tensor {name} do not fit its shape")
        spans.append((begin, end))
        tensors.append(Stored(name, dtype, tuple(shape), lambda b=start + begin, e=start + end: data[b:e]))
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached or end < begin:
            raise broken("the tensors overlap or leave gaps")
        reached = end
    if reached != len(data) - start:
        raise broken("the tensors do not fill the file")
    return tensors
