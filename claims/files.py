"""Claim files: which statements are made about which weights.

A TOML file names a network and lists claims about it; paths are relative to the file::

    model = "weights.npz"                # or "zoo:max_of_4_v64_d32_seed50"
    task = "max-of-k"
    [[claim]]
    id = "tab2-row3"
    text = "EQKE is rank one up to noise"
    where = "Table 2"
    statement = "sigma(EQKE, 1) / sigma(EQKE, 2) >= 250"

A ``[[table]]`` makes every cell a claim (``id``, ``rows``, ``columns``, ``cells`` and a ``statement`` with {row},
{column} and {cell}).  A claim may have its own ``model``, ``task`` and ``config`` (TransformerLens configuration keys
as JSON, or a network file that says what the model's tensors do), and ``expect`` (the verdict that its author knows it
to get) with a ``reason``.  A table ``[define]`` gives names to expressions, a table ``[split]`` names to files with the
indices of some inputs (train, test).
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..engine.errors import MechproofError, describe
from ..engine.files import read_bytes
from ..models import DEFAULT_TASK, zoo
from .conditions import ALONE
from .errors import StatementError, UnknownName
from .facts import FACTS
from .functions import FUNCTIONS
from .names import check
from .spelling import Spelling
from .syntax import parse, parse_expression
from .tree import Expression, Statement
from .vocabulary import NAMES

MAX_FILE = 1 << 20
MAX_CLAIMS = 1000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
VERDICTS = ("PROVED", "REFUTED", "UNDECIDED")
_SHARED = ("model", "task", "config")
_OWN = ("id", "text", "where", "statement", "expect", "reason")


@dataclass(unsafe_hash=True)
class BadClaimFile(MechproofError):
    file: str
    expected: str
    found: str
    sentence = "{file}: expected {expected}, found {found}"


@dataclass(unsafe_hash=True)
class BadClaim(MechproofError):
    file: str
    claim: str
    problem: str
    sentence = "{file}: claim {claim}: {problem}"


@dataclass(frozen=True)
class StatedClaim:
    """One claim as its author states it; ``statement`` is parsed, ``source`` as written.

    A claim that cannot be read has no statement, and ``problem`` says why.
    """

    id: str
    source: str
    statement: Statement | None
    model: Path
    task: str = DEFAULT_TASK
    config: Path | None = None
    text: str = ""
    where: str = ""
    expect: str = ""
    reason: str = ""
    problem: str = ""
    splits: Mapping[str, Path] = field(default_factory=dict, hash=False, compare=False)
    models: Mapping[str, Path] = field(default_factory=dict, hash=False, compare=False)

    @property
    def named(self) -> dict[str, Path]:
        """Those of the models that the statement names, as in ``A.W_U``."""
        words = frozenset() if self.statement is None else self.statement.names
        return {label: path for label, path in self.models.items() if any(w.startswith(f"{label}.") for w in words)}


@dataclass(frozen=True)
class ClaimFile:
    """``definitions``: abbreviations with what they stand for, as written; ``warnings``: what was not read."""

    name: str
    claims: tuple[StatedClaim, ...]
    definitions: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    def only(self, ids: Collection[str]) -> ClaimFile:
        """The file with these claims alone, all where none is named; raises :class:`BadClaimFile` for an id that no
        claim has."""
        known = [claim.id for claim in self.claims]
        for name in ids:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise BadClaimFile(self.name, f"a claim of id {name!r}", f"none{hint}")
        return replace(self, claims=tuple(claim for claim in self.claims if not ids or claim.id in ids))


def stated(
    file: str,
    folders: Sequence[Path],
    settings: Mapping[str, Any],
    definitions: Mapping[str, Expression] = MappingProxyType({}),
    splits: Mapping[str, Path] = MappingProxyType({}),
    models: Mapping[str, str] = MappingProxyType({}),
) -> StatedClaim:
    """A claim from its keys, with its problem where they are missing, unknown or malformed; raises :class:`BadClaim`
    where it has no id to speak of it by."""
    name = settings.get("id")
    if not isinstance(name, str) or not name:
        raise BadClaim(file, "without id", f"expected a key 'id' with a text, found {name!r}")
    if not name.isprintable() or any(character.isspace() for character in name):
        raise BadClaim(file, name, "expected an id without spaces")
    texts = {key: value for key, value in settings.items() if isinstance(value, str)}
    source, model = texts.get("statement", ""), texts.get("model", "")
    statement, problem = None, _malformed(settings, models)
    path, paths = located(folders, model or next(iter(models.values()), "")), dict[str, Path]()
    config = located(folders, texts["config"]) if "config" in texts else None
    if not problem:
        try:
            statement = parse(of_models(source, models), definitions)
            paths = {label: _weights(folders, name) for label, name in models.items()}
            path = _weights(folders, model) if model else next(iter(paths.values()))
        except MechproofError as error:
            statement, problem = None, describe(error)
    claim = StatedClaim(
        name,
        source,
        statement,
        path,
        _task(folders, texts.get("task", DEFAULT_TASK)),
        config,
        **{key: texts.get(key, "") for key in ("text", "where", "expect", "reason")},
        problem=problem,
        splits=splits,
        models=paths,
    )
    if statement is not None and not model and not claim.named:
        labels = " or ".join(f"{label}.…" for label in paths)
        return replace(claim, statement=None, problem=f"expected a model in the statement ({labels}), found none")
    return claim


def _weights(folders: Sequence[Path], model: str) -> Path:
    return zoo.path(model.removeprefix("zoo:")) if model.startswith("zoo:") else located(folders, model)


def of_models(source: str, models: Collection[str]) -> str:
    """``A: W_U`` as ``A.W_U``, where A is one of these models.

    >>> of_models("norm(A: W_U - B: W_U) < 1 and W[A:2] < 3", ["A", "B"])
    'norm(A.W_U - B.W_U) < 1 and W[A:2] < 3'
    """
    labels = "|".join(map(re.escape, models))
    return re.sub(rf"\b({labels})\s*:\s*(?=[A-Za-z_])", r"\1.", source) if models else source


def located(folders: Sequence[Path], name: str) -> Path:
    """The file of this name in the first of the folders that has it; in the first, where none has."""
    paths = [folder.joinpath(name) for folder in folders]
    return next((path for path in paths if path.is_file()), paths[0])


def _task(folders: Sequence[Path], task: str) -> str:
    """The task with the file in it, a task file or one behind the colon, as a path from here."""
    name, colon, file = task.rpartition(":")
    found = located(folders, file) if file.endswith((".toml", ".npz")) else None
    return task if found is None or not found.is_file() else f"{name}{colon}{found}"


def _malformed(settings: Mapping[str, Any], models: Collection[str]) -> str:
    """What is wrong with the keys of a claim; empty for nothing."""
    for key, value in settings.items():
        if key not in (*_OWN, *_SHARED):
            near = difflib.get_close_matches(key, (*_OWN, *_SHARED), 1)
            return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        if not isinstance(value, str):
            return f"expected text for {key!r}, found {type(value).__name__}"
    for key in ("statement", "model"):
        if not settings.get(key) and not (key == "model" and models):
            return f"expected a key {key!r}, found none"
    if settings.get("expect") not in (None, *VERDICTS):
        return f"expected one of {', '.join(VERDICTS)} in 'expect', found {settings['expect']!r}"
    return ""


def defined(file: str, table: Any, models: Collection[str] = ()) -> dict[str, Expression]:
    """Abbreviations from a table of names and expressions; each may use those before it."""
    definitions: dict[str, Expression] = {}
    if not isinstance(table, dict):
        raise BadClaimFile(file, "a [define] table", "another kind of 'define'")
    for name, text in table.items():
        if not NAME.fullmatch(name) or name in (*NAMES, *FUNCTIONS, *FACTS, "tokens", "positions"):
            raise BadClaimFile(file, "new names in [define], of letters, digits and _", repr(name))
        if not isinstance(text, str):
            raise BadClaimFile(file, f"an expression as the definition of {name}", type(text).__name__)
        try:
            definitions[name] = parse_expression(of_models(text, models), definitions)
            with suppress(UnknownName):  # it may be a tensor's: whoever reads the weights finds out
                check(Spelling(lambda unknown: None).value(definitions[name])[0])
        except StatementError as error:
            raise BadClaimFile(file, f"an expression as the definition of {name}", describe(error)) from None
    return definitions


def _models(file: str, table: Any) -> dict[str, str]:
    """Names of models and where they are."""
    if not isinstance(table, dict):
        raise BadClaimFile(file, "a [models] table", "another kind of 'models'")
    for name, value in table.items():
        if not NAME.fullmatch(name) or name in NAMES:
            raise BadClaimFile(file, "names of models in [models], of letters, digits and _", repr(name))
        if not isinstance(value, str) or not value:
            raise BadClaimFile(file, f"the path of a file for the model {name}", type(value).__name__)
    return dict(table)


def _cells(file: str, table: Any) -> list[dict[str, Any]]:
    """The claims of a [[table]]: its statement for every cell, with {row}, {column} and {cell} put in; an empty cell
    claims nothing."""
    if not isinstance(table, dict) or not isinstance(table.get("id"), str) or not table["id"]:
        raise BadClaimFile(file, "[[table]] tables with an id", "another kind of 'table'")
    named = f"table {table['id']}: "
    rows, columns = (_texts(table.get(key)) for key in ("rows", "columns"))
    cells = [_texts(row) for row in table.get("cells", ()) if isinstance(row, list)]
    template = table.get("statement")
    if not rows or not columns or not isinstance(template, str):
        raise BadClaimFile(file, f"{named}rows and columns as lists of texts, and a statement", "others")
    if [len(row) for row in cells] != [len(columns)] * len(rows):
        raise BadClaimFile(file, f"{named}cells, {len(rows)} rows of {len(columns)} texts", "others")
    shared = {key: value for key, value in table.items() if key not in ("rows", "columns", "cells", "id", "statement")}
    found: list[dict[str, Any]] = []
    for i, (row, texts) in enumerate(zip(rows, cells, strict=True), 1):
        for j, (column, cell) in enumerate(zip(columns, texts, strict=True), 1):
            text = template.replace("{cell}", cell).replace("{row}", row).replace("{column}", column)
            own = {"where": f"row {row}, column {column}", "id": f"{table['id']}-{i}-{j}", "statement": text}
            found += [shared | own] if cell.strip() else []
    return found


def _texts(value: Any) -> list[str]:
    """A list of texts; empty for anything else."""
    return value if isinstance(value, list) and all(isinstance(text, str) for text in value) else []


def _splits(file: str, folders: Sequence[Path], table: Any) -> dict[str, Path]:
    """Names of splits and their files, relative to the claims."""
    if not isinstance(table, dict):
        raise BadClaimFile(file, "a [split] table", "another kind of 'split'")
    for name, value in table.items():
        if not NAME.fullmatch(name) or name in (*ALONE, "t", "and", "not"):
            raise BadClaimFile(file, "names of splits in [split], of letters, digits and _", repr(name))
        if not isinstance(value, str) or not value:
            raise BadClaimFile(file, f"the path of a file for the split {name}", type(value).__name__)
    return {name: located(folders, value) for name, value in table.items()}


def collected(file: str, claims: list[StatedClaim], definitions: tuple[tuple[str, str], ...] = ()) -> ClaimFile:
    """The file of these claims; raises :class:`BadClaimFile` for none, too many, or an id given twice."""
    if not 1 <= len(claims) <= MAX_CLAIMS:
        raise BadClaimFile(file, f"1 to {MAX_CLAIMS} claims", str(len(claims)))
    for name, times in Counter(claim.id for claim in claims).items():
        if times > 1:
            raise BadClaimFile(file, f"one claim of id {name!r}", str(times))
    return ClaimFile(file, tuple(claims), definitions)


def folders_of(path: Path, models: Path | None) -> list[Path]:
    """Where a claims file's other files are looked for."""
    return [path.parent] if models is None else [models, path.parent]


