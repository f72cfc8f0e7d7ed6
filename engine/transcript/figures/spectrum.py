"""Positive numbers in descending order as columns on a logarithmic axis, such as the singular values of a table."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .bars import FILL
from .curve import octaves
from .drawing import BadPicture, Box, Drawing, Number, Shape, Words, truncated

# So many of the largest numbers are told in words, and the least.
SHOWN = 8
LEFT, TOP, WIDTH, HEIGHT, LEAST = 120, 34, 420, 220, 6


@dataclass(frozen=True)
class Spectrum:
    """Raises BadPicture when there is no number, or one that is not positive.

    >>> Spectrum("it", (8, 2, 1)).summary()[1]
    (('1', '8'), ('2', '2'), ('3', '1'))
    """

    title: str
    values: tuple[Number, ...]

    def __post_init__(self) -> None:
        if not self.values or min(self.values) <= 0:
            raise BadPicture(self.title, "a spectrum has some numbers, all positive")

    def drawing(self) -> Drawing:
        heights = [octaves(Fraction(value)) for value in self.values]
        low, high = min(heights), max(heights)
        bottom, step = TOP + HEIGHT, max(3, WIDTH // len(heights))
        shapes: list[Shape] = [Words(8, 16, self.title), Box(LEFT - 6, bottom, step * len(heights) + 12, 1)]
        for index, height in enumerate(heights):
            size = LEAST + (HEIGHT - LEAST) * (height - low) // max(1, high - low)
            shapes.append(Box(LEFT + index * step, bottom - size, max(2, step - 2), size, FILL))
        ends = {high: max(self.values), low: min(self.values)}
        for height, value in ends.items():
            size = LEAST + (HEIGHT - LEAST) * (height - low) // max(1, high - low)
            shapes.append(Words(LEFT - 12, bottom - size + 5, truncated(value), "end"))
        for index in dict.fromkeys((0, len(heights) - 1)):
            shapes.append(Words(LEFT + index * step + step // 2, bottom + 18, str(index + 1), "middle"))
        return Drawing(LEFT + step * len(heights) + 60, bottom + 30, tuple(shapes))

    def summary(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        numbered = list(enumerate(self.values, 1))
        shown = dict([*numbered[:SHOWN], *numbered[-1:]])
        return (self.title, "at least"), tuple((str(i), truncated(value)) for i, value in shown.items())
