"""Zip archives of unknown origin: the container of npz and of torch files.

Sizes are looked at in the archive's directory before anything is unpacked, and everything stays in
memory, so that a member's name is only ever a name and never a path.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO

from .errors import BrokenFile, DuplicateTensor

MAX_UNPACKED = 2**26
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Archive:
    """The members of the zip archive in ``data``.

    Raises :class:`BrokenFile` for whatever is no plain archive within the limits and
    :class:`DuplicateTensor` for a name that occurs twice.
    """

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
        self.data = data
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except _FAULTS as error:
            raise self._broken(str(error)) from None
        self._check()

    def _broken(self, found: str) -> BrokenFile:
        return BrokenFile(self.file, "npz or torch", found[:200])

    def _check(self) -> None:
        unpacked = 0
        seen: set[str] = set()
        for info in self._zip.infolist():
            if info.filename in seen:
                raise DuplicateTensor(self.file, info.filename.removesuffix(".npy")[:200])
            seen.add(info.filename)
            if info.flag_bits & 1:
                raise self._broken(f"the encrypted member {info.filename[:100]}")
            if info.compress_type not in _METHODS:
                raise self._broken(f"compression method {info.compress_type} of member {info.filename[:100]}")
            unpacked += info.file_size
        if unpacked > MAX_UNPACKED:
            raise self._broken(f"{unpacked} unpacked bytes, more than {MAX_UNPACKED}")

    def names(self) -> list[str]:
        return self._zip.namelist()

    def read(self, name: str) -> bytes:
        """The member's content, whose length is what the directory says and whose checksum agrees."""
        try:
            with self._zip.open(name) as stream:
                content = stream.read(self._zip.getinfo(name).file_size)
                stream.read(1)  # at the end the checksum is compared
        except _FAULTS as error:
            raise self._broken(f"member {name[:100]}: {error}") from None
        if len(content) != self._zip.getinfo(name).file_size:
            raise self._broken(f"member {name[:100]} ends early")
        return content
