"""How certificates write a statement and the advice about its singular values (docs/certificate.md §9)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from .context import SPECTRAL, Binding
from .directions import Directions, width
from .function import instance
from .functions import FUNCTIONS
from .names import variables
from .tree import Call, Defined, Expression, Node, Statement

MAX_TEXT = 1 << 12
# Names of stored tensors that certificates write.
CARRIED = re.compile(r"[ !#-&(-\[\]-~]{1,100}")
# The checker's enclosures are finer than the prover's, so that what is decided here is decided there.
GUARD = 32
NOTHING: Binding = {}


def text(statement: Statement) -> str:
    """The statement in ASCII, abbreviations spelled out."""
    return str(_spelled_out(statement)).replace("≈", "~=").replace('"', "'")


def _spelled_out(node: Any) -> Any:
    if isinstance(node, Defined):
        return _spelled_out(node.body)
    if isinstance(node, tuple):
        return tuple(map(_spelled_out, node))
    if not isinstance(node, Node):
        return node
    return replace(node, **{f.name: _spelled_out(getattr(node, f.name)) for f in fields(node) if f.init})


def can_carry(statement: Statement) -> bool:
    """Whether a certificate can: not where singular values depend on a variable, where the text is too long, nor where
    the checker does not know a function."""
    written = text(statement)
    bound = frozenset(variables(statement))
    fixed = all(bound.isdisjoint(argument.names) for argument in spectral_arguments(statement))
    named = all(CARRIED.fullmatch(name) for name in statement.names)
    known = named and all(FUNCTIONS[name].certified for name in statement.names & FUNCTIONS.keys())
    return known and fixed and written.isascii() and len(written) <= MAX_TEXT


def spectral_arguments(statement: Statement) -> list[Expression]:
    """The distinct matrices whose singular values a statement is about, in the order in which the calls end."""
    found = {instance(argument, NOTHING): argument for argument in _spectral(_spelled_out(statement))}
    return list(found.values())


def _spectral(node: Node) -> Iterator[Expression]:
    for inner in node.nodes():
        yield from _spectral(inner)
    if isinstance(node, Call) and node.function in SPECTRAL:
        yield node.arguments[0]


def spectra(statement: Statement, directions: Directions) -> list[list[Any]]:
    """[rank, bytes of a number, numbers] for each of them; a number of one byte and none of those where none was asked
    for, as by a comparison that another one before it made superfluous."""
    found = (directions.found.get(instance(argument, NOTHING)) for argument in spectral_arguments(statement))
    size = width(directions.bits)
    entries: list[list[Any]] = []
    for spectrum in found:
        if spectrum is None:
            entries.append([1, 1, ""])
            continue
        columns = spectrum.directions
        rank = columns.shape[0] if spectrum.rank is None else spectrum.rank
        data = b"".join(entry.to_bytes(size, "little", signed=True) for entry in columns.lower)
        entries.append([rank, size, base64.b64encode(data).decode("ascii")])
    return entries
