"""Which symbols of a transcript are used before anything says what they are.

A symbol is a letter or a word with what belongs to its name: an accent, a sign as superscript, and whether it has an
index (b_x and b are two symbols).  It is introduced where it stands by itself, in a list or a tuple, on the left of an
equation, in a chain of inequalities, or bound by a sum, an extreme, a quantifier or a set; an argument or index of what
is so introduced is introduced too.  It must be introduced in the block that uses it or in an earlier one.  What a
lemma introduces is its own; what the theorem, definitions, and the words around steps introduce holds from there on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from mechproof.engine.transcript.document import (
    Block,
    DisplayMath,
    Document,
    Folded,
    Listing,
    Math,
    Section,
    Statement,
    Table,
    nodes,
)
from mechproof.engine.transcript.formula import joined, read

RELATIONS = frozenset("=<>≤≥≠∈→↦⊆⊂∼≈×⟹⟺∧∨")
EQUATIONS = frozenset("=→↦≈")
OPENING, CLOSING = frozenset("([{⌊⌈"), frozenset(")]}⌋⌉")
WORDS = frozenset(
    [
        "max",
        "min",
        "exp",
        "log",
        "softmax",
        "ReLU",
        "LN",
        "RMS",
        "mean",
        "mod",
        "card",
        "logits",
        "logit",
        "score",
        "diag",
    ]
)  # functions of that name
CONSTANTS = frozenset(("ℝ", "O", "e^", "π"))


@dataclass(frozen=True)
class Name:
    """A symbol with the formula's parts that stand as its indices."""

    key: str
    scripts: tuple[Element, ...] = ()


@dataclass(frozen=True)
class Binder:
    """An operator with what is bound below it."""

    below: Element


Token = Name | Binder | str


def flat(node: Element) -> Iterator[Token]:
    """The formula as one line of tokens."""
    children = list(node)
    match node.tag:
        case "mi":
            text = node.text or ""
            yield text if text.strip() in WORDS or text in "∀∃#⊤" else Name(text)
        case "mo" | "mtext":
            yield node.text or ""
        case "mn":
            yield "#"
        case "msub" | "msup" | "msubsup" | "munder" | "mover" | "munderover":
            yield from _scripted(node.tag, children, accent=bool(node.get("accent")))
        case "mfrac":
            for part in children:
                yield from ("(", *flat(part), ")", "/")
        case "mspace":
            return
        case "mtr":
            for part in children:
                yield from flat(part)
            yield ","
        case _:
            for part in children:
                yield from flat(part)


def _scripted(tag: str, children: list[Element], *, accent: bool) -> Iterator[Token]:
    base, *scripts = children
    inner = list(flat(base))
    if accent:
        yield from (Name(token.key + "^") if isinstance(token, Name) else token for token in inner)
        return
    below = scripts[0] if tag in ("msub", "msubsup", "munder", "munderover") else None
    above = scripts[-1] if tag in ("msup", "msubsup", "mover", "munderover") else None
    if len(inner) != 1 or not isinstance(inner[0], Name):
        if below is not None:
            yield Binder(below)
        yield from inner
        for script in (above,) if above is not None else ():
            yield from ("^", *flat(script))
        return
    key, indices = inner[0].key, []
    if below is not None:
        marks = list(flat(below))
        mark = marks[0].key if len(marks) == 1 and isinstance(marks[0], Name) else ""
        fixed = len(mark) > 1 or mark.isupper()
        key += f"_{mark}" if fixed else "_"
        indices += [] if fixed else [below]
    if above is not None and key == "e":
        yield Name("e^", (above,))
        return
    if above is not None:
        signs = list(flat(above))
        if signs in (["+"], ["−"], ["⊤"]):
            key += "^" + str(signs[0]) if signs != ["⊤"] else ""
        else:
            indices.append(above)
    yield Name(key, tuple(indices))


def tokens(latex: str) -> list[Token]:
    return list(flat(joined(read(latex))))


def used(some: Sequence[Token]) -> Iterator[str]:
    """Every symbol, indices and what is below operators included."""
    for token in some:
        if isinstance(token, Name):
            yield token.key
            for script in token.scripts:
                yield from used(list(flat(script)))
        elif isinstance(token, Binder):
            yield from used(list(flat(token.below)))


