"""What can be wrong with a statement once its names meet a network; ``column`` counts characters from 1."""

from __future__ import annotations

from dataclasses import dataclass

from .intervals import Shape
from .syntax import StatementError


@dataclass(unsafe_hash=True)
class UnknownName(StatementError):
    name: str
    nearest: str
    sentence = "column {column}: there is no {name!r} here; {nearest}"


@dataclass(unsafe_hash=True)
class WrongArguments(StatementError):
    function: str
    expected: str
    found: str
    sentence = "column {column}: {function} takes {expected}, found {found}"


@dataclass(unsafe_hash=True)
class ShapesMismatch(StatementError):
    """Two matrices do not fit."""

    operator: str
    left: Shape
    right: Shape
    sentence = "column {column}: {left[0]} × {left[1]} {operator} {right[0]} × {right[1]}: these shapes do not fit"


@dataclass(unsafe_hash=True)
class OutsideMatrix(StatementError):
    index: str
    axis: str
    size: int
    sentence = "column {column}: {axis} {index} of a matrix that has {size} {axis}s, counted from 0"


@dataclass(unsafe_hash=True)
class NotDefined(StatementError):
    reason: str
    sentence = "column {column}: {reason}"
