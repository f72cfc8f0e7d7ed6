"""What the three renderers share: one Jinja macro per kind of node, and escaping that cannot be forgotten.

A renderer is a template of macros named after the node classes, plus the function that escapes text for its format.
Jinja's ``finalize`` applies that function to every value a template prints, unless the value is itself the output of
a macro or filter (``Markup``); so a template has no way to print a string raw by accident.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .document import Node

TEMPLATES = Path(__file__).parent.joinpath("templates")

LATEX_SYNTAX: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}
"""Jinja delimiters for LaTeX, where braces, percent and hash have meanings of their own."""


def visible(text: str) -> str:
    r"""One line of text: white space as spaces, whatever else has no shape of its own spelled out.

    So no name in a file can break a line, reverse the reading direction or carry terminal codes.

    >>> visible("a\tb\u202ec")
    'a b[U+202E]c'
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else f"[U+{ord(c):04X}]" for c in text)


def renderer(
    template: str, escape: Callable[[str], str], inside: tuple[type[Node], ...] = (), **tools: Any
) -> Callable[..., Markup]:
    """A function ``show(node, **context)`` over the macros of ``template``.

    ``tools`` are what the macros may call besides; of these, functions return text that is escaped
    again unless they return Markup.  Inside the template, ``show(node)`` renders a node without line
    breaks round it, ``line(nodes)`` a row of inlines, ``stack(nodes)`` blocks parted by blank lines,
    except that those of the kinds ``inside`` continue the paragraph before them.
    """

    def shown(value: object) -> Markup:
        return value if isinstance(value, Markup) else Markup(escape(visible(str(value))))

    @cache
    def macros() -> Any:
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            finalize=shown,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            **(LATEX_SYNTAX if template.endswith(".tex") else {}),
        )
        environment.globals.update(show=show, line=line, stack=stack, kind=lambda node: type(node).__name__, **tools)
        return environment.get_template(template).module

    def show(node: Node, **context: Any) -> Markup:
        return getattr(macros(), type(node).__name__)(node, **context).strip("\n")

    def line(inlines: tuple[Node, ...]) -> Markup:
        return Markup("").join(show(inline) for inline in inlines)

    def stack(blocks: tuple[Node, ...]) -> Markup:
        gaps = ("\n" if isinstance(block, inside) else "\n\n" for block in blocks)
        return Markup("").join(gap + show(block) for gap, block in zip(gaps, blocks, strict=True)).strip("\n")

    return show
