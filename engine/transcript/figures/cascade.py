"""Amounts that are lost one after the other: a bar for what there is, one for each loss where it is lost, and one for
what is left.  Each begins where the last one ended, so that the picture adds up by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from .bars import FILL, LINE, NEGATIVE, SPAN, THICK
from .drawing import BadPicture, Box, Drawing, Number, Shape, Words, truncated

GAIN = (90, 174, 97)


@dataclass(frozen=True)
class Cascade:
    """``amounts``: what there is at first, and after each of the steps; ``names`` has a name for the first amount, for
    each step, and for the last amount.  The axis begins where the picture still shows every bar.

    Raises BadPicture when they differ in number, or there is no step.

    >>> Cascade("it", ("all", "lost", "left"), (10, 7)).summary()[1]
    (('all', '10'), ('lost', '-3'), ('left', '7'))
    """

    title: str
    names: tuple[str, ...]
    amounts: tuple[Number, ...]

    def __post_init__(self) -> None:
        if len(self.amounts) < 2 or len(self.names) != len(self.amounts) + 1:
            raise BadPicture(
                self.title,
                f"a cascade needs a step, and a name for each and for both ends, found {len(self.names)} names for "
                f"{len(self.amounts)} amounts",
            )

    def drawing(self) -> Drawing:
        left = 20 + 7 * max(len(name) for name in self.names)
        low, high = min(self.amounts), max(self.amounts)
        # a quarter of the picture stands for what is never lost, and begins at zero only if that is no more
        start = max(Fraction(0), low - Fraction(high - low) / 3) if low >= 0 else Fraction(low)
        scale = Fraction(SPAN) / (high - start) if high > start else Fraction(0)

        def place(amount: Number) -> int:
            return left + int((amount - start) * scale)

        bars = [(start, self.amounts[0]), *pairwise(self.amounts), (start, self.amounts[-1])]
        told = [truncated(self.amounts[0]), *(_signed(b - a) for a, b in pairwise(self.amounts))]
        told.append(truncated(self.amounts[-1]))
        shapes: list[Shape] = [Words(8, 16, self.title)]
        for index, (name, (a, b), text) in enumerate(zip(self.names, bars, told, strict=True)):
            y = 30 + LINE * index
            first, last = sorted((place(a), place(b)))
            colour = FILL if index in (0, len(bars) - 1) else NEGATIVE if b < a else GAIN
            shapes.append(Words(left - 8, y + 13, name, "end"))
            shapes.append(Box(first, y, max(1, last - first), THICK, colour))
            shapes.append(Words(last + 6, y + 13, text))
            if index < len(bars) - 1:  # from where one ends to where the next begins
                shapes.append(Box(place(b), y + THICK, 1, LINE - THICK))
        bottom = 30 + LINE * len(bars)
        shapes += [Box(left, 26, 1, bottom - 30), Words(left, bottom + 12, truncated(start), "middle")]
        return Drawing(left + SPAN + 130, bottom + 20, tuple(shapes))

    def summary(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        steps = [_signed(b - a) for a, b in pairwise(self.amounts)]
        told = [truncated(self.amounts[0]), *steps, truncated(self.amounts[-1])]
        return (self.title, "amount"), tuple(zip(self.names, told, strict=True))


def _signed(amount: Number) -> str:
    """With a plus for what is won."""
    return truncated(amount) if amount <= 0 else f"+{truncated(amount)}"
