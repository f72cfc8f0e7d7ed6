"""What can be wrong with a statement, as a text and once its names meet a network."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class StatementError(MechproofError):
    """Base of what can be wrong with a statement; ``column`` counts its characters from 1."""

    column: int


@dataclass(unsafe_hash=True)
class SyntaxProblem(StatementError):
    expected: str
    found: str
    sentence = "column {column}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class TooLarge(StatementError):
    what: str
    limit: str
    sentence = "column {column}: {what}; the limit is {limit}"


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
    rows: int
    columns: int
    height: int
    width: int
    sentence = "column {column}: {rows} × {columns} {operator} {height} × {width}: these shapes do not fit"


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


@dataclass(unsafe_hash=True)
class TwoReadings(StatementError):
    """A statement that is settled one way and another, as its words are read."""

    first: str
    verdict: str
    second: str
    other: str
    sentence = "this has two readings: with {first} it is {verdict}, with {second} {other}; write the one that is meant"
