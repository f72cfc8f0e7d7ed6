"""The trees of a claim: expressions and statements (section 10.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Node:
    """An expression: ``data`` is what ``kind`` needs besides ``parts``, ``names`` are the names that occur in it.

    number: a Fraction. name: itself. neg. sum: signs "+-". product: signs "*@/". ^: the power. call: the name.
    index: for each subscript "at", or which ends of the range are given: "", "l", "h", "lh"; parts: matrix, then those.
    """

    kind: str
    data: Any
    parts: tuple[Node, ...]
    names: frozenset[str]
    depth: int


@dataclass(frozen=True)
class Compare:
    """A chain of comparisons: sides one more than signs."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True)
class Predicate:
    """``correct`` or ``is_increasing`` of these arguments."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Negation:
    """not ``inner``."""

    inner: Statement


@dataclass(frozen=True)
class Conjunction:
    """All of ``items``."""

    items: tuple[Statement, ...]


@dataclass(frozen=True)
class ForAll:
    """``names``: those of the binders in the order of the text. ``ranges``: "tokens", "positions", or both ends.

    False at no instance, or at no more than ``exceptions``, or at ``exactly`` so many."""

    names: tuple[str, ...]
    ranges: dict[str, str | tuple[Node, Node]]
    conditions: tuple[Compare, ...]
    body: Statement
    exceptions: int | None = None
    exactly: bool = False


Statement = Compare | Predicate | Negation | Conjunction | ForAll


@dataclass(frozen=True)
class Text:
    """A statement, and the distinct arguments of singular values and rank1 in the order in which these calls end."""

    statement: Statement
    spectra: tuple[Node, ...]
