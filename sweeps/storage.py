"""The results of sweeps in one SQLite file: a row is there, whole, as soon as its proof is.

A row stands for one network (by its statement's hash), one strategy and the tightenings that were off.  It is current
while mechproof has its version and all rules of its proof have theirs; otherwise it is proved again and replaced.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from ..engine.errors import MechproofError
from ..engine.rule import Rule
from ..rewrites import rules

# "mpsw" in the file's header, and the version of the table's columns
APPLICATION, SCHEMA = 0x6D707377, 1
PATIENCE_SECONDS = 30


@dataclass(unsafe_hash=True)
class SweepFileUnusable(MechproofError):
    """The file is damaged, locked, or no SQLite file; ``reason`` in SQLite's words."""

    file: str
    reason: str
    sentence = "{file}: expected a file that mechproof sweep has written, found: {reason}"


@dataclass(unsafe_hash=True)
class NotASweepFile(MechproofError):
    file: str
    sentence = "{file}: expected a file that mechproof sweep has written, found another program's SQLite file"


@dataclass(unsafe_hash=True)
class OtherSweepFormat(MechproofError):
    file: str
    expected: int
    found: int
    sentence = "{file}: expected sweep format {expected}, found {found}; remove the file or choose another folder"


@dataclass(frozen=True)
class Row:
    """What one strategy proved of one network; ``reason`` says why it proved nothing, and is empty otherwise.

    ``right_low`` and ``right_high`` bound the right sequences of ``inputs``.  ``cells``: cells (q, m, c) that a
    sub-cubic proof certifies.  ``search_seconds``: until there was a proof, its rules included; ``verify_seconds``: its
    rules alone, once more.  ``memory_kib``: the process's peak in that time, the interpreter included (0: not known).
    """

    statement: str
    strategy: str
    off: tuple[str, ...]
    model: str
    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int
    inputs: int
    version: str
    reason: str = ""
    right_low: int = 0
    right_high: int = 0
    multiply: int = 0
    add: int = 0
    exp: int = 0
    compare: int = 0
    bits: int = 0
    order: str = ""
    dimension: int | None = None
    cells: int | None = None
    search_seconds: float = 0.0
    verify_seconds: float = 0.0
    memory_kib: int = 0
    rules: tuple[str, ...] = ()

    @property
    def operations(self) -> int:
        return self.multiply + self.add + self.exp + self.compare

    @property
    def proved(self) -> bool:
        return not self.reason

    @property
    def bound(self) -> Fraction:
        """At least this share of the inputs is right."""
        return Fraction(self.right_low, self.inputs)


class AnyRow(Protocol):
    """What a file of rows holds: a dataclass of numbers and texts, current by its version and rules."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def version(self) -> str: ...

    @property
    def rules(self) -> tuple[str, ...]: ...


Stored = TypeVar("Stored", bound=AnyRow)


def _read(kind: str, text: str) -> object:
    match kind:
        case "int":
            return int(text)
        case "int | None":
            return int(text) if text else None
        case "float":
            return float(text)
        case "tuple[str, ...]":
            return tuple(text.split())
    return text


def texts(row: AnyRow) -> dict[str, str]:
    """The row's fields as texts, for files: nothing for None, words for a tuple."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {
        name: " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        for name, value in values.items()
    }


def _row(kind: type[Stored], values: tuple[str, ...]) -> Stored:
    return kind(*(_read(str(field.type), text) for field, text in zip(fields(kind), values, strict=True)))


@cache
def _modules() -> None:
    for module in pkgutil.iter_modules(rules.__path__):
        importlib.import_module(f"{rules.__name__}.{module.name}")


def rule_tags() -> frozenset[str]:
    """Name and version of all rules that ship."""
    _modules()

    def below(kind: type[Rule]) -> Iterator[type[Rule]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    package = __name__.split(".")[0]
    own = (kind for kind in below(Rule) if kind.__module__.split(".")[0] == package and hasattr(kind, "name"))
    return frozenset(f"{kind.name}/{kind.version}" for kind in own)


class Store(Generic[Stored]):
    """Rows of one ``kind`` in the SQLite file at ``path``, which is made if it is not there; close it, or use it in
    ``with``.  Two rows of one ``key`` cannot stand beside each other.

    Every method raises :class:`SweepFileUnusable` when SQLite refuses.  Opening raises :class:`NotASweepFile` and
    :class:`OtherSweepFormat` as well.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        version: str,
        kind: type[Stored] = Row,
        key: str = "statement, strategy, off",
    ) -> None:
        self.path, self.version, self._kind, self._key = Path(path), version, kind, key
        columns = [field.name for field in fields(kind)]
        self._columns = ", ".join(f'"{name}"' for name in columns)
        self._insert = f"INSERT OR REPLACE INTO rows VALUES ({', '.join('?' for _ in columns)})"
        try:
            self._connection = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS)
        except sqlite3.Error as error:
            raise SweepFileUnusable(os.fspath(self.path), str(error)) from None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        ((tables,),) = self._run("SELECT count(*) FROM sqlite_master")
        ((application,),) = self._run("PRAGMA application_id")
        ((schema,),) = self._run("PRAGMA user_version")
        if not tables:
            self._create()
        elif application != APPLICATION:
            raise NotASweepFile(os.fspath(self.path))
        elif schema != SCHEMA:
            raise OtherSweepFormat(os.fspath(self.path), SCHEMA, schema)
        ((health,), *_) = self._run("PRAGMA quick_check")
        if health != "ok":
            raise SweepFileUnusable(os.fspath(self.path), health)

    def _create(self) -> None:
        texts_of = self._columns.replace(",", " TEXT NOT NULL,")
        table = f"CREATE TABLE rows ({texts_of} TEXT NOT NULL, PRIMARY KEY ({self._key}))"
        for command in (f"PRAGMA application_id = {APPLICATION}", f"PRAGMA user_version = {SCHEMA}", table):
            self._run(command)

    def _run(self, command: str, values: tuple[str, ...] = ()) -> list[tuple]:
        try:
            with self._connection:
                return self._connection.execute(command, values).fetchall()
        except sqlite3.Error as error:
            raise SweepFileUnusable(os.fspath(self.path), str(error)) from None

    def add(self, row: Stored) -> None:
        """Commit the row, in place of one of the same key."""
        self._run(self._insert, tuple(texts(row).values()))

    def rows(self, statement: str) -> list[Stored]:
        """All current rows of one network."""
        found = self._run(f"SELECT {self._columns} FROM rows WHERE statement = ?", (statement,))
        try:
            rows = [_row(self._kind, values) for values in found]
        except ValueError as error:
            raise SweepFileUnusable(os.fspath(self.path), str(error)) from None
        known = rule_tags()
        return [row for row in rows if row.version == self.version and known.issuperset(row.rules)]

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
