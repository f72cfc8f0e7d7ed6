"""An audit of a program as lines for a terminal, as a transcript that quotes its lines, and as JSON."""

from __future__ import annotations

import linecache
from math import isfinite
from typing import Any

from ...engine.transcript import Block, Code, Document, Listing, Paragraph, Prose, Section, Strong, Text
from ...engine.transcript import Table as DocumentTable
from .places import Place
from .record import MEANING, Finding, Record
from .verdict import Report, Verdict

TRUSTED = (
    "doubles of IEEE 754, rounded to nearest, with subnormals (tested at the start)",
    "Arb",
    "a float64 matrix product sums integers below 2^53 exactly, in any order (no Strassen, no reduced precision)",
    "torch's schemas of what aliases and what is written",
    "literals, and what Python and numpy compute of whole numbers alone (math.sqrt(d), n / 3), as the doubles they are",
)
MEANINGS = {
    Verdict.holds: "the bound is implied by what the program computes in exact arithmetic, and nothing is open",
    Verdict.widened: "the number is not implied, and the one beside it is",
    Verdict.not_implied: "a condition, choice, escape, assertion or something that is no number lies under the result",
    Verdict.false: "the truth contradicts the bound",
    Verdict.refused: "the program does something that audits have no rule for",
}
COLUMNS = ("line", "what", "times", "worst example")
BLAME = "How far the result moves where one line alone is done in floats"
LOSSES = ("line", "largest error", "in")
AROUND = 1
LARGEST = 8


def lines(report: Report) -> list[str]:
    """For a terminal."""
    found = [_heading(report), ""]
    for finding in report.findings:
        found.append(
            f"{finding.kind} at {finding.place}, {finding.often}: {finding.operation} {finding.example}".rstrip()
        )
        found += [f"    {text}" for text in _quoted(finding.place)]
    if report.blame:
        found += ["", BLAME.lower() + ":"]
        found += [f"    {place}  {size:.3g}: {place.source}" for place, size in report.blame[:LARGEST]]
    losses = _losses(report.observed)
    if losses:
        found += ["", "largest errors by line:"]
        found += [f"    {place}  {size:.3g} in {name}: {place.source}" for place, (size, name) in losses]
    kinds = dict.fromkeys(finding.kind for finding in report.findings)
    found += ["", *(f"{kind} means: {MEANING[kind]}" for kind in kinds)]
    found += [f"{report.verdict} means: {MEANINGS[report.verdict]}"]
    return [*found, _counts(report), report.exactly(), report.sentence()]


def _heading(report: Report) -> str:
    return f"audit of {report.program}"


def _counts(report: Report) -> str:
    one, times = report.observed, report.overhead
    slower = f"{times:.0f} times the program's time" if isfinite(times) else "the program's time is too short to tell"
    return (
        f"{one.calls} calls, {len(one.operations)} operations, {one.compared} comparisons: {one.flipped} flipped, "
        f"{one.undecided} undecided at first; decided in {report.precision}; {slower}"
    )


def _losses(record: Record) -> list[tuple[Place, tuple[float, str]]]:
    return sorted(record.errors.items(), key=lambda item: -item[1][0])[:LARGEST]


def _quoted(place: Place) -> list[str]:
    """The line with those around it, numbered."""
    if not place.source:
        return []
    every = [
        (number, linecache.getline(place.file, number))
        for number in range(place.line - AROUND, place.line + AROUND + 1)
    ]
    return [f"{'>' if number == place.line else ' '} {number:4d}  {text.rstrip()}" for number, text in every if text]


def document(report: Report) -> Document:
    """The transcript."""
    blocks: list[Block] = [
        _paragraph(report.exactly()),
        _paragraph(_counts(report)),
        DocumentTable(_cells(COLUMNS), tuple(_cells(_row(finding)) for finding in report.findings)),
    ]
    blocks += [_section(finding) for finding in report.findings]
    losses = tuple(_cells((str(place), f"{size:.3g}", name)) for place, (size, name) in _losses(report.observed))
    if report.blame:
        moves = tuple(_cells((str(place), f"{size:.3g}")) for place, size in report.blame[:LARGEST])
        blocks.append(Section(BLAME, (DocumentTable(_cells(("line", "moves it by")), moves),)))
    blocks.append(Section("Largest errors by line", (DocumentTable(_cells(LOSSES), losses),)))
    words = [(str(kind), MEANING[kind]) for kind in dict.fromkeys(finding.kind for finding in report.findings)]
    words += [(str(verdict), meaning) for verdict, meaning in MEANINGS.items()]
    blocks.append(Section("What the words mean", (Listing(tuple((_word(word, text),) for word, text in words)),)))
    trusted = Listing(tuple((_paragraph(text),) for text in TRUSTED))
    blocks.append(
        Section("What is trusted", (trusted, _paragraph("This is one run; other orders of sums are other runs.")))
    )
    return Document(f"Audit of {report.program}", report.sentence(), tuple(blocks))


def _row(finding: Finding) -> tuple[str, ...]:
    return str(finding.place), str(finding.kind), str(finding.count), finding.example or finding.operation


def _section(finding: Finding) -> Section:
    quoted = tuple((Paragraph((Code(text),)),) for text in _quoted(finding.place))
    blocks: list[Block] = [_paragraph(f"{finding.operation}, {finding.often}. {finding.example}".strip())]
    blocks += [Listing(quoted)] if quoted else []
    if len(finding.stack) > 1:
        blocks.append(_paragraph("Called from " + ", ".join(map(str, finding.stack[1:])) + "."))
    return Section(f"{finding.kind} at {finding.place}", tuple(blocks))


def _paragraph(text: str) -> Paragraph:
    return Paragraph((Text(text),))


def _word(word: str, text: str) -> Paragraph:
    return Paragraph((Strong((Text(word),)), Text(f": {text}")))


def _cells(row: tuple[str, ...]) -> tuple[Prose, ...]:
    return tuple((Code(cell) if place == 0 else Text(cell),) for place, cell in enumerate(row))


def as_json(report: Report) -> dict[str, Any]:
    """Numbers that JSON has no word for are null."""
    one = report.observed
    return {
        "program": report.program,
        "verdict": str(report.verdict),
        "sentence": report.sentence(),
        "exactly": report.exactly(),
        "side": "upper" if report.upper else "lower",
        "claimed": _finite(report.claimed),
        "low": _finite(report.low),
        "high": _finite(report.high),
        "calls": one.calls,
        "operations": dict(one.operations),
        "comparisons": one.compared,
        "flipped": one.flipped,
        "undecided": one.undecided,
        "precision": report.precision,
        "overhead": _finite(report.overhead),
        "findings": [
            {
                "kind": str(finding.kind),
                "file": finding.place.file,
                "line": finding.place.line,
                "operation": finding.operation,
                "count": finding.count,
                "example": finding.example,
            }
            for finding in report.findings
        ],
        "blame": [{"file": place.file, "line": place.line, "moves": size} for place, size in report.blame],
        "trusted": list(TRUSTED),
    }


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
