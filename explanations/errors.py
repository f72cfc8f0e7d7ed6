"""What can be wrong with an explanation."""

from __future__ import annotations

from dataclasses import dataclass

from ..engine.errors import MechproofError


@dataclass(unsafe_hash=True)
class BadExplanation(MechproofError):
    """The file or a sentence of it cannot be read."""

    where: str
    expected: str
    found: str
    sentence = "{where}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class NoFamily(MechproofError):
    """No family of sentences speaks of such a network."""

    network: str
    reasons: tuple[str, ...]
    sentence = "{network}: no sentences are known for this network and task ({reasons})"
