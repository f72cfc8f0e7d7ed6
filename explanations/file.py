"""Files of sentences: TOML, with one ``[[claim]]`` for each, as files of claims have."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engine.files import read_bytes
from .errors import BadExplanation

LIMIT = 1 << 20
KEYS = ("title", "task", "target", "common_rows", "claim")
CLAIM_KEYS = ("id", "text", "where", "statement")


@dataclass(frozen=True)
class Stated:
    """A sentence as it stands in the file."""

    id: str
    statement: str
    text: str = ""


@dataclass(frozen=True)
class Explanation:
    """``target``: the share of right inputs that is asked for, or None; ``common_rows``: whether EVOU, UU and PVOU are
    meant with the rows that UU and PVOU have in common for all tokens moved to EVOU; ``task``: empty for that of the
    command."""

    name: str
    sentences: tuple[Stated, ...]
    target: Fraction | None = None
    common_rows: bool = True
    task: str = ""


def load(path: str | os.PathLike[str]) -> Explanation:
    """The explanation of the TOML file at ``path``; raises :class:`~.errors.BadExplanation`, or what reading files
    raises."""
    name = Path(path).name
    try:
        content = tomllib.loads(read_bytes(path, LIMIT).decode("utf-8"), parse_float=_exactly)
    except (ValueError, RecursionError) as error:
        raise BadExplanation(name, "TOML", str(error)[:200]) from None
    for key in content:
        if key not in KEYS:
            raise BadExplanation(name, f"keys {', '.join(KEYS)}", key[:60])
    claims = content.get("claim", [])
    if not isinstance(claims, list) or not claims or not all(isinstance(claim, dict) for claim in claims):
        raise BadExplanation(name, "one [[claim]] or more", "none")
    sentences = tuple(_stated(name, number, claim) for number, claim in enumerate(claims, 1))
    ids = [sentence.id for sentence in sentences]
    for id in ids:
        if ids.count(id) > 1:
            raise BadExplanation(name, "another id for each claim", f"{id} twice")
    return Explanation(
        _text(name, content, "title") or name,
        sentences,
        _target(name, content),
        _flag(name, content),
        _text(name, content, "task"),
    )


def _exactly(text: str) -> Fraction:
    """A decimal of the file; raises ValueError for inf and nan, and for what no share is."""
    if len(text) > 100 or "e" in text.lower():
        raise ValueError(f"{text[:40]} is no decimal number")
    return Fraction(text)


def _stated(name: str, number: int, claim: Mapping[str, Any]) -> Stated:
    for key in claim:
        if key not in CLAIM_KEYS:
            raise BadExplanation(f"{name}, claim {number}", f"keys {', '.join(CLAIM_KEYS)}", key[:60])
    where = f"{name}, claim {number}"
    statement = _text(where, claim, "statement")
    if not statement:
        raise BadExplanation(where, "a statement", "none")
    return Stated(_text(where, claim, "id") or str(number), statement, _text(where, claim, "text"))


def _text(where: str, content: Mapping[str, Any], key: str) -> str:
    value = content.get(key, "")
    if not isinstance(value, str) or len(value) > 1000:
        raise BadExplanation(where, f"a text of up to 1,000 characters as {key}", str(value)[:60])
    return value


def _target(name: str, content: Mapping[str, Any]) -> Fraction | None:
    value = content.get("target")
    if value is None:
        return None
    try:
        share = value if isinstance(value, Fraction) else Fraction(value) if isinstance(value, int | str) else None
    except (ValueError, ZeroDivisionError):
        share = None
    if share is None or isinstance(value, bool) or not 0 <= share <= 1 or len(str(value)) > 100:
        raise BadExplanation(name, 'a share of the inputs such as 0.9 or "4046/4096" as target', str(value)[:60])
    return share


def _flag(name: str, content: Mapping[str, Any]) -> bool:
    value = content.get("common_rows", True)
    if not isinstance(value, bool):
        raise BadExplanation(name, "true or false as common_rows", str(value)[:60])
    return value
