"""A document as one HTML file: no network, no script, formulas as MathML, figures as inline SVG.

The page's content policy forbids every request, so a reader may open a stranger's transcript without care.
"""

from __future__ import annotations

import re
from functools import partial
from html import escape

from markupsafe import Markup

from . import formula
from .document import SHOWN, Document, Figure, Section, Statement, nodes, numbered
from .figures.drawing import svg
from .rendering import TEMPLATES, renderer

GLUED = re.compile(r"\({0}[,.;:!?)]*|{0}[,.;:!?)]+".format("<math>(?:(?!</math>).)*</math>"))


def mathml(latex: str, display: bool = False) -> Markup:
    return Markup(formula.mathml(latex, display))


def glued(line: Markup) -> Markup:
    """The line with punctuation kept beside the formula it touches; browsers would break there."""
    return Markup(GLUED.sub(r'<span class="glue">\g<0></span>', str(line)))


def drawn(figure: Figure) -> Markup:
    return Markup(svg(figure.picture.drawing(), figure.alt))


def style() -> Markup:
    return Markup(TEMPLATES.joinpath("style.css").read_text(encoding="utf-8"))


show = renderer("blocks.html", escape, mathml=mathml, glued=glued, drawn=drawn, style=style)


def html(document: Document, *, fragment: bool = False) -> str:
    """The page, or with ``fragment`` only its styled ``<article>``, for a notebook.

    Raises what :func:`.document.numbered` raises.
    """
    document = numbered(document)
    contents = tuple(node for node in nodes(document) if isinstance(node, Section | Statement))
    return str(show(document, contents=contents, fragment=fragment))


SHOWN["html"] = partial(html, fragment=True)
