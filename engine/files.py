"""Files of unknown origin read within limits, and files written whole or not at all.

Whatever can be wrong with a path (absent, a directory, a device that never ends, empty, too large,
forbidden) ends in a named error of one sentence, before anything is allocated for its content.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import MechproofError


@dataclass(unsafe_hash=True)
class FileError(MechproofError):
    """Base of the errors of this module; ``file`` is the path as the user gave it."""

    file: str


@dataclass(unsafe_hash=True)
class FileMissing(FileError):
    sentence = "{file}: expected a file, found nothing of this name"


@dataclass(unsafe_hash=True)
class NotAFile(FileError):
    """The path exists and is not a regular file; ``found`` says what it is."""

    found: str
    sentence = "{file}: expected a file, found {found}"


@dataclass(unsafe_hash=True)
class FileEmpty(FileError):
    sentence = "{file}: expected some content, found an empty file"


@dataclass(unsafe_hash=True)
class FileTooLarge(FileError):
    """``limit`` and ``found`` are sizes in bytes."""

    limit: int
    found: int
    sentence = "{file}: expected at most {limit} bytes, found {found}"


@dataclass(unsafe_hash=True)
class FileUnreadable(FileError):
    """The system refuses to open or read the file; ``reason`` in its own words."""

    reason: str
    sentence = "{file}: expected a readable file, found: {reason}"


@dataclass(unsafe_hash=True)
class CannotWrite(FileError):
    """The system refuses to write the file; ``reason`` in its own words."""

    reason: str
    sentence = "{file}: cannot be written: {reason}"


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """The content of the regular, non-empty file at ``path``, at most ``limit`` bytes.

    Raises a :class:`FileError`.  What is not a regular file is never opened: a pipe would block.
    """
    file = os.fspath(path)
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode):
            raise NotAFile(file, "a directory" if stat.S_ISDIR(status.st_mode) else "a device, pipe or socket")
        if status.st_size > limit:
            raise FileTooLarge(file, limit, status.st_size)
        with open(file, "rb") as stream:
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise FileMissing(file) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise FileUnreadable(file, reason(error)) from None
    if len(content) > limit:  # it grew, or its file system does not tell sizes
        raise FileTooLarge(file, limit, len(content))
    if not content:
        raise FileEmpty(file)
    return content


def atomic_write(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace the file's content: a reader sees the old bytes or all the new ones, even after a crash.

    Raises :class:`CannotWrite`; the old file is then untouched and nothing is left beside it.
    """
    write_together({path: content})


def write_together(files: Mapping[Any, bytes]) -> None:
    """Replace the files at these paths, each as :func:`atomic_write` does, and none before all are on the device.

    A link stays a link. Raises :class:`CannotWrite`, also for what is no regular file; when the device is full or a
    path is unusable, all old files are untouched and nothing is left beside them.
    """
    prepared: dict[Path, tuple[Path, str]] = {}
    try:
        for path, content in files.items():
            with _refusals(os.fspath(path)):
                target = Path(os.path.realpath(path))
                if target.exists() and not target.is_file():
                    raise CannotWrite(os.fspath(path), "it exists, and is not a regular file")
                temporary = target.parent / f".{secrets.token_hex(8)}.part"
                prepared[temporary] = target, os.fspath(path)
                with open(temporary, "xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
        for temporary, (target, name) in prepared.items():
            with _refusals(name):
                os.replace(temporary, target)
    finally:
        for temporary in prepared:
            with suppress(OSError, ValueError):
                temporary.unlink(missing_ok=True)


@contextmanager
def _refusals(file: str) -> Iterator[None]:
    """What the system refuses inside is about this file."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CannotWrite(file, reason(error)) from None


def make_folder(path: str | os.PathLike[str]) -> Path:
    """The folder at ``path``, made with its parents if it is not there.  Raises :class:`CannotWrite`."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise CannotWrite(os.fspath(path), reason(error)) from None
    return folder


def reason(error: OSError | ValueError) -> str:
    """Why the system refused, without the path, which the sentence names already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
