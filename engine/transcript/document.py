"""The document model: what a transcript says, before it is Markdown, LaTeX or HTML.

A document is a tree of frozen nodes: blocks (sections, paragraphs, statements with proofs, formulas,
tables, figures, lists, code) over inlines (text, mathematics, code, emphasis, references).  Text and
code may hold anything, also names out of a stranger's file: each renderer escapes them.

What carries a label is numbered, in one pass (:func:`numbered`) that all renderers share, so that
"Lemma 3" is the same lemma everywhere; a reference to nothing is an error, never a "??".

>>> claim = Statement("lemma", "gap", (Text("Gap"),), (Paragraph((Text("The gap is positive."),)),))
>>> use = Paragraph((Text("By "), Reference("gap"), Text(".")))
>>> document = numbered(Document("Example", "nothing is claimed", (claim, use)))
>>> document.blocks[0].number, document.blocks[1].inlines[1].shown
('1', 'Lemma 1')
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from operator import is_
from typing import Literal, TypeVar

from ..errors import MechproofError
from . import formula
from .figures import Picture

Kind = Literal["theorem", "lemma", "definition", "claim", "remark"]
Side = Literal["left", "center", "right"]

KINDS = ("theorem", "lemma", "definition", "claim", "remark")
SIDES = ("left", "center", "right")
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]*")


@dataclass(unsafe_hash=True)
class BadLabel(MechproofError):
    label: str
    sentence = "label {label!r}: expected letters, digits, ':', '.', '_' or '-', starting with a letter or digit"


@dataclass(unsafe_hash=True)
class DuplicateLabel(MechproofError):
    label: str
    sentence = "label {label!r} is given to two places of one document"


@dataclass(unsafe_hash=True)
class UnresolvedReference(MechproofError):
    label: str
    known: tuple[str, ...]
    sentence = "reference to {label!r}: no such label; the document has {known}"


@dataclass(unsafe_hash=True)
class RaggedTable(MechproofError):
    row: int
    expected: int
    found: int
    sentence = "table row {row}: expected {expected} cells, as in the header, found {found}"


@dataclass(unsafe_hash=True)
class UnknownChoice(MechproofError):
    field: str
    found: str
    expected: tuple[str, ...]
    sentence = "{field}: expected one of {expected}, found {found!r}"


def chosen(field: str, found: str, expected: tuple[str, ...]) -> None:
    if found not in expected:
        raise UnknownChoice(field, found, expected)


class Node:
    """Base of everything in the tree; subclasses are frozen dataclasses."""


class Inline(Node):
    """A piece of a line."""


class Block(Node):
    """A piece of a page."""


Prose = tuple[Inline, ...]


@dataclass(frozen=True)
class Text(Inline):
    text: str


@dataclass(frozen=True)
class Math(Inline):
    r"""A formula in a line; raises formula.UnsupportedMath or MalformedMath outside the subset."""

    latex: str

    def __post_init__(self) -> None:
        formula.require(self.latex)


@dataclass(frozen=True)
class Code(Inline):
    """Names, hashes, long integers: fixed width, may break anywhere."""

    text: str


@dataclass(frozen=True)
class Emphasis(Inline):
    inlines: Prose


@dataclass(frozen=True)
class Strong(Inline):
    inlines: Prose


@dataclass(frozen=True)
class Reference(Inline):
    """A pointer to a label; ``shown`` ("Lemma 3", "(2)") is filled by :func:`numbered`."""

    label: str
    shown: str = ""


@dataclass(frozen=True)
class Paragraph(Block):
    inlines: Prose


@dataclass(frozen=True)
class DisplayMath(Block):
    """A formula on its own; numbered when it has a label."""

    latex: str
    label: str = ""
    number: str = ""

    def __post_init__(self) -> None:
        formula.require(self.latex)


@dataclass(frozen=True)
class Statement(Block):
    """A numbered statement, with its written proof where it needs one."""

    kind: Kind
    label: str
    title: Prose
    body: tuple[Block, ...]
    proof: tuple[Block, ...] | None = None
    number: str = ""

    def __post_init__(self) -> None:
        chosen("statement kind", self.kind, KINDS)


@dataclass(frozen=True)
class Table(Block):
    """Rows of cells under a header; ``sides`` aligns the columns (all left when empty)."""

    header: tuple[Prose, ...]
    rows: tuple[tuple[Prose, ...], ...]
    caption: Prose = ()
    sides: tuple[Side, ...] = ()
    label: str = ""
    number: str = ""

    def __post_init__(self) -> None:
        for index, row in enumerate((self.sides or self.header, *self.rows)):
            if len(row) != len(self.header):
                raise RaggedTable(index, len(self.header), len(row))
        for side in self.sides:
            chosen("table alignment", side, SIDES)

    @property
    def columns(self) -> tuple[Side, ...]:
        return self.sides or ("left",) * len(self.header)


@dataclass(frozen=True)
class Figure(Block):
    """A picture with its caption; ``alt`` says in words what the picture shows."""

    picture: Picture
    caption: Prose
    alt: str
    label: str = ""
    number: str = ""


@dataclass(frozen=True)
class Listing(Block):
    """A list whose items are blocks, with bullets or (``ordered``) numbers."""

    items: tuple[tuple[Block, ...], ...]
    ordered: bool = False


@dataclass(frozen=True)
class CodeBlock(Block):
    """Lines shown as they are."""

    text: str


@dataclass(frozen=True)
class Folded(Block):
    """A line, and blocks that a reader may unfold below it; on paper and in Markdown there is the line alone."""

    line: Prose
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section(Block):
    """A heading and what is under it; nesting gives its level."""

    title: str
    blocks: tuple[Block, ...]
    label: str = ""
    number: str = ""


@dataclass(frozen=True)
class Document(Node):
    """A whole transcript: its title, the verdict line that opens it, its blocks, and the files that they speak of.

    In a notebook it shows itself; the LaTeX form is the body that a paper can ``\\input``.
    """

    title: str
    verdict: str
    blocks: tuple[Block, ...]
    # Name -> text of what lies beside the transcript.
    files: tuple[tuple[str, str], ...] = ()

    def _repr_html_(self) -> str:
        return SHOWN["html"](self)

    def _repr_markdown_(self) -> str:
        return SHOWN["markdown"](self)

    def _repr_latex_(self) -> str:
        return SHOWN["latex"](self)


# What notebooks show of a document, by the name of the form; each form's module enters its own.
SHOWN: dict[str, Callable[[Document], str]] = {}


N = TypeVar("N", bound=Node)
S = TypeVar("S", Document, Section)


def nodes(root: Node) -> Iterator[Node]:
    """Every node of the tree in reading order, the root first."""
    yield root
    for child in children(root):
        yield from nodes(child)


@cache
def _names(kind: type[Node]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))  # type: ignore[arg-type]


def children(node: Node) -> Iterator[Node]:
    pending = [getattr(node, name) for name in reversed(_names(type(node)))]
    while pending:
        value = pending.pop()
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            pending.extend(reversed(value))


def rebuilt(node: N, change: Callable[[Node], Node]) -> N:
    """The tree with every node below ``node`` replaced by its image, inner nodes after outer ones."""

    def image(value: object) -> object:
        if isinstance(value, Node):
            return rebuilt(change(value), change)
        if not isinstance(value, tuple):
            return value
        images = tuple(map(image, value))
        return value if all(map(is_, images, value)) else images

    own = [(name, getattr(node, name)) for name in _names(type(node))]
    new = {name: made for name, value in own if (made := image(value)) is not value}
    return replace(node, **new) if new else node  # type: ignore[type-var]


def numbered(document: Document) -> Document:
    """The same document with every number and every reference filled in.

    Sections are numbered along their nesting (3.1); statements kind by kind, formulas, tables and
    figures each through the whole document.

    Raises BadLabel, DuplicateLabel, UnresolvedReference.
    """
    counts: Counter[str] = Counter()
    names: dict[str, str] = {}

    def named(label: str, name: str) -> None:
        if not LABEL.fullmatch(label):
            raise BadLabel(label)
        if label in names:
            raise DuplicateLabel(label)
        names[label] = name

    def count(node: Node) -> Node:
        label = getattr(node, "label", "")
        match node:
            case Section():
                return node
            case Statement():
                what, shape = node.kind.capitalize(), "{what} {number}"
            case DisplayMath() if label:
                what, shape = "Equation", "({number})"
            case Table() | Figure() if label:
                what, shape = type(node).__name__, "{what} {number}"
            case _:
                return node
        counts[what] += 1
        number = str(counts[what])
        named(label, shape.format(what=what, number=number))
        return replace(node, number=number)

    def sections(parent: S, prefix: str) -> S:
        blocks, index = [], 0
        for block in parent.blocks:
            if isinstance(block, Section):
                index += 1
                number = f"{prefix}{index}"
                label = block.label or f"section-{number}"
                named(label, f"Section {number}")
                block = sections(replace(block, number=number, label=label), number + ".")
            blocks.append(block)
        return replace(parent, blocks=tuple(blocks))

    def resolve(node: Node) -> Node:
        if not isinstance(node, Reference):
            return node
        if node.label not in names:
            raise UnresolvedReference(node.label, tuple(sorted(names)))
        return replace(node, shown=names[node.label])

    return rebuilt(rebuilt(sections(document, ""), count), resolve)
