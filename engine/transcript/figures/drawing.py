"""A drawing: rectangles, pixels and words on integer coordinates (y downwards), and its two renderings."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol
from xml.sax.saxutils import escape, quoteattr

from ...errors import MechproofError

Colour = tuple[int, int, int]
Anchor = Literal["start", "middle", "end"]
Number = int | Fraction

INK: Colour | None = None
"""The colour of the surrounding text, whatever that is (dark mode, print)."""


@dataclass(unsafe_hash=True)
class BadPicture(MechproofError):
    picture: str
    reason: str
    sentence = "{picture}: {reason}"


@dataclass(frozen=True)
class Box:
    x: int
    y: int
    width: int
    height: int
    colour: Colour | None = INK


@dataclass(frozen=True)
class Words:
    """A line of text whose baseline passes through (x, y)."""

    x: int
    y: int
    text: str
    anchor: Anchor = "start"
    upward: bool = False


@dataclass(frozen=True)
class Pixels:
    """Rows of colours, each pixel a ``side`` x ``side`` square, the first one at (x, y)."""

    x: int
    y: int
    side: int
    rows: tuple[tuple[Colour, ...], ...]


Shape = Box | Words | Pixels


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    shapes: tuple[Shape, ...]


class Picture(Protocol):
    """What a figure of the document model needs: a drawing, and its numbers for those who see none."""

    def drawing(self) -> Drawing: ...

    def summary(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """A header and rows of plain text."""
        ...


def svg(drawing: Drawing, alt: str) -> str:
    """The drawing as an SVG element for HTML, with ``alt`` as its spoken name."""
    parts = [
        f'<svg viewBox="0 0 {drawing.width} {drawing.height}" role="img" aria-label={quoteattr(alt)}'
        f' font-family="sans-serif" font-size="13" fill="currentColor" shape-rendering="crispEdges">'
    ]
    for shape in drawing.shapes:
        match shape:
            case Box():
                fill = f' fill="#{bytes(shape.colour).hex()}"' if shape.colour else ""
                place = f'x="{shape.x}" y="{shape.y}" width="{shape.width}" height="{shape.height}"'
                parts.append(f"<rect {place}{fill}/>")
            case Words():
                turn = f' transform="rotate(-90 {shape.x} {shape.y})"' if shape.upward else ""
                words = f'x="{shape.x}" y="{shape.y}" text-anchor="{shape.anchor}"{turn}'
                parts.append(f"<text {words}>{escape(shape.text)}</text>")
            case Pixels():
                size = f'width="{len(shape.rows[0]) * shape.side}" height="{len(shape.rows) * shape.side}"'
                data = b64encode(png(shape.rows)).decode()
                parts.append(
                    f'<image x="{shape.x}" y="{shape.y}" {size} preserveAspectRatio="none"'
                    f' style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
                )
    return "".join(parts) + "</svg>"


def png(rows: tuple[tuple[Colour, ...], ...]) -> bytes:
    """An 8-bit RGB image; stored, not deflated, because deflate's output differs between zlib versions.

    Source: Portable Network Graphics, W3C, 2003, sections 5 and 11; RFC 1950, 1951 for the stored blocks.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    raw = b"".join(b"\0" + bytes(channel for colour in row for channel in colour) for row in rows)
    blocks = [raw[start : start + 65535] for start in range(0, len(raw), 65535)]
    stored = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(raw))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def picture(drawing: Drawing, escaped: Callable[[str], str]) -> str:
    r"""The drawing in LaTeX's picture environment, as wide as 19/20 of the line; needs ``color``, ``graphics``.

    Pixels of one colour are grouped, and neighbours in a row are one rule, so 64 x 64 cells stay some ten
    kilobytes.  ``escaped`` turns plain text into LaTeX.
    """
    lines = [
        r"\setlength{\unitlength}{\dimexpr 19\linewidth/" + str(20 * drawing.width) + r"\relax}",
        rf"\begin{{picture}}({drawing.width},{drawing.height})\scriptsize",
        r"\def\bx(#1,#2)#3#4{\put(#1,#2){\rule{#3\unitlength}{#4\unitlength}}}",
    ]
    for shape in drawing.shapes:
        match shape:
            case Box():
                place = f"({shape.x},{drawing.height - shape.y - shape.height})"
                lines.append(coloured(shape.colour, rf"\bx{place}{{{shape.width}}}{{{shape.height}}}"))
            case Words():
                side = {"start": "l", "middle": "", "end": "r"}[shape.anchor]
                words = escaped(shape.text)
                if shape.upward:
                    words, side = rf"\rotatebox{{90}}{{{words}}}", ""
                box = rf"\makebox(0,0)[{side}{'' if shape.upward else 'b'}]{{{words}}}"
                lines.append(rf"\put({shape.x},{drawing.height - shape.y}){{{box}}}")
            case Pixels():
                lines.extend(runs(shape, drawing.height))
    return "%\n".join([*lines, r"\end{picture}"])  # a bare line end would be a space, and move what follows


def coloured(colour: Colour | None, code: str) -> str:
    if colour is None:
        return code
    red, green, blue = (f"{channel * 1000 // 255:04d}" for channel in colour)
    return rf"{{\color[rgb]{{{red[0]}.{red[1:]},{green[0]}.{green[1:]},{blue[0]}.{blue[1:]}}}{code}}}"


def runs(pixels: Pixels, height: int) -> list[str]:
    """One group a colour, in order of first appearance."""
    by_colour: dict[Colour, list[str]] = {}
    for index, row in enumerate(pixels.rows):
        y = height - pixels.y - (index + 1) * pixels.side
        start = 0
        for column in range(1, len(row) + 1):
            if column == len(row) or row[column] != row[start]:
                size = f"{{{(column - start) * pixels.side}}}{{{pixels.side}}}"
                by_colour.setdefault(row[start], []).append(rf"\bx({pixels.x + start * pixels.side},{y}){size}")
                start = column
    return [coloured(colour, "%\n" + "%\n".join(boxes)) for colour, boxes in by_colour.items()]


def truncated(value: Number, digits: int = 4) -> str:
    """The number exactly, when short; else its first digits and an ellipsis: cut off, never rounded.

    >>> truncated(Fraction(3, 8)), truncated(16777216), truncated(Fraction(-2, 3))
    ('0.375', '16777216', '-0.6666…')
    >>> truncated(Fraction(1, 3 * 10**9)), truncated(10**20), truncated(Fraction(10**20, 3))
    ('3.333…·10⁻¹⁰', '1·10²⁰', '3.333…·10¹⁹')
    """
    value = Fraction(value)
    if value.denominator == 1 and abs(value) < 10**9:
        return str(value.numerator)
    power = decimal_order(abs(value))
    plain = -4 <= power < 6
    places = max(digits - 1 - (power if plain else 0), 1)
    scaled = abs(value) * 10**places / (1 if plain else Fraction(10) ** power)
    whole, part = divmod(scaled.numerator // scaled.denominator, 10**places)
    text = f"{'-' if value < 0 else ''}{whole}.{part:0{places}d}"
    text = text.rstrip("0").rstrip(".") if scaled.denominator == 1 else text + "…"
    return text if plain else f"{text}·10{raised(power)}"


def decimal_order(size: Fraction) -> int:
    """The k with 10^k <= size < 10^(k+1), for size > 0."""
    power = (size.numerator.bit_length() - size.denominator.bit_length()) * 30103 // 100000
    while size < Fraction(10) ** power:
        power -= 1
    while size >= Fraction(10) ** (power + 1):
        power += 1
    return power


def raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
