"""The finished blocks of a run in one SQLite file, so that a stopped run goes on where it was.

A file belongs to one statement and one way of cutting and evaluating blocks; a block is there, whole, as soon as it is
decided.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.errors import MechproofError
from .outcome import Loss, Margin, Outcome

# "mpen" in the file's header, and the version of what a block holds and how it is decided
APPLICATION, SCHEMA = 0x6D70656E, 2
PATIENCE_SECONDS = 30


@dataclass(unsafe_hash=True)
class RunFileUnusable(MechproofError):
    """The file is damaged, locked, another program's, or of another run; ``reason`` says which."""

    file: str
    reason: str
    sentence = "{file}: expected the finished blocks of this very run, found: {reason}; remove it or name another file"


class Blocks:
    """The blocks in the file at ``path``, which is made if it is not there; ``run`` says what run it is.

    Every method raises :class:`RunFileUnusable`.
    """

    def __init__(self, path: str | os.PathLike[str], run: str) -> None:
        self.path = os.fspath(path)
        try:
            self._connection = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS)
        except sqlite3.Error as error:
            raise RunFileUnusable(self.path, str(error)) from None
        try:
            self._open(run)
        except BaseException:
            self.close()
            raise

    def _open(self, run: str) -> None:
        ((tables,),) = self._do("SELECT count(*) FROM sqlite_master")
        if not tables:
            self._do(f"PRAGMA application_id = {APPLICATION}")
            self._do(f"PRAGMA user_version = {SCHEMA}")
            self._do("CREATE TABLE run (name TEXT NOT NULL)")
            self._do("CREATE TABLE blocks (number INTEGER PRIMARY KEY, verdicts BLOB NOT NULL, rest TEXT NOT NULL)")
            self._do("INSERT INTO run VALUES (?)", (run,))
        ((application,),) = self._do("PRAGMA application_id")
        ((schema,),) = self._do("PRAGMA user_version")
        if (application, schema) != (APPLICATION, SCHEMA):
            raise RunFileUnusable(self.path, "another program's file, or another version's")
        found = self._do("SELECT name FROM run")
        if found != [(run,)]:
            raise RunFileUnusable(self.path, "blocks of another network, task or precision")

    def _do(self, command: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._connection:
                return self._connection.execute(command, values).fetchall()
        except sqlite3.Error as error:
            raise RunFileUnusable(self.path, str(error)) from None

    def add(self, outcome: Outcome) -> None:
        """Commit one block."""
        rest = json.dumps(
            {
                "shape": outcome.verdicts.shape,
                "margin": None if outcome.margin is None else asdict(outcome.margin),
                "loss": None if outcome.loss is None else asdict(outcome.loss),
                "stages": dict(outcome.stages),
                "probability": None if outcome.probability is None else asdict(outcome.probability),
            },
            default=str,
        )
        values = outcome.number, outcome.verdicts.tobytes(), rest
        self._do("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", values)

    def __iter__(self) -> Iterator[Outcome]:
        """All blocks that are there, in order."""
        for number, verdicts, rest in self._do("SELECT number, verdicts, rest FROM blocks ORDER BY number"):
            try:
                yield _outcome(number, verdicts, json.loads(rest))
            except (ValueError, TypeError, KeyError) as error:
                raise RunFileUnusable(self.path, f"block {number} is damaged ({error})") from None

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Blocks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _outcome(number: int, verdicts: bytes, rest: dict[str, Any]) -> Outcome:
    margin = rest["margin"]
    if margin is not None:
        lower, upper = (None if margin[end] is None else Fraction(margin[end]) for end in ("lower", "upper"))
        margin = Margin(lower, upper, tuple(margin["tokens"]), margin["position"])
    loss, probability = (
        None if found is None else Loss(Fraction(found["lower"]), Fraction(found["upper"]))
        for found in (rest["loss"], rest["probability"])
    )
    table = np.frombuffer(verdicts, dtype=np.uint8).reshape(rest["shape"])
    return Outcome(number, table, margin, loss, rest["stages"], probability)
