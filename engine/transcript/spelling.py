r"""One formula, spelled for Markdown and for TeX: the same tokens with the names each of them can bear."""

from __future__ import annotations

import re

from . import symbols
from .formula import DIGITS, RAW, tokens
from .symbols import REL

MARKDOWN = {
    r"\,": r"\thinspace",
    r"\:": r"\medspace",
    r"\;": r"\thickspace",
    r"\!": r"\negthinspace",
    r"\{": r"\lbrace",
    r"\}": r"\rbrace",
    r"\|": r"\Vert",
    r"\\": r"\cr",
    "|": r"\vert",
    "*": r"\ast",
    "<": r"\lt",
    ">": r"\gt",
    r"\#": r"\mathop{\mathrm{card}}",
}


def markdown(latex: str) -> str:
    r"""The formula for ``$…$`` on GitHub and in notebooks, immune to Markdown's own reading of it.

    Markdown eats a backslash before punctuation and takes ``_``, ``*``, ``<``, ``|`` for its own, so these get
    their long names, and ``\#``, which has none, becomes "card"; GitHub forbids ``\operatorname`` (github/markup#1688).

    >>> markdown(r"\operatorname{rank}\{x_i\} < 2")
    '\\mathop{\\mathrm{rank}}\\nolimits \\lbrace x_i \\rbrace \\lt 2'
    """
    written, pieces = "", iter(tokens(latex))
    for token in pieces:
        if token.startswith(r"\operatorname"):
            name = next(pieces).replace(r"\,", r"\thinspace ")
            token = rf"\mathop{{\mathrm{{{name}}}}}" + ("" if token.endswith("*") else r"\nolimits")
        elif RAW.fullmatch(token):
            token = f"{token}{{{next(pieces)}}}".replace(r"\,", r"\thinspace ")
        written += (" " if separate(written, token) else "") + MARKDOWN.get(token, token)
    written = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", " _ ", written).replace("](", "] (")
    return re.sub(r" {2,}", " ", written)


def separate(written: str, token: str) -> bool:
    """Whether a space must (or, round relations, should) part ``token`` from what is already written."""
    last_word = re.search(r"\\[A-Za-z]+$", written)
    signs = {"=", "<", ">", "+", "&", r"\\"}
    spacious = token in signs or written[-1:] in {"=", "+", "&", ","} or token.startswith("\\")
    return bool(written) and (spacious or token in MARKDOWN or (last_word is not None and token not in "{}_^"))


def breakable(latex: str) -> str:
    r"""The formula for TeX's inline mode: digits beyond a dozen may break, three by three.

    >>> breakable("12345678901234567")
    '123\\allowbreak 456\\allowbreak 789\\allowbreak 012\\allowbreak 345\\allowbreak 67'
    """
    long = re.compile(rf"[0-9]{{{DIGITS + 1},}}")
    return long.sub(lambda run: r"\allowbreak ".join(re.findall(".{1,3}", run.group())), latex)


def widths(latex: str) -> list[int]:
    """Rough widths, in signs, of the stretches that TeX cannot break: the pieces between top-level relations.

    A formula with rows (an environment) is one stretch, as wide as its longest row.
    """
    stretches, line, depth = [0], 0, 0
    rows = r"\begin" in latex
    for token in tokens(latex):
        depth += (token in ("{", r"\left")) - (token in ("}", r"\right"))
        relation = symbols.SIGNS.get(token[1:], symbols.CHARACTERS.get(token, ("", "")))[1] == REL
        line = 0 if token == r"\\" else line + (0 if token in "{}_^&" else 1 if token[0] == "\\" else len(token))
        stretches[-1] = max(stretches[-1], line)
        if relation and depth == 0 and not rows:
            stretches.append(line := 0)
    return stretches
