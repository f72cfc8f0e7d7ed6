"""What is reached at which price, as steps: between two points nothing more than the lower one is known."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from .drawing import BadPicture, Box, Colour, Drawing, Number, Shape, Words, truncated

MARK: Colour = (33, 102, 172)
LEFT, TOP, WIDTH, HEIGHT = 120, 34, 420, 240
OCTAVE = 64
"""Steps of the logarithmic axis in a doubling."""


def octaves(value: Fraction) -> int:
    """The logarithm to base 2 of a positive number in 64ths, with integers only, so equal on every machine.

    >>> octaves(Fraction(8)), octaves(Fraction(1, 2))
    (192, -64)
    """
    return (value.numerator**OCTAVE).bit_length() - (value.denominator**OCTAVE).bit_length()


@dataclass(frozen=True)
class Curve:
    """Points (x, y, name) as a rising staircase; the x axis is logarithmic when x spans more than a factor 100.

    Raises BadPicture when there is no point, or two points have one x.
    """

    title: str
    x: str
    y: str
    points: tuple[tuple[Number, Number, str], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(sorted(self.points, key=lambda point: point[0])))
        if not self.points or len({point[0] for point in self.points}) < len(self.points):
            raise BadPicture(self.title, "a curve needs points with different x")

    def position(self, x: Number) -> int:
        first, last = Fraction(self.points[0][0]), Fraction(self.points[-1][0])
        if first == last:
            return LEFT + (WIDTH >> 1)
        if 0 < 100 * first < last:
            return LEFT + WIDTH * (octaves(Fraction(x)) - octaves(first)) // (octaves(last) - octaves(first))
        return LEFT + int(WIDTH * (x - first) / (last - first))

    def drawing(self) -> Drawing:
        low, high = min(point[1] for point in self.points), max(point[1] for point in self.points)
        bottom = TOP + HEIGHT

        def level(y: Number) -> int:
            return bottom - 12 - (int((HEIGHT - 24) * Fraction(y - low) / (high - low)) if high > low else 0)

        shapes: list[Shape] = [
            Words(LEFT, 16, self.title),
            Box(LEFT - 10, bottom, WIDTH + 20, 1),
            Box(LEFT - 10, TOP, 1, HEIGHT),
            Words(LEFT + (WIDTH >> 1), bottom + 40, self.x, "middle"),
            Words(16, TOP + (HEIGHT >> 1), self.y, "middle", upward=True),
        ]
        ends = (self.points[0][0], self.points[-1][0])
        shapes += [Words(self.position(x), bottom + 18, truncated(x), "middle") for x in dict.fromkeys(ends)]
        shapes += [Words(LEFT - 16, level(y) + 4, truncated(y), "end") for y in dict.fromkeys((low, high))]
        for here, following in pairwise(self.points):
            start, stop, before, after = self.position(here[0]), self.position(following[0]), here[1], following[1]
            upper, lower = sorted((level(before), level(after)))
            shapes.append(Box(start, level(before) - 1, stop - start, 2, MARK))
            shapes.append(Box(stop - 1, upper, 2, lower - upper, MARK))
        for x, y, name in self.points:
            across, down = self.position(x), level(y)
            shapes.append(Box(across - 4, down - 4, 8, 8, MARK))
            beyond = across > LEFT + (WIDTH >> 1)
            shapes.append(Words(across - 8 if beyond else across + 8, down - 8, name, "end" if beyond else "start"))
        return Drawing(LEFT + WIDTH + 60, bottom + 50, tuple(shapes))

    def summary(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        return (self.title, self.x, self.y), tuple((name, truncated(x), truncated(y)) for x, y, name in self.points)
