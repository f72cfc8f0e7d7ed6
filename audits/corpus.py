"""Constructed networks on which a published float verification certifies something false, small and stored.

A corpus is a folder of npz files and ``corpus.json``: for each its verifier, what that claims, and what is true.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.files import atomic_write
from .attack import attacks
from .findings import BoundAudit, CellFinding, Kind, Verdict
from .runs import PUBLISHED
from .session import Session
from .verifiers import Verifier

LIST = "corpus.json"


def construct(verifiers: Sequence[Verifier], folder: Path) -> Iterator[Path]:
    """Attack each verifier; keep what an audit calls FALSE, and write the list at the end.  Yields the files."""
    entries = []
    for verifier in verifiers:
        for attack in attacks(verifier):
            buffer = io.BytesIO()
            np.savez(buffer, **attack.weights)  # type: ignore[arg-type]
            path = folder / f"{verifier.name.replace('/', '-')}-{attack.kind}.npz"
            atomic_write(path, buffer.getvalue())
            (bound,) = Session(path).audit(verifier, (PUBLISHED,)).bounds
            if bound.verdict is Verdict.false:
                entries.append(entry(path.name, bound))
                yield path
            else:
                path.unlink()
    atomic_write(folder / LIST, (json.dumps(entries, indent=1) + "\n").encode())
    yield folder / LIST


def entry(file: str, bound: BoundAudit) -> dict[str, Any]:
    """What the corpus says about one network: verifier, claim, truth."""
    worst = bound.false[0]
    return {
        "weights": file,
        "verifier": bound.verifier,
        "claim": f"{_which(bound.kind, worst)} is right: the largest wrong logit is at most {worst.claimed!r}",
        "truth": worst.witness and worst.witness.as_json(),
        "count": bound.count,
        "right": bound.truth,
        "inputs": bound.inputs,
    }


def _which(kind: Kind, found: CellFinding) -> str:
    match kind, found.cell:
        case Kind.sequence, tokens:
            return f"the sequence {tokens}"
        case Kind.cubic, (q, m, k, c):
            others = f"{c} tokens {k}" if c else "no other token"
            return f"every sequence with query {q}, maximum {m} and {others} before the query"
        case Kind.sub_cubic, (q, m, c) if c:
            return (
                f"every sequence with query {q}, maximum {m} and {c} other tokens, none above {m - (found.gap or 0)},"
            )
        case _, (q, m, *_):
            return f"every sequence with query {q}, maximum {m} and no other token"
    raise AssertionError(kind)
