"""``network_definition/2``: the statement is about the auditor's network and task."""

from __future__ import annotations

from .certificate import Reader
from .errors import Code, Failure
from .rule import Auditor, Derivation, Rule, no_advice


def read_conclusion(reader: Reader) -> str:
    """The statement's hash."""
    reader.literal('{"kind":"network","statement":')
    statement = reader.hash()
    reader.literal("}")
    return statement


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the hash is that of the auditor's own statement; equal hashes, equal statements (sha256)."""
    if derivation.conclusion != auditor.statement:
        where = f"derivation {derivation.id}"
        raise Failure(Code.E201, where=where, stated=derivation.conclusion, own=auditor.statement)


RULE = Rule("network_definition/2", (), "network", no_advice, read_conclusion, check)
