"""``path_decomposition/1``: the path matrices of the network, multiplied out exactly (see paths.py)."""

from __future__ import annotations

from .certificate import Reader
from .rule import Auditor, Derivation, Rule, no_advice


def read_conclusion(reader: Reader) -> dict[str, str]:
    """The hashes of the five matrices."""
    hashes: dict[str, str] = {}
    reader.literal('{"kind":"paths"')
    for name in ("UU", "EVOU", "PVOU", "EQKE", "EQKP"):
        reader.literal(f',"{name}":')
        hashes[name] = reader.hash()
    reader.literal("}")
    return hashes


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when each hash is that of the auditor's own matrix."""
    for name, own in auditor.paths.hashes().items():
        if derivation.conclusion[name] != own:
            raise derivation.differs(f"the hash of {name}", derivation.conclusion[name], own)


RULE = Rule("path_decomposition/1", ("network",), "paths", no_advice, read_conclusion, check)
