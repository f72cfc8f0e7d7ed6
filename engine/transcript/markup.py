r"""Small markup for written prose: rules carry their proofs as plain strings, documents are trees.

In a line (:func:`prose`)::

    $x \le y$    mathematics         `code`     code
    *word*       emphasis            **word**   strong
    [@label]     reference           \$ \` \* \[ \\   the sign itself

In a passage (:func:`passage`) blank lines part paragraphs, ``$$…$$`` is a displayed formula, with
``[#label]`` directly behind it a numbered one, and lines that start with ``- `` or ``1. `` are a list; indented
lines continue an item.  Whatever does not parse is :class:`BadMarkup`; nothing is guessed.  The markup is for authors:
text out of a file goes into :class:`~.document.Text` or :class:`~.document.Code`, never through here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import cleandoc

from ..errors import MechproofError
from .document import (
    LABEL,
    Block,
    Code,
    DisplayMath,
    Emphasis,
    Inline,
    Listing,
    Math,
    Paragraph,
    Prose,
    Reference,
    Strong,
    Text,
)

INNER = r"(?:\\.|\$[^$]+\$|`[^`]+`|[^*$`\\])+"
PIECE = re.compile(
    rf"""\\(?P<escaped>[$`*\[\]\\])
       | \$(?P<math>[^$]+)\$
       | `(?P<code>[^`]+)`
       | \*\*(?P<strong>{INNER})\*\*
       | \*(?P<emphasis>{INNER})\*(?!\*)
       | \[@(?P<reference>{LABEL.pattern})\]
       | (?P<plain>[^\\$`*\[]+|\[(?!@))""",
    re.VERBOSE | re.DOTALL,
)
REASONS = {
    "\\": "a backslash outside $…$ must stand before one of $ ` * [ ] \\",
    "$": "expected a formula and its closing $",
    "`": "expected code and its closing `",
    "*": "expected text without further emphasis and the closing mark",
    "[": "expected a label and its closing ]",
}
DISPLAY = re.compile(r"\$\$(.+?)\$\$(?:\[#([^\]]*)\])?", re.DOTALL)
ITEM = re.compile(r"(-|[0-9]+\.) ")


@dataclass(unsafe_hash=True)
class BadMarkup(MechproofError):
    """``place`` counts characters from the start of the string."""

    reason: str
    place: int
    text: str
    sentence = "markup, character {place} of {text!r}: {reason}"


def prose(text: str) -> Prose:
    r"""A line of markup as inlines; runs of white space are one space.

    Raises BadMarkup, and the formula errors for what is between dollars.

    >>> prose("If $x<0$ then [@gap] *fails*.")[1:4]
    (Math(latex='x<0'), Text(text=' then '), Reference(label='gap', shown=''))
    """
    found: list[Inline] = []
    place = 0
    while place < len(text):
        piece = PIECE.match(text, place)
        if piece is None or piece.lastgroup is None:
            raise BadMarkup(REASONS[text[place]], place, text)
        inside = piece[piece.lastgroup]
        match piece.lastgroup:
            case "math":
                found.append(Math(inside.strip()))
            case "code":
                found.append(Code(inside))
            case "strong":
                found.append(Strong(prose(inside)))
            case "emphasis":
                found.append(Emphasis(prose(inside)))
            case "reference":
                found.append(Reference(inside))
            case _:  # plain or escaped: joined to the text before it
                match found:
                    case [*_, Text(before)]:
                        found[-1] = Text(re.sub(r"\s+", " ", before + inside))
                    case _:
                        found.append(Text(re.sub(r"\s+", " ", inside)))
        place = piece.end()
    return tuple(found)


def paragraph(text: str) -> Paragraph:
    return Paragraph(prose(text.strip()))


def passage(text: str) -> tuple[Block, ...]:
    r"""Several paragraphs, formulas and lists of markup as blocks.

    >>> [type(block).__name__ for block in passage("Let $$a = b$$[#ab] hold.\n\n- one\n- two")]
    ['Paragraph', 'DisplayMath', 'Paragraph', 'Listing']
    """
    blocks: list[Block] = []
    for chunk in re.split(r"\n[ \t]*\n", cleandoc(text)):
        blocks.extend(listing(chunk) if ITEM.match(chunk) else paragraphs(chunk))
    return tuple(blocks)


def paragraphs(chunk: str) -> list[Block]:
    blocks: list[Block] = []
    place = 0
    for match in DISPLAY.finditer(chunk):
        blocks.extend(plain(chunk[place : match.start()]))
        blocks.append(DisplayMath(match.group(1).strip(), match.group(2) or ""))
        place = match.end()
    return blocks + plain(chunk[place:])


def plain(text: str) -> list[Block]:
    return [paragraph(text)] if text.strip() else []


def listing(chunk: str) -> list[Block]:
    """A chunk that starts with an item mark; every line is an item or continues one."""
    items: list[str] = []
    marks: set[bool] = set()
    for row in chunk.split("\n"):
        mark = ITEM.match(row)
        if mark is None and not row.startswith(" "):
            raise BadMarkup("in a list, a line must be an item or be indented", chunk.find(row), chunk)
        if mark is None:
            items[-1] += " " + row.strip()
        else:
            marks.add(mark.group(1) != "-")
            items.append(row[mark.end() :])
    if len(marks) > 1:
        raise BadMarkup("bullets and numbers in one list", 0, chunk)
    return [Listing(tuple(tuple(paragraphs(item)) for item in items), ordered=marks.pop())]