def read_toml(path: Path, models: Path | None = None) -> ClaimFile:
    """The claims in a TOML file, about models in its folder, or in ``models``; raises a
    :class:`~mechproof.engine.errors.MechproofError`."""
    file = path.name
    try:
        content = tomllib.loads(read_bytes(path, MAX_FILE).decode("utf-8"))
    except ValueError as error:  # of TOML, of UTF-8, or of an integer that Python takes for too long
        raise BadClaimFile(file, "a TOML file", str(error)) from None
    except RecursionError:
        raise BadClaimFile(file, "a TOML file", "values nested too deeply") from None
    tables, shorthand = content.pop("claim", []), content.pop("define", {})
    folders = folders_of(path, models)
    splits = _splits(file, folders, content.pop("split", {}))
    several = _models(file, content.pop("models", {}))
    definitions = defined(file, shorthand, several)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadClaimFile(file, "[[claim]] tables", "another kind of 'claim'")
    grids = content.pop("table", [])
    if not isinstance(grids, list):
        raise BadClaimFile(file, "[[table]] tables", "another kind of 'table'")
    cells = [claim for grid in grids for claim in _cells(file, grid)]
    for key in content:
        if key not in _SHARED:
            near = difflib.get_close_matches(key, _SHARED, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise BadClaimFile(file, f"only the keys {', '.join(_SHARED)} before the claims", f"{key!r}{hint}")
    claims = [stated(file, folders, content | table, definitions, splits, several) for table in (*tables, *cells)]
    return collected(file, claims, tuple(shorthand.items()))
