"""The wrong and the undecided inputs of an enumeration, as a file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ..engine.files import atomic_write
from .proof import Proof
from .rules.every_input import DecidedInputs


def write_wrong(proof: Proof, path: Path) -> Path:
    """A CSV file with a row for every wrong or undecided input: its tokens, the verdict, and at which read positions.

    Raises :class:`~mechproof.engine.files.CannotWrite`.
    """
    (decided,) = (
        claim
        for step in proof.graph.proof(proof.goal)
        if isinstance(claim := proof.graph.claim(step.claim), DecidedInputs)
    )
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    positions = decided.statement.task.positions
    rows.writerow([*(f"t{p}" for p in range(positions)), "verdict", "read positions"])
    for word, listed in (
        ("wrong", decided.decision.wrong_inputs()),
        ("undecided", decided.decision.undecided_inputs()),
    ):
        for tokens, reads in listed:
            rows.writerow([*tokens, word, " ".join(map(str, reads))])
    atomic_write(path, text.getvalue().encode())
    return path
