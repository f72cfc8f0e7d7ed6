"""Certificates of logit gaps, and changes to them that an auditor must notice."""

from __future__ import annotations

import base64
import itertools
import json
import struct
from typing import Any

from mechproof.engine.certificate import emit
from mechproof.engine.graph import ProofGraph
from mechproof.models.problem import problem
from mechproof.models.weights import load
from mechproof.rewrites.rules.accuracy import AccuracyFromCount
from mechproof.rewrites.rules.additive_margin import AdditiveMarginRule
from mechproof.rewrites.rules.gap_count import GapCount
from mechproof.rewrites.rules.logit_gap import LogitGap
from mechproof.rewrites.rules.network_definition import NetworkDefinition
from mechproof.rewrites.rules.path_decomposition import PathDecomposition
from mechproof.rewrites.strategies.splits.common import Workbench

RANGE = "attention_range/1"


def made(emitter: Any, model: Any, folder: Any, method: Any) -> dict[str, Any]:
    """The prover's certificate by a method that needs the margin only."""
    statement = problem(load(emitter.write(model, folder)), "max-of-k")
    graph = ProofGraph()
    paths = graph.apply(PathDecomposition(), [graph.apply(NetworkDefinition(), (), statement)])
    bench = Workbench.of(graph, paths, any_row=True)
    margin = graph.apply(AdditiveMarginRule(), [paths])
    (count,) = method.attempts(bench, None, [margin])
    if method.kind is LogitGap:
        count = graph.apply(GapCount(), [count], 1)
    goal = graph.apply(AccuracyFromCount(), [count])
    return json.loads(emit(graph, goal, statement.sha256))


def gap(certificate: Any) -> Any:
    """The derivation that certifies cells."""
    return next(d for d in certificate["derivations"] if "certified" in d["conclusion"])


def ranges(certificate: Any) -> Any:
    """The derivation with the reaches."""
    return next(d for d in certificate["derivations"] if d["rule"] == RANGE)


def claim(certificate: Any, low: int) -> None:
    """State another count wherever one is stated."""
    for stated in (certificate["relation"], *(d["conclusion"] for d in certificate["derivations"])):
        if "right_low" in stated:
            stated["right_low"] = hex(low)


def reaches(certificate: Any) -> list[int]:
    """j + 1 by cell."""
    data = base64.b64decode(ranges(certificate)["advice"]["reach"])
    return list(struct.unpack(f">{len(data) // 2}H", data))


def certify(certificate: Any, model: Any, cell: tuple[int, int, int], reach: int | None) -> None:
    """Set the bit of one cell, treated up to a reach."""
    q, m, c = cell
    index = (q * model.V + m) * model.K + c
    stated, step = gap(certificate)["conclusion"], ranges(certificate)
    stated["certified"] = hex(int(stated["certified"], 16) | 1 << model.V**2 * model.K - 1 - index)
    if reach is not None:
        table = reaches(certificate)
        table[index] = reach + 1
        step["advice"]["reach"] = base64.b64encode(struct.pack(f">{len(table)}H", *table)).decode()
        step["conclusion"]["cells"] = sum(map(bool, table))


def certified(certificate: Any, model: Any) -> list[tuple[int, int, int]]:
    """The cells whose bits are set."""
    cells = list(itertools.product(range(model.V), range(model.V), range(model.K)))
    bits = int(gap(certificate)["conclusion"]["certified"], 16)
    return [cell for place, cell in enumerate(reversed(cells)) if bits >> place & 1]


def within(model: Any, q: int, m: int, c: int, j: int) -> list[tuple[int, ...]]:
    """The sequences of a cell within a reach."""
    free = itertools.product([*range(j + 1), m] if c else [m], repeat=model.K - 1)
    return [(*s, q) for s in free if sum(t != m for t in (*s, q)) == c]
