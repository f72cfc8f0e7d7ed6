"""Where a report comes from, so that it can be filed and made again: weights, versions, machine, assumptions.

Without a date, the same command on the same machine writes the same report.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..engine.files import FileUnreadable, reason
from ..engine.transcript import Code, Listing, Paragraph, Prose, Section, Text
from ..models.statement import Statement

PARTS = ("mechproof", "Python", "torch", "numpy", "python-flint")
CPU = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Weights:
    """A file with the hash of its bytes, and of the statement about it; ``statement`` is empty where there is none."""

    file: str
    sha256: str
    statement: str = ""

    @staticmethod
    def of(path: str | os.PathLike[str], statement: Statement | None) -> Weights:
        """The record of a file; raises :class:`~mechproof.engine.files.FileUnreadable`."""
        try:
            with open(path, "rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise FileUnreadable(os.fspath(path), reason(error)) from None
        return Weights(Path(path).name, digest, "" if statement is None else statement.sha256)


@dataclass(frozen=True)
class Provenance:
    """``threads``: how many torch uses, 0 where no float computation takes part; ``date`` is empty unless asked for."""

    weights: tuple[Weights, ...]
    assumptions: tuple[str, ...]
    versions: Mapping[str, str]
    machine: str
    processes: int = 1
    threads: int = 0
    date: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "versions": dict(self.versions)}

    def lines(self) -> list[str]:
        """For people, on a terminal."""
        return [f"{name}: {text}" for name, text in self._told()]

    def section(self) -> Section:
        """For a transcript."""
        return Section("Where this report comes from", (Listing(tuple((Paragraph(line),) for line in self._prose())),))

    def _prose(self) -> Iterable[Prose]:
        for name, text in self._told():
            yield (Text(f"{name}: "), Code(text)) if "sha256:" in text else (Text(f"{name}: {text}"),)

    def _told(self) -> list[tuple[str, str]]:
        told = []
        for one in self.weights:
            about = f" statement sha256:{one.statement}" if one.statement else ""
            told.append(("weights", f"{one.file} sha256:{one.sha256}{about}"))
        told.append(("made by", ", ".join(f"{name} {number}" for name, number in self.versions.items())))
        threads = f", {self.threads} torch thread{'s' * (self.threads > 1)}" if self.threads else ""
        told.append(("made on", f"{self.machine}; {self.processes} process{'es' * (self.processes > 1)}{threads}"))
        if self.date:
            told.append(("made at", self.date))
        return told + [("assumed", text) for text in self.assumptions]


def provenance(
    weights: Iterable[tuple[str | os.PathLike[str], Statement | None]], assumed: Iterable[str] = (), **how: Any
) -> Provenance:
    """Of a report about these files with their statements; ``how``: processes, threads, date."""
    pairs = list(weights)
    stated = [point for _, statement in pairs if statement is not None for point in statement.network.assumed]
    records = dict.fromkeys(Weights.of(path, statement) for path, statement in pairs)
    return Provenance(tuple(records), tuple(dict.fromkeys([*stated, *assumed])), versions(), machine(), **how)


def versions() -> dict[str, str]:
    """Of all that numbers may depend on; "not installed" for what is not there."""
    return {name: platform.python_version() if name == "Python" else _version(name) for name in PARTS}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def machine() -> str:
    """System, processor and cores."""
    names = [line.partition(":")[2].strip() for line in _cpu() if line.startswith("model name")]
    processor = f", {names[0]}" if names else ""
    return f"{platform.system()} {platform.machine()}{processor}, {os.cpu_count()} cores"


def _cpu() -> list[str]:
    try:
        return CPU.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
