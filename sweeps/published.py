"""Published results, shipped as data with their provenance, and how a sweep compares with them.

``published.json``: group means over many networks, by the network's sizes; and for networks whose weights are public,
by the statement's hash, the reference implementation's own count of every configuration (a CSV file each).
"""

from __future__ import annotations

import csv
import json
import statistics
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from typing import Any

from .curve import Curve
from .selection import FAMILY, published
from .storage import Row

# The rules of the reference implementation by which a configuration's second part goes: the first is not sound.
AVERAGING = "mean"


@dataclass(frozen=True)
class Legend:
    """Group -> "mean±deviation" over ``networks`` networks (None: their number is not published)."""

    networks: int | None
    groups: dict[str, str]


@dataclass(frozen=True)
class Reference:
    """One configuration's count by the reference implementation."""

    count: int
    cells: int | None


@dataclass(frozen=True)
class Line:
    """Our row, the reference's count (None: it was not run), and why ours is lower, if it is."""

    row: Row
    reference: int | None
    reason: str

    @property
    def lower(self) -> bool:
        return self.reference is not None and self.row.right_low < self.reference


@dataclass(frozen=True)
class Comparison:
    """The published strategies on weights that the reference implementation was run on, its best rows first."""

    name: str
    note: str
    lines: tuple[Line, ...]


def _read(name: str) -> str:
    return files(__name__.rpartition(".")[0]).joinpath(name).read_text("utf-8")


def _data() -> dict[str, Any]:
    return json.loads(_read("published.json"))


def legend(n_ctx: int, d_vocab: int) -> Legend | None:
    """The published table for networks of these sizes."""
    for entry in _data()["legends"]:
        if (entry["n_ctx"], entry["d_vocab"]) == (n_ctx, d_vocab):
            return Legend(entry["networks"], entry["groups"])
    return None


def _records(network: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(_read(network["file"]))))


def references(network: dict[str, Any]) -> dict[str, Reference]:
    """Strategy -> what the reference implementation got."""
    found = {name: Reference(count, None) for name, count in network["others"].items()}
    for record in _records(network):
        name = f"{FAMILY}/{record['configuration']}"
        found[name] = Reference(int(record["count"]), int(record["certified_cells"]))
    return found


def compare(curve: Curve) -> Comparison | None:
    """Row by row beside the reference implementation; None for weights on which it was not run."""
    statement = curve.rows[0].statement
    network = next((entry for entry in _data()["networks"] if entry["statement"] == statement), None)
    if network is None:
        return None
    known = references(network)
    wanted = set(published())
    rows = [row for row in curve.rows + curve.refused if row.strategy in wanted]
    lines = [_line(row, known.get(row.strategy)) for row in rows]
    lines.sort(key=lambda line: -1 if line.reference is None else line.reference, reverse=True)
    return Comparison(network["name"], network["note"], tuple(lines))


def _line(row: Row, reference: Reference | None) -> Line:
    if reference is None:
        return Line(row, None, "")
    return Line(row, reference.count, _why_lower(row, reference) if row.right_low < reference.count else "")


def _why_lower(row: Row, reference: Reference) -> str:
    reasons = [row.reason] if row.reason else []
    if row.off:
        reasons.append(f"{', '.join(row.off)} off")
    if row.cells is not None and reference.cells is not None:
        more = reference.cells - row.cells
        if more > 0 and row.strategy.split("/")[2] == AVERAGING:
            reasons.append(f"its averaging rule, which is not sound, certifies {more} cells more")
        elif more > 0:
            reasons.append(f"it certifies {more} cells more")
        else:
            reasons.append(f"{-more} more cells here, of smaller reach")
    return "; ".join(reasons) or "not known"


def published_seconds() -> tuple[str, float, float]:
    """Network, and the reference's median seconds for a search and for a verification of one configuration, on
    another machine."""
    network = _data()["networks"][0]
    columns = ([float(record[name]) for record in _records(network)] for name in ("search_seconds", "verify_seconds"))
    search, verify = map(statistics.median, columns)
    return network["name"], search, verify
