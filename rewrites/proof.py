"""A proof as users hold it: the theorem, the graph behind it, the certificate and the transcript."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from ..engine.certificate import emit
from ..engine.files import atomic_write, make_folder
from ..engine.graph import ProofGraph
from ..engine.transcript import Document, write
from ..models.statement import Statement
from . import exposition
from .rules.accuracy import Accuracy
from .strategies import DEFAULT, DEFAULTS, Options, Progress, prove_accuracy, silent


@dataclass(frozen=True)
class Proof:
    """What was proved of ``name``.  In a notebook it shows its transcript."""

    name: str
    graph: ProofGraph
    goal: int

    @property
    def theorem(self) -> Accuracy:
        return self.graph.claim(self.goal)

    @property
    def status(self) -> str:
        """PROVED, or CONDITIONAL for what rests on an assumption."""
        return exposition.status(self.graph, self.goal)

    @property
    def verdict(self) -> str:
        """The line that scripts look for; what rests on an assumption is CONDITIONAL, never PROVED."""
        return exposition.verdict(self.graph, self.goal)

    @cached_property
    def certificate(self) -> bytes:
        return emit(self.graph, self.goal, self.theorem.statement.sha256)

    def transcript(self, detail: str = "appendix") -> Document:
        """``detail``: summary (no proofs of lemmas), appendix, or full (all cells that are not right throughout)."""
        return exposition.transcript(self.graph, self.goal, self.name, detail)

    def write(self, directory: str | PathLike[str], detail: str = "appendix") -> list[Path]:
        """Certificate and transcript into ``directory``; every file is whole or not there."""
        certificate, document = self.certificate, self.transcript(detail)
        folder = make_folder(directory)
        target = folder / "certificate.json"
        atomic_write(target, certificate)
        return [target, *write(document, folder, "transcript")]

    def _repr_html_(self) -> str:
        return self.transcript()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.transcript()._repr_markdown_()

    def summary(self) -> dict[str, Any]:
        """The result as plain data, for ``--json``."""
        theorem = self.theorem
        return {
            "status": self.status,
            "metric": theorem.kind,
            "right_low": theorem.low,
            "right_high": theorem.high,
            "inputs": theorem.inputs,
            "relation": theorem.relation(),
            "sha256": theorem.statement.sha256,
        }


def prove(
    statement: Statement, name: str, strategy: str = DEFAULT, options: Options = DEFAULTS, progress: Progress = silent
) -> Proof:
    """Prove the accuracy of the statement's network by a named strategy."""
    return Proof(name, *prove_accuracy(statement, strategy, options, progress))
