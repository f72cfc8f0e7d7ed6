r"""A document as LaTeX that compiles as it is, and as a body that a paper can ``\input`` into its appendix.

Text is escaped sign by sign, long words (hashes, integers, paths) may break every four signs, wide formulas
break at their relations or shrink.  In the body, sections start at ``\section{title}``, numbers are the
paper's own, labels are prefixed ``mechproof:``, and theorem environments the paper has already are used as they are.
The body needs a one-column page where a table is long.
"""

from __future__ import annotations

import re
from functools import cache, partial
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
from .rendering import renderer, visible

LINE = 80
"""Signs of text that fit a line, about; decides where a table needs columns that wrap."""

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
    """A displayed formula; one too wide for the line breaks at its relations, or shrinks if it cannot."""
    latex = on_one_line(node.latex)
    stretches = spelling.widths(latex)
    fits = sum(stretches) <= LINE * 2 // 3
    if not fits and not node.label and max(stretches) <= LINE // 2:
        return Markup(f"\\begin{{center}}\n$\\displaystyle {latex}$\n\\end{{center}}")
    inner = latex if fits else f"\\mechprooffit{{{latex}}}"
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
    is_long=lambda table: len(table.rows) > LONG_TABLE,
)


def latex(document: Document, *, body_only: bool = False) -> str:
    r"""The document as a ``.tex`` file, or with ``body_only`` as what a paper's appendix can ``\input``.

    Raises what :func:`.document.numbered` raises.
    """
    if body_only:
        blocks = (Paragraph((Code(document.verdict),)), *document.blocks)
        document = Document(document.title, document.verdict, (Section(document.title, blocks),))
    return str(show(numbered(document), body_only=body_only)) + "\n"


SHOWN["latex"] = partial(latex, body_only=True)
