"""Certificates: the trace of a proof, as canonical JSON (docs/certificate.md).

The same graph gives the same bytes on every machine and Python version: keys in a fixed order, no
floats, large integers in hex, no timings.
"""

from __future__ import annotations

from .digest import canonical_json
from .graph import ProofGraph

SCHEMA = "mechproof-certificate/1"


def hex_integer(value: int) -> str:
    """Large integers as certificates write them: ``0x1f``, ``-0x1f``, ``0x0``."""
    return hex(value)


def emit(graph: ProofGraph, goal: int, statement: str) -> bytes:
    """The certificate of the proof of ``goal``; ``statement`` is the sha256 of what it is about.

    The goal's conclusion, without its kind, is the relation to prove; its kind names the metric.
    """
    steps = graph.proof(goal, certifiable=True)
    ids = {step.claim: n for n, step in enumerate(steps)}
    derivations = [
        {
            "id": n,
            "rule": step.rule.tag,
            "premises": [ids[premise] for premise in step.premises],
            "advice": step.rule.encode(step.advice),
            "conclusion": graph.claim(step.claim).conclusion(),
        }
        for n, step in enumerate(steps)
    ]
    conclusion = dict(graph.claim(goal).conclusion())
    relation = {"metric": conclusion.pop("kind"), **conclusion}
    text = canonical_json({"schema": SCHEMA, "relation": relation, "statement": statement, "derivations": derivations})
    return (text + "\n").encode("ascii")
