"""What formulas are made of on their way to MathML: elements with their TeX class, joined into rows and tables.

MathML Core spaces signs by its own dictionary and by their place in a row; TeX's classes decide better (is this
minus unary? does a function name need a space?), so they are written into the elements as attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as Tree

from .symbols import BIN, CLOSE, OP, OPEN, ORD, PUNCT, REL


@dataclass(frozen=True)
class Atom:
    """One item of a row: its MathML, its TeX class, and whether scripts go above and below it."""

    kind: str
    element: Tree.Element
    limits: bool = False
    spaced: bool = False  # a named function: needs thin spaces that MathML does not give


def element(tag: str, text: str = "", *children: Tree.Element, **attributes: str) -> Tree.Element:
    made = Tree.Element(tag, attributes)
    made.text = text or None
    made.extend(children)
    return made


def sign(character: str, kind: str, italic: bool = False) -> Atom:
    """A sign with the attributes that its class needs beyond MathML's operator dictionary."""
    if kind == ORD and character in "|‖":
        return Atom(kind, element("mo", character, stretchy="false", lspace="0", rspace="0"))
    if kind == ORD and character in "/.":
        return Atom(kind, element("mo", character, lspace="0", rspace="0"))
    if kind == ORD:
        return Atom(kind, element("mi", character) if italic else upright(character).element)
    attributes = {OPEN: {"form": "prefix", "stretchy": "false"}, CLOSE: {"form": "postfix", "stretchy": "false"}}
    plain = {REL: {"form": "infix", "lspace": "0.278em", "rspace": "0.278em", "stretchy": "false"}, BIN: {}}
    return Atom(kind, element("mo", character, **(attributes | plain).get(kind, {"separator": "true"})))


def upright(word: str) -> Atom:
    """A name in upright type; a single letter would be italic without being told."""
    return Atom(ORD, element("mi", word, **({"mathvariant": "normal"} if len(word) == 1 else {})))


def function(name: str, limits: bool) -> Atom:
    attributes = {"movablelimits": "true"} if limits else {}
    return Atom(OP, element("mo", name, lspace="0", rspace="0", **attributes), limits, spaced=True)


def table(rows: list[list[list[Atom]]], kind: str, columns: str) -> Tree.Element:
    """Cells aligned by ``columns``, the last letters repeating; alignment is CSS in MathML Core."""
    sides = {"l": "left", "c": "center", "r": "right"}
    grid = element("mtable", **{"class": kind})
    if kind in ("aligned", "gathered"):
        grid.set("displaystyle", "true")
    for cells in rows:
        line = element("mtr")
        for index, atoms in enumerate(cells):
            side = sides[columns[index % len(columns)]]
            inner = joined(atoms, after=ORD if kind == "aligned" and index % 2 else "")
            line.append(element("mtd", "", inner, style=f"text-align:{side}"))
        grid.append(line)
    return grid


def spaced(atoms: list[Atom], after: str = "") -> list[Tree.Element]:
    """The elements of a row with TeX's inter-atom decisions: unary signs, spaces round functions."""
    elements: list[Tree.Element] = []
    before = after
    for index, atom in enumerate(atoms):
        unary = atom.kind == BIN and before in ("", BIN, OP, REL, OPEN, PUNCT)
        if atom.kind == BIN and atom.element.tag == "mo":
            gap = "0" if unary or index == len(atoms) - 1 else "0.222em"
            atom.element.attrib.update(form="prefix" if unary else "infix", lspace=gap, rspace=gap)
        if index and (atom.spaced and before in (ORD, CLOSE, OP)):
            elements.append(element("mspace", width="0.167em"))
        elements.append(atom.element)
        following = atoms[index + 1] if index + 1 < len(atoms) else None
        if atom.spaced and following is not None and following.kind == ORD and following.element.tag != "mspace":
            elements.append(element("mspace", width="0.167em"))
        if atom.element.tag != "mspace":
            before = ORD if unary else atom.kind
    return elements


def joined(atoms: list[Atom], after: str = "") -> Tree.Element:
    elements = spaced(atoms, after)
    return elements[0] if len(elements) == 1 else element("mrow", "", *elements)
