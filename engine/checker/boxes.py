"""What the tokens of a query weigh, as far as a split of EQKE tells.

With T[q,i] - T[q,j] <= A[q,i] - A[q,j] + g[q] for T = EQKE, and divided by what makes m weigh exp(A[q,m] / sqrt(h)),
every other token k weighs between exp((A[q,k] - g[q]) / sqrt(h)) and exp((A[q,k] + g[q]) / sqrt(h)). Dividing the
weights of all positions by one positive number changes no sign of their sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .exponential import FIRST_BITS, Enclosure, exponential, exponential_steps, shifted_down, shifted_up
from .margins import Margins


class Boxes(NamedTuple):
    """One query, by token: the weight of a token as the maximum, and that of one below it."""

    maximum: list[Enclosure]
    others: list[Enclosure]


def boxes(margins: Margins, scores: Sequence[Sequence[int]], noise: Sequence[Sequence[int]], unit: int) -> list[Boxes]:
    """By query, for A and g of a split of EQKE in units of 2**unit; g has one column."""
    budget = margins.budget

    def power(score: int) -> Enclosure:
        budget.spend(exponential_steps(FIRST_BITS, score.bit_length()))
        return exponential(score, unit, margins.head, FIRST_BITS)

    found: list[Boxes] = []
    for row, (rest,) in zip(scores, noise, strict=True):
        exact = [power(score) for score in row]
        wide = [joined(power(score - rest), power(score + rest)) for score in row] if rest else exact
        found.append(Boxes(exact, wide))
    return found


def joined(below: Enclosure, above: Enclosure) -> Enclosure:
    """From the lower end of one to the upper end of the other; both ends stay positive numbers of many bits, or 0.

    >>> joined(Enclosure(8, 9, -3), Enclosure(8, 9, -1))
    Enclosure(low=2, high=9, exponent=-1)
    """
    return Enclosure(shifted_down(below.low, below.exponent - above.exponent), above.high, above.exponent)


def in_unit(low: int, high: int, exponent: int, unit: int) -> tuple[int, int]:
    """low * 2**exponent rounded down and high * 2**exponent rounded up to multiples of 2**unit, in these.

    >>> in_unit(5, 5, 0, 1)
    (2, 3)
    """
    return shifted_down(low, exponent - unit), shifted_up(high, exponent - unit)


def times(low: int, high: int, value: int) -> int:
    """The largest w * value for 0 <= low <= w <= high."""
    return (low if value < 0 else high) * value
