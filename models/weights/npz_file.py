"""npz: a zip archive of npy arrays.

An npy header is a Python literal.  It is read here rather than by numpy, whose reader allocates what the
header asks for before it has seen the data, and which falls back to pickle for object arrays.
"""

from __future__ import annotations

import ast
from math import prod

import numpy as np

from .archive import Archive
from .errors import BrokenFile, UnsupportedDtype
from .names import is_ignored
from .tensor import Header, RawTensor, check_headers

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000
_DTYPES = {"f2": "float16", "f4": "float32", "f8": "float64"}


def read(file: str, archive: Archive) -> list[RawTensor]:
    """The archive's arrays but for the ignored ones, little-endian and row-major.  Raises a :class:`WeightsError`."""
    arrays = []
    for member in archive.names():
        name = member.removesuffix(".npy")
        if name == member:
            raise BrokenFile(file, "npz", f"the member {member[:100]}, which is no .npy array")
        if not is_ignored(name):
            arrays.append(_Array(file, name, archive.read(member)))
    check_headers(file, [array.header for array in arrays])
    return [array.raw() for array in arrays]


class _Array:
    """One npy array whose header has been read and whose data has not."""

    def __init__(self, file: str, name: str, content: bytes) -> None:
        self._file = file
        self._name = name
        header, self._data = self._split(content)
        try:
            fields = ast.literal_eval(header.decode("utf-8").strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            raise self._broken("a header that is no Python literal") from None
        if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
            raise self._broken("a header without exactly descr, fortran_order and shape")
        descr, shape = fields["descr"], fields["shape"]
        self._fortran = fields["fortran_order"]
        if type(self._fortran) is not bool:
            raise self._broken("a fortran_order that is no boolean")
        if type(shape) is not tuple or not all(type(size) is int for size in shape):
            raise self._broken("a shape that is no tuple of integers")
        if not isinstance(descr, str) or descr[:1] not in "<>" or descr[1:] not in _DTYPES:
            raise UnsupportedDtype(file, name[:200], f"the numpy type {str(descr)[:40]}")
        self._order = descr[0]
        self.header = Header(name, _DTYPES[descr[1:]], shape)

    def _broken(self, found: str) -> BrokenFile:
        return BrokenFile(self._file, "npz", f"tensor {self._name[:100]}: {found}")

    def _split(self, content: bytes) -> tuple[bytes, bytes]:
        if content[:6] != _MAGIC:
            raise self._broken("no npy array")
        width = {b"\x01\x00": 2, b"\x02\x00": 4}.get(content[6:8])
        if width is None:
            raise self._broken("an npy version other than 1.0 and 2.0")
        start = 8 + width
        length = int.from_bytes(content[8:start], "little")
        if length > _MAX_HEADER or start + length > len(content):
            raise self._broken(f"a header of {length} bytes")
        return content[start : start + length], content[start + length :]

    def raw(self) -> RawTensor:
        """The numbers' bits in canonical order; sizes are within limits by now."""
        size = int(self.header.dtype.removeprefix("float")) // 8
        expected = size * prod(self.header.shape)
        if len(self._data) != expected:
            raise self._broken(f"{len(self._data)} bytes where its header needs {expected}")
        bits = np.frombuffer(self._data, dtype=f"{self._order}u{size}")
        rows = bits.reshape(self.header.shape, order="F" if self._fortran else "C")
        return RawTensor(self._name, self.header.dtype, self.header.shape, rows.astype(f"<u{size}").tobytes(order="C"))
