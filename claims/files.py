"""Claim files: which statements are made about which weights.

A TOML file names a network and lists claims about it; paths are relative to the file::

    model = "weights.npz"                # or "zoo:max_of_4_v64_d32_seed50"
    task = "max-of-k"
    [[claim]]
    id = "tab2-row3"
    text = "EQKE is rank one up to noise"
    where = "Table 2"
    statement = "sigma(EQKE, 1) / sigma(EQKE, 2) >= 250"

A claim may have its own ``model``, ``task`` and ``config`` (TransformerLens configuration keys as JSON), and ``expect``
(the verdict that its author knows it to get) with a ``reason``.  A table ``[define]`` gives names to expressions.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..engine.errors import MechproofError, describe
from ..engine.files import read_bytes
from ..models import DEFAULT_TASK, zoo
from .errors import StatementError
from .facts import FACTS
from .functions import FUNCTIONS
from .names import check
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
    """One claim as its author states it; ``statement`` is parsed, ``source`` as written."""

    id: str
    source: str
    statement: Statement
    model: Path
    task: str = DEFAULT_TASK
    config: Path | None = None
    text: str = ""
    where: str = ""
    expect: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ClaimFile:
    """``definitions``: abbreviations with what they stand for, as written; ``warnings``: what was not read."""

    name: str
    claims: tuple[StatedClaim, ...]
    definitions: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def stated(
    file: str, folder: Path, settings: Mapping[str, Any], definitions: Mapping[str, Expression] = MappingProxyType({})
) -> StatedClaim:
    """A claim from its keys; raises :class:`BadClaim` for what is missing, unknown or malformed."""
    name = str(settings.get("id", "without id"))
    for key, value in settings.items():
        if key not in (*_OWN, *_SHARED):
            near = difflib.get_close_matches(key, (*_OWN, *_SHARED), 1)
            raise BadClaim(file, name, f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        if not isinstance(value, str):
            raise BadClaim(file, name, f"expected text for {key!r}, found {type(value).__name__}")
    for key in ("id", "statement", "model"):
        if not settings.get(key):
            raise BadClaim(file, name, f"expected a key {key!r}, found none")
    if not name.isprintable() or any(character.isspace() for character in name):
        raise BadClaim(file, name, "expected an id without spaces")
    if settings.get("expect") not in (None, *VERDICTS):
        raise BadClaim(file, name, f"expected one of {', '.join(VERDICTS)} in 'expect', found {settings['expect']!r}")
    try:
        statement = parse(settings["statement"], definitions)
    except StatementError as error:
        raise BadClaim(file, name, describe(error)) from None
    model, config = settings["model"], settings.get("config")
    return StatedClaim(
        name,
        settings["statement"],
        statement,
        zoo.path(model.removeprefix("zoo:")) if model.startswith("zoo:") else folder.joinpath(model),
        settings.get("task", DEFAULT_TASK),
        None if config is None else folder.joinpath(config),
        **{key: settings.get(key, "") for key in ("text", "where", "expect", "reason")},
    )


def defined(file: str, table: Any) -> dict[str, Expression]:
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
            definitions[name] = parse_expression(text, definitions)
            check(definitions[name])
        except StatementError as error:
            raise BadClaimFile(file, f"an expression as the definition of {name}", describe(error)) from None
    return definitions


def collected(file: str, claims: list[StatedClaim], definitions: tuple[tuple[str, str], ...] = ()) -> ClaimFile:
    """The file of these claims; raises :class:`BadClaimFile` for none, too many, or an id given twice."""
    if not 1 <= len(claims) <= MAX_CLAIMS:
        raise BadClaimFile(file, f"1 to {MAX_CLAIMS} claims", str(len(claims)))
    for name, times in Counter(claim.id for claim in claims).items():
        if times > 1:
            raise BadClaimFile(file, f"one claim of id {name!r}", str(times))
    return ClaimFile(file, tuple(claims), definitions)


def read_toml(path: Path) -> ClaimFile:
    """The claims in a TOML file; raises a :class:`~mechproof.engine.errors.MechproofError`."""
    file = path.name
    try:
        content = tomllib.loads(read_bytes(path, MAX_FILE).decode("utf-8"))
    except ValueError as error:  # of TOML, of UTF-8, or of an integer that Python takes for too long
        raise BadClaimFile(file, "a TOML file", str(error)) from None
    except RecursionError:
        raise BadClaimFile(file, "a TOML file", "values nested too deeply") from None
    tables, shorthand = content.pop("claim", []), content.pop("define", {})
    definitions = defined(file, shorthand)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadClaimFile(file, "[[claim]] tables", "another kind of 'claim'")
    for key in content:
        if key not in _SHARED:
            near = difflib.get_close_matches(key, _SHARED, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise BadClaimFile(file, f"only the keys {', '.join(_SHARED)} before the claims", f"{key!r}{hint}")
    claims = [stated(file, path.parent, content | table, definitions) for table in tables]
    return collected(file, claims, tuple(shorthand.items()))
