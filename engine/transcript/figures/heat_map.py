"""A matrix as coloured cells: blue below zero, white at zero, red above, the same scale on both sides.

The bar of colours beside it ends where the entries do.  An entry may be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .drawing import BadPicture, Box, Colour, Drawing, Number, Pixels, Shape, Words, truncated

LEVELS = 16
"""Shades on each side of zero."""

WHITE: Colour = (247, 247, 247)
NOTHING: Colour = (190, 190, 190)
BELOW: Colour = (33, 102, 172)
ABOVE: Colour = (178, 24, 43)

SIZE = 384
LEFT, TOP = 66, 44


def shade(level: int) -> Colour:
    """The colour of a level in -LEVELS..LEVELS (ends of ColorBrewer's RdBu, safe for colour-blind readers)."""
    end = ABOVE if level > 0 else BELOW
    red, green, blue = ((w * (LEVELS - abs(level)) + e * abs(level)) // LEVELS for w, e in zip(WHITE, end, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class HeatMap:
    """A matrix of exact numbers, rows downwards; ``rows`` and ``columns`` name the axes.

    None is an entry that is left out, and grey.  Raises BadPicture for an empty or ragged matrix, or one of None alone.
    """

    title: str
    rows: str
    columns: str
    matrix: tuple[tuple[Number | None, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", tuple(tuple(row) for row in self.matrix))
        widths = {len(row) for row in self.matrix}
        if len(widths) != 1 or widths == {0}:
            raise BadPicture(self.title, f"rows of a heat map have one positive length, found {sorted(widths)}")
        if not self._entries:
            raise BadPicture(self.title, "a heat map has some entry, found none")

    @property
    def _entries(self) -> list[tuple[Number, int, int]]:
        return [
            (value, row, column)
            for row, line in enumerate(self.matrix)
            for column, value in enumerate(line)
            if value is not None
        ]

    def drawing(self) -> Drawing:
        height, width = len(self.matrix), len(self.matrix[0])
        side = max(1, SIZE // max(height, width))
        right, bottom = LEFT + side * width, TOP + side * height
        values = [value for value, _, _ in self._entries]
        least, greatest = min(values), max(values)
        largest = max(abs(least), abs(greatest))
        scale = Fraction(LEVELS, 1) / largest if largest else Fraction(0)
        colours = tuple(
            tuple(NOTHING if value is None else shade(int(value * scale)) for value in row) for row in self.matrix
        )
        shapes: list[Shape] = [
            Words(LEFT, 16, self.title),
            Words((LEFT + right) >> 1, bottom + 34, self.columns, "middle"),
            Words(20, (TOP + bottom) >> 1, self.rows, "middle", upward=True),
            Words(LEFT - 6, TOP + 12, "0", "end"),
            Words(LEFT - 6, bottom, str(height - 1), "end"),
            Words(LEFT, bottom + 16, "0"),
            Words(right, bottom + 16, str(width - 1), "end"),
            Pixels(LEFT, TOP, side, colours),
        ]
        bar, step = right + 24, 6
        low, high = int(least * scale), int(greatest * scale)
        for index, level in enumerate(range(high, low - 1, -1)):
            shapes.append(Box(bar, TOP + index * step, 14, step, shade(level)))
        ends = {high: truncated(greatest), low: truncated(least)} | ({0: "0"} if low < -2 and high > 2 else {})
        shapes += [Words(bar + 20, TOP + (high - level) * step + 9, text) for level, text in ends.items()]
        return Drawing(bar + 130, max(bottom + 44, TOP + (2 * LEVELS + 1) * step + 10), tuple(shapes))

    def summary(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        cells = self._entries
        least, greatest = min(cells, key=lambda cell: cell[0]), max(cells, key=lambda cell: cell[0])
        entry = f"at ({self.rows}, {self.columns})"
        lines = (
            ("size", f"{len(self.matrix)} × {len(self.matrix[0])}", ""),
            ("smallest entry", truncated(least[0]), f"({least[1]}, {least[2]})"),
            ("largest entry", truncated(greatest[0]), f"({greatest[1]}, {greatest[2]})"),
        )
        return (self.title, "value", entry), lines
