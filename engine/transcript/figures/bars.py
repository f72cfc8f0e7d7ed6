"""Amounts as horizontal bars, for instance how much of a bound each step lost."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .drawing import BadPicture, Box, Colour, Drawing, Number, Shape, Words, truncated

FILL: Colour = (67, 147, 195)
NEGATIVE: Colour = (214, 96, 77)
LINE, THICK, SPAN = 26, 16, 300


@dataclass(frozen=True)
class Bars:
    """Named exact amounts in the order given, all on one scale that starts at zero.

    Raises BadPicture when there is none, or names and amounts differ in number.
    """

    title: str
    names: tuple[str, ...]
    amounts: tuple[Number, ...]

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.amounts):
            raise BadPicture(self.title, f"bars need a name each, found {len(self.names)} for {len(self.amounts)}")

    def drawing(self) -> Drawing:
        left = 20 + 7 * max(len(name) for name in self.names)
        low, high = min(0, *self.amounts), max(0, *self.amounts)
        scale = Fraction(SPAN) / (high - low) if high > low else Fraction(0)
        zero = left + int(-low * scale)
        shapes: list[Shape] = [Words(8, 16, self.title)]
        for index, (name, amount) in enumerate(zip(self.names, self.amounts, strict=True)):
            y = 30 + LINE * index
            length = int(abs(amount) * scale)
            start = zero - length if amount < 0 else zero
            shapes.append(Words(left - 8, y + 13, name, "end"))
            shapes.append(Box(start, y, length, THICK, NEGATIVE if amount < 0 else FILL))
            shapes.append(Words(max(zero, start + length) + 6, y + 13, truncated(amount)))
        bottom = 30 + LINE * len(self.names)
        shapes.append(Box(zero, 26, 1, bottom - 30))
        return Drawing(left + SPAN + 130, bottom + 6, tuple(shapes))

    def summary(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        return (self.title, "amount"), tuple(
            (name, truncated(amount)) for name, amount in zip(self.names, self.amounts, strict=True)
        )
