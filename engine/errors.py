"""Errors that a user can meet: named types that carry data; one sentence each.

Every error is a dataclass below :class:`MechproofError`.  Its ``sentence`` is a format
string over its own fields and says what is wrong, where, what was expected and what was found.
Turning it into text is :func:`describe`'s business, printing it is the command line's.

>>> @dataclass(unsafe_hash=True)
... class TooShort(MechproofError):
...     where: str
...     expected: int
...     found: int
...     sentence = "{where}: expected {expected} bytes, found {found}"
>>> describe(TooShort("a.bin", 8, 3))
'a.bin: expected 8 bytes, found 3'
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar


@dataclass(unsafe_hash=True)
class MechproofError(Exception):
    """Base of all errors a user can cause; ``exit_code`` is what the command line returns."""

    sentence: ClassVar[str] = "something is wrong"
    exit_code: ClassVar[int] = 2

    def __str__(self) -> str:
        return describe(self)


@dataclass(unsafe_hash=True)
class MagnitudeError(MechproofError):
    """A number is too large for the exact fixed-point tables, so it was not computed."""

    what: str
    limit: str
    sentence = "{what} may not fit {limit}: these weights are too large for the fixed-point tables"


def describe(error: MechproofError) -> str:
    """The error as one sentence: lists read as a, b, c, control characters are made visible so that no file can fake a
    line."""
    values = {field.name: _read(getattr(error, field.name)) for field in fields(error)}
    text = error.sentence.format(**values)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _read(value: object) -> object:
    """A field as a sentence takes it in: names one after the other, numbers that are one thing in brackets."""
    if not isinstance(value, tuple | list):
        return value
    items = ", ".join(map(str, value))
    return f"({items})" if value and all(isinstance(item, int) for item in value) else items or "none"
