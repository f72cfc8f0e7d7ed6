r"""A document as LaTeX that compiles as it is; :mod:`.body` has the form that a paper takes in.

Text is escaped sign by sign, long words (hashes, integers, paths) may break every four signs, wide formulas
break at their relations or shrink.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from markupsafe import Markup

from . import spelling, symbols
from .document import (
    SHOWN,
    Code,
    DisplayMath,
    Document,
    Figure,
    Math,
    Paragraph,
    Prose,
    Reference,
    Section,
    Table,
    Text,
    nodes,
    numbered,
)
from .figures.drawing import picture
from .rendering import TEMPLATES, renderer, visible

LINE = 80
"""Signs of text that fit a line, about; decides where a table needs columns that wrap."""

COLUMN = 40
"""Signs of text that fit a line of half a page, about."""

LONG_TABLE = 25
"""Rows from which a table may break across pages."""

ASCII = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", '"': r"{\char34}", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}",
}  # fmt: skip
"""Signs that mean something to TeX; brackets and stars because a line break would take them as its argument."""

TYPOGRAPHY = {
    "–": r"\textendash{}", "—": r"\textemdash{}", "‘": r"\textquoteleft{}", "’": r"\textquoteright{}",
    "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "…": r"\dots{}", "§": r"\S{}", "•": r"\textbullet{}",
    "∎": r"\ensuremath{\blacksquare}", "−": r"\ensuremath{-}", "√": r"\ensuremath{\surd}",
    "✓": r"\ensuremath{\checkmark}",
}  # fmt: skip

RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))


@cache
def characters() -> dict[str, str]:
    """Each character as LaTeX; ASCII and the letters every T1 font has stand for themselves."""
    signs = {sign: name for name, (sign, _) in symbols.SIGNS.items()}
    signs |= {sign: name for name, sign in symbols.BIG.items()}
    doubles = {sign: rf"mathbb{{{letter}}}" for letter, sign in symbols.DOUBLE.items()}
    return (
        {c: c for c in map(chr, (*range(0x20, 0x7F), *range(0xC0, 0x100)))}
        | {sign: rf"\ensuremath{{\{name}}}" for sign, name in (signs | doubles).items() if not sign.isascii()}
        | {sign: rf"\ensuremath{{{{}}^{{{digit}}}}}" for sign, digit in RAISED.items()}
        | {sign: rf"\ensuremath{{{{}}_{{{digit}}}}}" for sign, digit in LOWERED.items()}
        | TYPOGRAPHY
        | ASCII
    )


def escaped(text: str, longest: int = 24) -> str:
    r"""Text as LaTeX; words longer than ``longest`` may break after every fourth sign.

    A character outside :func:`characters` is spelled by its code point, so whatever a name holds, it compiles.

    >>> escaped("100% of W_E ≤ 字")
    '100\\% of W\\_E \\ensuremath{\\leq} {[}U+5B57{]}'
    """
    return " ".join(word_escaped(word, longest) for word in text.split(" "))


def word_escaped(word: str, longest: int) -> str:
    signs = [characters().get(c) or escaped(f"[U+{ord(c):04X}]") for c in word]
    for index, (here, following) in enumerate(pairwise(word)):
        if here == following and here in "-,'":
            signs[index] += "{}"  # else a ligature: -- would print as a dash
    if len(signs) <= longest:
        return "".join(signs)
    return r"\allowbreak{}".join("".join(signs[start : start + 4]) for start in range(0, len(signs), 4))


def code(text: str) -> Markup:
    """Text in fixed width: straight quotes, every space kept."""
    quoted = escaped(visible(text), longest=12).replace("'", r"\textquotesingle{}")
    return Markup(re.sub("^ +| {2,}", lambda run: r"\ " * len(run.group()), quoted))


def mathematics(latex: str) -> Markup:
    return Markup(f"${spelling.breakable(on_one_line(latex))}$")


def on_one_line(latex: str) -> str:
    return re.sub(r"\s+", " ", latex)  # TeX ends a formula at an empty line


def display(node: DisplayMath) -> Markup:
    """A displayed formula; one too wide for the line breaks at its relations, or shrinks to it if it cannot."""
    latex = on_one_line(node.latex)
    stretches = spelling.widths(latex)
    if not node.label and sum(stretches) > LINE * 2 // 3 and max(stretches) <= LINE // 2:
        return Markup(f"\\begin{{center}}\n$\\displaystyle {latex}$\n\\end{{center}}")
    inner = latex if sum(stretches) <= COLUMN * 2 // 3 else f"\\mechprooffit{{{latex}}}"
    if not node.label:
        return Markup(f"\\[\n{inner}\n\\]")
    return Markup(f"\\begin{{equation}}\\label{{mechproof:{node.label}}}\n{inner}\n\\end{{equation}}")


def length(prose: Prose) -> int:
    """About how many signs wide the prose is."""
    total = 0
    for node in (inner for inline in prose for inner in nodes(inline)):
        match node:
            case Text() | Code():
                total += len(node.text)
            case Math():
                total += sum(spelling.widths(node.latex))
            case Reference():
                total += len(node.shown)
    return total


def columns(table: Table) -> Markup:
    """The column types: natural widths while a row fits the line, else long columns wrap in shares of it."""
    widest = [max(map(length, column)) for column in zip(table.header, *table.rows, strict=True)]
    if sum(widest) + 3 * len(widest) <= LINE:
        return Markup("".join(side[0] for side in table.columns))
    long = [width > LINE // 6 for width in widest]
    per_sign = 1000 // LINE
    taken = sum(width * per_sign for width, wraps in zip(widest, long, strict=True) if not wraps)
    room = max(1000 - taken - 3 * per_sign * len(widest), 100 * sum(long))
    wanted = sum(min(width, LINE) for width, wraps in zip(widest, long, strict=True) if wraps)
    raggeds = {"left": r"\raggedright", "center": r"\centering", "right": r"\raggedleft"}
    types = ""
    for side, width, wraps in zip(table.columns, widest, long, strict=True):
        share = f"0.{room * min(width, LINE) // max(wanted, 1):03d}"
        types += rf">{{{raggeds[side]}\arraybackslash}}p{{{share}\linewidth}}" if wraps else side[0]
    return Markup(types)


def drawn(figure: Figure) -> Markup:
    return Markup(picture(figure.picture.drawing(), lambda text: escaped(visible(text))))


def command(number: str) -> Markup:
    return Markup(("section", "subsection", "subsubsection", "paragraph")[min(number.count("."), 3)])


def macros() -> Markup:
    return Markup(TEMPLATES.joinpath("macros.tex").read_text(encoding="utf-8"))


show = renderer(
    "blocks.tex",
    escaped,
    inside=(DisplayMath,),
    code=code,
    math=mathematics,
    display=display,
    columns=columns,
    drawn=drawn,
    command=command,
    macros=macros,
    is_long=lambda table: len(table.rows) > LONG_TABLE,
)


def latex(document: Document) -> str:
    """The document as a ``.tex`` file that compiles as it is.

    Raises what :func:`.document.numbered` raises.
    """
    return str(show(numbered(document), form="document")) + "\n"


def under_one_heading(document: Document) -> Document:
    """The document as one section with its verdict line on top, for a place in another one."""
    blocks = (Paragraph((Code(document.verdict),)), *document.blocks)
    return Document(document.title, document.verdict, (Section(document.title, blocks),))


def _notebook(document: Document) -> str:
    return str(show(numbered(under_one_heading(document)), form="notebook")) + "\n"


SHOWN["latex"] = _notebook
