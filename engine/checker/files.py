"""Reading a whole file, of bounded size, that is a regular file; objects of JSON whose keys differ."""

from __future__ import annotations

import os
import stat
from typing import Any, NoReturn

from .errors import Code, Failure


def read_bytes(path: str, limit: int) -> bytes:
    """The bytes of the file ``path``; E101 when it cannot be read, E102 when there are more than ``limit``."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise Failure(Code.E101, file=path, reason="not a regular file")
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        raise Failure(Code.E101, file=path, reason=reason) from error
    if len(data) > limit:
        raise Failure(Code.E102, file=path, limit=limit)
    return data


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of ``pairs``; ValueError when a key stands twice."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def no_number(text: str) -> NoReturn:
    """ValueError for a number, or NaN, where none may stand."""
    raise ValueError(f"{text[:20]} does not belong here")
