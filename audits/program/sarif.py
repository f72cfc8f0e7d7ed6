"""An audit of a program as SARIF 2.1.0: each finding with file, line, region and the stack that led to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..reporting import SCHEMA
from .places import Place
from .record import LEAVING_OPEN, MEANING, Finding, Kind
from .report import TRUSTED
from .verdict import Report

NOTES = {Kind.literal, Kind.advice, Kind.line_loss}


def level(kind: Kind) -> str:
    return "error" if kind in LEAVING_OPEN or kind is Kind.refused else "note" if kind in NOTES else "warning"


def location(place: Place) -> dict[str, Any]:
    """The text of a line; columns count from 1, the last one is exclusive."""
    start, end = place.columns
    uri = Path(os.path.relpath(place.file)).as_posix() if place.file else "result"
    region = {"startLine": max(place.line, 1), "startColumn": start, "endColumn": max(end, start)}
    if place.source:
        region["snippet"] = {"text": place.source}  # type: ignore[assignment]
    found: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    if place.function:
        found["logicalLocations"] = [{"name": place.function}]
    return found


def sarif(report: Report, version: str) -> dict[str, Any]:
    """One result for each finding, one for the line that loses most, and the verdict with what is trusted."""
    findings = [*report.findings, *_loss(report)]
    kinds = sorted({finding.kind for finding in findings}, key=list(Kind).index)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mechproof",
                        "version": version,
                        "rules": [
                            {
                                "id": str(kind),
                                "shortDescription": {"text": MEANING[kind]},
                                "defaultConfiguration": {"level": level(kind)},
                            }
                            for kind in kinds
                        ],
                    }
                },
                "properties": {
                    "verdict": str(report.verdict),
                    "sentence": report.sentence(),
                    "exactly": report.exactly(),
                    "trusted": list(TRUSTED),
                },
                "results": [_result(finding, kinds) for finding in findings],
            }
        ],
    }


def _result(finding: Finding, kinds: list[Kind]) -> dict[str, Any]:
    text = f"{finding.operation}, {finding.often}. {finding.example}".strip()
    return {
        "ruleId": str(finding.kind),
        "ruleIndex": kinds.index(finding.kind),
        "level": level(finding.kind),
        "message": {"text": text},
        "occurrenceCount": max(finding.count, 1),
        "locations": [location(finding.place)],
        "relatedLocations": [location(place) for place in finding.stack[1:]],
    }


def _loss(report: Report) -> list[Finding]:
    if not report.observed.errors:
        return []
    if report.blame:
        place, size = report.blame[0]
        return [Finding(Kind.line_loss, place, (place,), "in floats alone", 1, f"moves the result by {size:.3g}")]
    place, (size, name) = max(report.observed.errors.items(), key=lambda item: item[1][0])
    return [Finding(Kind.line_loss, place, (place,), name, 1, f"largest error {size:.3g}")]
