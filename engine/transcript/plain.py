r"""Markup and formulas as plain Unicode text, for terminals: one line, no TeX.

Formulas are read by :mod:`.formula`, so whatever a transcript can show has a plain text.  Digits and signs get
Unicode's sub- and superscripts, other scripts stand behind ``_`` and ``^``, in parentheses where they are longer than a
name.
"""

from __future__ import annotations

import unicodedata
from xml.etree.ElementTree import Element

from . import symbols
from .document import Code, Emphasis, Inline, Math, Reference, Strong, Text
from .formula import joined, read, remembered
from .markup import prose
from .rendering import visible

LOWERED = dict(zip("0123456789+−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))
RAISED = dict(zip("0123456789+−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾", strict=True)) | {"⊤": "ᵀ", "′": "′", "″": "″"}
# Combining marks for accents that stand on every letter below them.
COMBINING = {"¯": "\u0304", "‾": "\u0305", "^": "\u0302", "~": "\u0303", "→": "\u20d7", "˙": "\u0307"}
# Spaces at least this wide, in hundredths of an em, are a space of the terminal.
VISIBLE = 20
BIG = frozenset((*symbols.BIG.values(), "√"))


def plain(text: str) -> str:
    r"""A line of markup as plain text.

    Raises what :func:`.markup.prose` and :func:`.formula.read` raise.

    >>> plain(r"In *all* rows of $\mathrm{EQKE}[q,t_p]/\sqrt{h}$ at most $2^{-31}$, by [@gap].")
    'In all rows of EQKE[q, t_p]/√h at most 2⁻³¹, by [gap].'
    """
    return "".join(map(_inline, prose(text)))


@remembered
def plain_formula(latex: str) -> str:
    r"""A formula as plain text; raises what :func:`.formula.read` raises.

    >>> plain_formula(r"\sum_{0 \le p < K} \alpha_{p}\,v_{p} \le \frac{a + b}{2} - \overline{x}")
    '∑_(0≤p<K) α_p v_p ≤ (a + b)/2 − x̅'
    """
    return " ".join(_text(joined(read(latex))).split())


def _inline(node: Inline) -> str:
    match node:
        case Text(text) | Code(text):
            return visible(text)
        case Math(latex):
            return plain_formula(latex)
        case Emphasis(inlines) | Strong(inlines):
            return "".join(map(_inline, inlines))
        case Reference(label):
            return f"[{label}]"
    raise AssertionError(f"no plain text of {type(node).__name__}")


def _text(node: Element) -> str:
    match node.tag, list(node):
        case "mo", _:
            return _operator(node)
        case "mspace", _:
            return " " if _hundredths(node.get("width", "")) > 0 else ""
        case "msub" | "msup" | "msubsup" as tag, [base, *scripts]:
            marks = {"msub": "_", "msup": "^", "msubsup": "_^"}[tag]
            return _text(base) + "".join(_script(mark, one) for mark, one in zip(marks, scripts, strict=True))
        case "mover", [base, mark] if node.get("accent"):
            sign = COMBINING[mark.text or ""]
            return "".join(letter if letter == " " else letter + sign for letter in _text(base))
        case "munder" | "mover" | "munderover" as tag, [base, *scripts]:
            marks = {"munder": "_", "mover": "^", "munderover": "_^"}[tag]
            told = "".join(
                _script(mark, one) for mark, one in zip(marks, scripts, strict=True) if one.text not in BRACED
            )
            return f"{_text(base)}{told} "
        case "mfrac", [top, bottom]:
            if node.get("linethickness") == "0":
                return f"{_text(top)} choose {_text(bottom)}"
            return f"{_grouped(top)}/{_grouped(bottom)}"
        case "msqrt", [inner]:
            return f"√{_grouped(inner)}"
        case "mroot", [inner, index]:
            return f"{_script('^', index)}√{_grouped(inner)}"
        case "mtable", rows:
            return "; ".join(" ".join(_text(cell) for cell in row) for row in rows)
        case _, children:
            letters = "".join(unicodedata.normalize("NFKC", c) if c >= "\U0001d400" else c for c in node.text or "")
            return letters.replace("\u2009", " ").replace("\u00a0", " ") + _row(children)


def _row(nodes: list[Element]) -> str:
    """Neighbours in a row; factors that would look like one word, or a call, are parted, but not 2x."""
    written, before = "", ""
    for node in nodes:
        text = _text(node)
        begins = text[:1].isalnum() or text[:1] in BIG
        ended = written[-1:].isalnum() or (written[-1:] == ")" and before.startswith("msu"))
        written += f" {text}" if begins and ended and (before, node.tag) != ("mn", "mi") else text
        before = node.tag
    return written


BRACED = ("⏟", "⏞", "_")


def _operator(node: Element) -> str:
    """A sign with the spaces that its class has; a comma has one behind it."""
    text = node.text or ""
    if text in (",", ";"):
        return text if node.get("lspace") == "0" else f"{text} "
    before, after = (" " * (_hundredths(node.get(side, "")) >= VISIBLE) for side in ("lspace", "rspace"))
    return f"{before}{text}{after}"


def _hundredths(width: str) -> int:
    """Of an em: 27 for ``0.278em``, negative for a negative space."""
    whole, _, part = width.removesuffix("em").removeprefix("-").partition(".")
    size = int(whole or 0) * 100 + int(part.ljust(2, "0")[:2])
    return -size if width.startswith("-") else size


def _script(mark: str, node: Element) -> str:
    text = " ".join(_text(node).split())
    table = LOWERED if mark == "_" else RAISED
    if text and all(sign in table for sign in text):
        return "".join(table[sign] for sign in text)
    return f"{mark}{text}" if text.isalnum() else f"{mark}({text})"


def _grouped(node: Element) -> str:
    """In parentheses unless it is one word."""
    text = " ".join(_text(node).split())
    return (
        text
        if text.replace("_", "").isalnum() or (text[:1] + text[-1:] == "()" and text.count("(") == 1)
        else f"({text})"
    )
