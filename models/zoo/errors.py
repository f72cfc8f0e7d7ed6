"""What can go wrong when a shipped network is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class NoSuchNetwork(MechproofError):
    """The name is not one of the shipped networks."""

    found: str
    expected: str
    sentence = "zoo: expected one of {expected}, found {found!r}"
