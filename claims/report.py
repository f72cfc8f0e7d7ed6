"""Verdicts as a report: lines for people and scripts, transcript and certificates on disk."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from ..engine.digest import digest
from ..engine.files import atomic_write, make_folder
from ..engine.transcript import (
    Block,
    Code,
    CodeBlock,
    Document,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
    paragraph,
    prose,
    write,
)
from ..rewrites.provenance import Provenance
from .files import ClaimFile, StatedClaim
from .latex import values_file
from .session import Session, Verdict

# The verdict about a claim that means nothing, or nothing about these weights.
ERROR = "ERROR"
# Where certificates of verdicts go, beside the transcript.
FOLDER = "certificates"
# So many characters of a claim's hash tell it from all others.
CITED = 12


@dataclass(frozen=True)
class Result:
    """A claim with its verdict, and the session in whose graph the verdict was derived; None where there is no network
    that it could be about.

    ``sha256``: of the claim, see :meth:`.session.Session.cited`; empty where statement or weights were not read.
    """

    claim: StatedClaim
    verdict: Verdict
    session: Session | None
    sha256: str = ""

    @property
    def line(self) -> str:
        """Status, id and detail; where the file says what to expect, whether that came out; the name to cite."""
        remark = self.claim.expect and f"[{'as expected' if self.as_expected else f'expected {self.claim.expect}'}]"
        cited = self.sha256 and f"claim:{self.sha256[:CITED]}"
        parts = self.verdict.status, self.claim.id, self.verdict.detail, remark, cited
        return "  ".join(filter(None, parts))

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one its author expects: PROVED unless the file says otherwise."""
        return self.verdict.status == (self.claim.expect or "PROVED")

    def as_json(self) -> dict[str, Any]:
        """Numbers as exact fractions, in text."""
        claim, verdict = self.claim, self.verdict
        given = {key: getattr(claim, key) for key in ("text", "where", "expect", "reason") if getattr(claim, key)}
        numbers = [{"of": m.text, "low": str(m.low), "high": str(m.high), "shown": str(m)} for m in verdict.measured]
        return {
            "id": claim.id,
            "status": verdict.status,
            "as_expected": self.as_expected,
            "detail": verdict.detail,
            "statement": claim.source,
            "sha256": self.sha256,
            **given,
            "numbers": numbers,
        }


@dataclass(frozen=True)
class Report:
    """All verdicts of one file."""

    file: ClaimFile
    results: tuple[Result, ...]
    provenance: Provenance

    @property
    def proved(self) -> bool:
        return all(result.verdict.status == "PROVED" for result in self.results)

    @property
    def sha256(self) -> str:
        """Of the weights, what is claimed of them, and what came out: another report has another hash."""
        weights = [one.sha256 for one in self.provenance.weights]
        return digest([weights, [[result.claim.source, result.line] for result in self.results]])

    @property
    def exit_code(self) -> int:
        """0 if every verdict is the expected one, 2 if a claim means nothing about its weights, else 1."""
        if any(result.verdict.status == ERROR for result in self.results):
            return 2
        return 0 if all(result.as_expected for result in self.results) else 1

    @property
    def summary(self) -> str:
        counts = Counter(result.verdict.status for result in self.results)
        return ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))

    def as_json(self) -> dict[str, Any]:
        return {
            "status": "PROVED" if self.proved else "NOT ESTABLISHED" if self.exit_code else "AS EXPECTED",
            "file": self.file.name,
            "provenance": self.provenance.as_json(),
            "warnings": list(self.file.warnings),
            "claims": [result.as_json() for result in self.results],
        }

    @cached_property
    def _certificates(self) -> dict[int, bytes]:
        """By the number of the claim."""
        settled = {n: (r.session, r.verdict) for n, r in enumerate(self.results)}
        found = {n: session.certificate(verdict) for n, (session, verdict) in settled.items() if session is not None}
        return {n: certificate for n, certificate in found.items() if certificate is not None}

    def _name(self, place: int) -> str:
        return f"{place + 1:03d}-{re.sub(r'[^A-Za-z0-9.-]', '_', self.results[place].claim.id)}.json"

    def write(self, directory: Path) -> list[Path]:
        """The transcript, the certificates of verdicts, and the accuracy and loss that they rest on: certificate and
        transcript of each in a folder of its own."""
        folder = make_folder(directory)
        written = write(self.transcript(), folder, "claims")
        for place, certificate in self._certificates.items():
            target = make_folder(folder.joinpath(FOLDER)).joinpath(self._name(place))
            atomic_write(target, certificate)
            written.append(target)
        told: set[bytes] = set()
        for result in self.results:
            for proof in result.verdict.proofs:
                if proof.certificate not in told:
                    told.add(proof.certificate)
                    written += proof.write(folder.joinpath(f"{proof.theorem.kind}-{len(told)}"), "summary")
        return written

    def values(self) -> str:
        """The macros for a paper, see :func:`.latex.values_file`."""
        found: list[tuple[StatedClaim, str, tuple[Fraction, Fraction] | None]] = []
        for result in self.results:
            measured = result.verdict.measured
            bounds = (measured[0].low, measured[0].high) if len(measured) == 1 else None
            found.append((result.claim, result.verdict.status, bounds))
        return values_file(found)

    def transcript(self) -> Document:
        """What was claimed, what the weights give, and by which rules that was concluded."""
        header = tuple(prose(text) for text in ("claim", "where", "verdict", "what the weights give"))
        rows = tuple(
            ((Code(r.claim.id),), (Text(r.claim.where),), (Text(r.verdict.status),), (Text(r.verdict.detail),))
            for r in self.results
        )
        opening = paragraph(
            "Each statement is about the stored weights, read as exact numbers. PROVED and REFUTED rest on exact "
            "arithmetic and on enclosures that are rounded outward; UNDECIDED claims nothing. A number that ends in … "
            "is cut off, not rounded. ERROR is a claim that means nothing about its weights, or whose weights cannot "
            "be read."
        )
        unread = tuple(Paragraph((Strong((Text("Not read. "),)), Text(f"{text}."))) for text in self.file.warnings)
        definitions = tuple(CodeBlock(f"{name} = {text}") for name, text in self.file.definitions)
        sections = tuple(
            Section(result.claim.id, (*_told(result), *self._recheck(n))) for n, result in enumerate(self.results)
        )
        return Document(
            f"Claims of {self.file.name}",
            f"s {self.summary}",
            (opening, Table(header, rows), *unread, *definitions, *sections, self.provenance.section()),
        )

    def _recheck(self, place: int) -> tuple[Block, ...]:
        if place not in self._certificates:
            return ()
        weights = self.results[place].claim.model.name
        return (CodeBlock(f"mechproof check {FOLDER}/{self._name(place)} --weights {weights}"),)


def _told(result: Result) -> tuple[Block, ...]:
    claim, verdict = result.claim, result.verdict
    blocks: list[Block] = []
    if claim.text:
        blocks.append(Paragraph((Text(f"As stated: {claim.text}"),)))
    blocks += [
        CodeBlock(claim.source),
        Paragraph((Strong((Text(verdict.status),)), Text(f". {verdict.detail}" if verdict.detail else "."))),
    ]
    if result.sha256:
        blocks.append(Paragraph((Text("This claim is "), Code(f"sha256:{result.sha256}"), Text("."))))
    if result.session is not None and verdict.goal is not None:
        steps = result.session.graph.proof(verdict.goal)
        rules = [piece for step in steps for piece in (Code(step.rule.tag), Text(", "))][:-1]
        blocks.append(Paragraph((Text("Rules, in order: "), *rules, Text("."))))
    return tuple(blocks)
