"""``known_weights/1``: the weights are known by their names."""

from __future__ import annotations

from ..certificate import Reader
from ..rule import Auditor, Derivation, Rule, no_advice

KIND = "known_matrices"


def read_known(reader: Reader) -> None:
    """No other names."""
    reader.literal('{"kind":"known_matrices","named":0}')


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for every network."""


RULE = Rule("known_weights/1", ("network",), KIND, no_advice, read_known, check)
