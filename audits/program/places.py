"""Where in the audited program something happened: the lines of its stack, innermost first."""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

OWN = str(Path(__file__).parents[1])
# The file that calls the audited program.
START = str(Path(__file__).parent / "passes.py")
LIBRARY = str(Path(torch.__file__).parent)


@dataclass(frozen=True)
class Place:
    """A line of a file, in a function."""

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}" if self.file else "the result"

    @property
    def source(self) -> str:
        return linecache.getline(self.file, self.line).strip()

    @property
    def columns(self) -> tuple[int, int]:
        """First and last column of the line's text, from 1."""
        text = linecache.getline(self.file, self.line).rstrip()
        return len(text) - len(text.lstrip()) + 1, len(text) + 1


@cache
def inside(file: str) -> bool:
    """A file of torch, of this package, or of Python's own start."""
    return file.startswith((OWN, LIBRARY, "<frozen"))


def here() -> Place:
    """The innermost line of the audited program."""
    frame = sys._getframe(1)
    while frame.f_back is not None and inside(frame.f_code.co_filename):
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def stack() -> tuple[Place, ...]:
    """All lines of the audited program that led here, innermost first."""
    frame, found = sys._getframe(1), []
    while frame is not None and frame.f_code.co_filename != START:
        if not inside(frame.f_code.co_filename):
            found.append(Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(found)
