"""Certificates: the trace of a proof, as canonical JSON (docs/certificate.md).

The same graph gives the same bytes on every machine and Python version: keys in a fixed order, no
floats, large integers in hex, no timings.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

from .arithmetic.dyadic import DyadicMatrix
from .digest import canonical_json
from .graph import ProofGraph
from .rule import NotEstablished

SCHEMA = "mechproof-certificate/2"


def small_table(numbers: Sequence[int]) -> str:
    """Base64 of natural numbers below 2^16, two bytes each, the higher first."""
    return base64.b64encode(struct.pack(f">{len(numbers)}H", *numbers)).decode("ascii")


def signed_table(numbers: Sequence[int]) -> str:
    """Base64 of integers below 2^31 in size, four bytes each, the highest first, in two's complement."""
    return base64.b64encode(struct.pack(f">{len(numbers)}i", *numbers)).decode("ascii")


def dyadic_matrix(matrix: DyadicMatrix) -> list[Any]:
    """[rows, columns, exponent, entries row by row in hex]: numbers are entry·2^exponent."""
    rows, columns = matrix.shape
    return [rows, columns, matrix.exponent, [hex_integer(entry) for row in matrix.integers() for entry in row]]


def hex_integer(value: int) -> str:
    """Large integers as certificates write them: ``0x1f``, ``-0x1f``, ``0x0``."""
    return hex(value)


def emit(graph: ProofGraph, goal: int, statement: str) -> bytes:
    """The certificate of the proof of ``goal``; ``statement`` is the sha256 of what it is about.

    The goal's conclusion, without its kind, is the relation to prove; its kind names the metric.
    """
    steps = graph.steps(goal)
    if steps is None:
        raise NotEstablished(graph.claim(goal).kind, "no derivation of it can be written into a certificate")
    ids = {step.claim: n for n, step in enumerate(steps)}
    derivations = [
        {
            "id": n,
            "rule": step.rule,
            "premises": [ids[premise] for premise in step.premises],
            "advice": step.encode(),
            "conclusion": graph.claim(step.claim).conclusion(),
        }
        for n, step in enumerate(steps)
    ]
    conclusion = dict(graph.claim(goal).conclusion())
    relation = {"metric": conclusion.pop("kind"), **conclusion}
    text = canonical_json({"schema": SCHEMA, "relation": relation, "statement": statement, "derivations": derivations})
    return (text + "\n").encode("ascii")