def split(some: Sequence[Token], marks: frozenset[str]) -> list[tuple[str, list[Token]]]:
    """The pieces between marks outside brackets, each with the mark before it."""
    pieces: list[tuple[str, list[Token]]] = [("", [])]
    depth = 0
    for token in some:
        if isinstance(token, str):
            depth += (token in OPENING) - (token in CLOSING)
            if depth == 0 and token in marks:
                pieces.append((token, []))
                continue
        pieces[-1][1].append(token)
    return pieces


def introduced(some: Sequence[Token]) -> Iterator[str]:
    """The symbols that the formula introduces."""
    for _, part in split(some, frozenset(",;")):
        sides = split(part, RELATIONS)
        for index, (mark, side) in enumerate(sides):
            if index == 0 or mark not in EQUATIONS:
                yield from bare(side)
    for index, token in enumerate(some):
        if isinstance(token, Binder):
            yield from introduced(list(flat(token.below)))
        elif token in ("∀", "∃") or token == "{":
            bound: list[Token] = []
            for following in some[index + 1 :]:
                if following in (":", "}"):
                    break
                bound.append(following)
            if token != "{" or some[index + 1 + len(bound) : index + 2 + len(bound)] == [":"]:
                yield from introduced(bound)


def bare(side: Sequence[Token]) -> Iterator[str]:
    """What stands for itself: a name with arguments, a tuple of names, a list with dots."""
    inside = list(side)
    if inside and isinstance(inside[0], Name):
        arguments = inside[1:]
        closed = not arguments or (arguments[0] in ("(", "[", "′") and arguments[-1] in (")", "]", "′"))
        if closed:
            yield inside[0].key
            for script in inside[0].scripts:
                yield from _indices(list(flat(script)))
            yield from _indices(arguments)
    elif len(inside) > 2 and inside[0] in ("(", "{") and inside[-1] in (")", "}"):
        for _, part in split(inside[1:-1], frozenset(",")):
            yield from bare(part)


def _indices(some: Sequence[Token]) -> Iterator[str]:
    """Arguments and indices that are names."""
    for _, part in split([token for token in some if token not in ("(", ")", "[", "]")], frozenset(",")):
        if len(part) == 1 and isinstance(part[0], Name):
            yield part[0].key
            for script in part[0].scripts:
                yield from _indices(list(flat(script)))


@dataclass(frozen=True)
class Unintroduced:
    """A symbol, the formula that uses it, and where that is."""

    symbol: str
    latex: str
    place: str


def formulas(block: Block) -> list[str]:
    return [node.latex for node in nodes(block) if isinstance(node, Math | DisplayMath)]


def unintroduced(document: Document) -> list[Unintroduced]:
    """All of them, in reading order."""
    known: set[str] = set(CONSTANTS)
    faults: list[Unintroduced] = []

    def look(latexes: Sequence[str], place: str, own: set[str]) -> None:
        """The formulas of one block: each may use what any of them introduces."""
        lines = [(latex, tokens(latex)) for latex in latexes]
        for _, line in lines:
            own.update(introduced(line))
        for latex, line in lines:
            faults.extend(Unintroduced(key, latex, place) for key in dict.fromkeys(used(line)) if key not in own)

    def walk(block: Block, place: str) -> None:
        match block:
            case Section():
                for inner in block.blocks:
                    walk(inner, block.title)
            case Statement() if block.kind == "lemma":
                own = set(known)
                look([latex for inner in block.body for latex in formulas(inner)], f"lemma {block.label}", own)
                for inner in block.proof or ():
                    look(formulas(inner), f"proof of {block.label}", own)
            case Statement():
                look(formulas(block), block.label, known)
            case Listing():
                for item in block.items:
                    for inner in item:
                        walk(inner, place)
            case Folded():
                look(
                    [node.latex for inline in block.line for node in nodes(inline) if isinstance(node, Math)],
                    place,
                    known,
                )
            case Table():
                own = set(known)
                look([node.latex for cell in block.header for inline in cell for node in nodes(inline)
                      if isinstance(node, Math)], place, own)  # fmt: skip
                for row in block.rows:
                    look([node.latex for cell in row for inline in cell for node in nodes(inline)
                          if isinstance(node, Math)], place, set(own))  # fmt: skip
            case _:
                look(formulas(block), place, known)

    def together(blocks: Sequence[Block]) -> None:
        for block in blocks:
            walk(block, document.title)

    together(document.blocks)
    return faults
