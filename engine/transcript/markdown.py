"""A document as GitHub-flavoured Markdown: ``$…$`` formulas, pipe tables, figures as their numbers.

GitHub shows no inline images, so a figure is its caption and a table of what the picture shows.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from . import spelling
from .document import SHOWN, CodeBlock, Document, numbered
from .rendering import renderer, visible

SPECIAL = re.compile(r"[\\`*_{}\[\]#|$~!]")
RULES = {"left": ":--", "center": ":-:", "right": "--:"}


def escaped(text: str) -> str:
    r"""Text that Markdown and the HTML under it take literally.

    >>> escaped("<b> a_b & $1")
    '&lt;b&gt; a\\_b &amp; \\$1'
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(lambda sign: "\\" + sign.group(), text)


def code(text: str) -> Markup:
    """A code span where Markdown can hold the text (no backticks, no cell ends), else HTML's."""
    text = visible(text)
    if text and text == text.strip() and "`" not in text and "|" not in text:
        return Markup(f"`{text}`")
    return Markup(f"<code>{escaped(text)}</code>")


def mathematics(latex: str, display: bool = False) -> Markup:
    written = spelling.markdown(latex)
    if not display:
        return Markup(f"${written}$")
    guarded = "{} " + written if re.match(r"[-+=#>0-9]", written) else written  # else a list, heading or quote
    return Markup(f"$$\n{guarded}\n$$")


def start(line: Markup) -> Markup:
    """A paragraph's text whose first sign opens no list, heading or code block."""
    text = str(line).strip()
    return Markup(re.sub(r"^([-+=]|[0-9]+(?=[.)]))", lambda m: m[1] + "\\" if m[1][0].isdigit() else "\\" + m[1], text))


def fenced(node: CodeBlock) -> Markup:
    longest = max((len(run) for run in re.findall("`+", node.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup("\n".join([fence + "text", *(visible(row) for row in node.text.splitlines()), fence]))


def indented(text: Markup, width: int) -> Markup:
    return Markup(re.sub(r"\n(?=[^\n])", "\n" + " " * width, str(text)))


def heading(number: str) -> Markup:
    return Markup("#" * min(number.count(".") + 2, 6))


show = renderer(
    "blocks.md",
    escaped,
    code=code,
    math=mathematics,
    start=start,
    fenced=fenced,
    indented=indented,
    heading=heading,
    rules=RULES,
)


def markdown(document: Document) -> str:
    """The document; raises what :func:`.document.numbered` raises."""
    return str(show(numbered(document))) + "\n"


SHOWN["markdown"] = markdown
