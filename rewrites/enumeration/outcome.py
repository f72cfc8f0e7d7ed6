"""What is known of a block of inputs once it is decided, and how blocks add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

RIGHT, WRONG, UNDECIDED = 0, 1, 2
EXTENT = 1 << 12  # margins and losses are said up to 2^EXTENT, in multiples of 2^-EXTENT
STAGES = ("fixed", "balls", "exact", "open")  # what settled a pair of input and position; "open": nothing did


def end(mantissa: int, exponent: int, *, up: bool) -> Fraction | None:
    """A number that is at most mantissa·2^exponent (at least, if ``up``): itself where it is a multiple of 2^-EXTENT
    below 2^EXTENT; None where there is none of that size.

    >>> end(3, -1, up=True), end(3, 10**9, up=True), end(-3, 10**9, up=True) == -(2**EXTENT), end(-3, -(10**9), up=True)
    (Fraction(3, 2), None, True, Fraction(0, 1))
    """
    surplus = -EXTENT - exponent
    if surplus > 0:
        surplus = min(surplus, mantissa.bit_length() + 1)  # from there on, rounding leaves the sign alone
        mantissa, exponent = (-(-mantissa >> surplus) if up else mantissa >> surplus), -EXTENT
    if mantissa and mantissa.bit_length() + exponent > EXTENT:
        outward = (mantissa > 0) == up
        return None if outward else Fraction((1 if mantissa > 0 else -1) << EXTENT)
    return mantissa * Fraction(2) ** exponent if mantissa else Fraction(0)


@dataclass(frozen=True)
class Margin:
    """The least of some margins (right logit minus the largest other one) lies in [lower, upper].

    So does the margin of the input ``tokens`` at the read position ``position``.  An end is None where nothing is known
    of it: ``lower`` as soon as there is one input without, ``upper`` if no input has one.
    """

    lower: Fraction | None
    upper: Fraction | None
    tokens: tuple[int, ...]
    position: int


def least(a: Margin | None, b: Margin | None) -> Margin | None:
    """The same for both together; the first of equal witnesses.

    The smaller upper end belongs to an input whose margin is at least the least one, and so at least the smaller lower
    end.
    """
    if a is None or b is None:
        return b if a is None else a
    witness = b if a.upper is None or (b.upper is not None and b.upper < a.upper) else a
    lower = None if a.lower is None or b.lower is None else min(a.lower, b.lower)
    return Margin(lower, witness.upper, witness.tokens, witness.position)


@dataclass(frozen=True)
class Loss:
    """Sums of cross-entropies (natural logarithm), or of probabilities: between lower and upper."""

    lower: Fraction
    upper: Fraction

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.lower + other.lower, self.upper + other.upper)


@dataclass(frozen=True, eq=False)
class Outcome:
    """One block, by its number; ``verdicts``: inputs × reads of RIGHT, WRONG, UNDECIDED (uint8)."""

    number: int
    verdicts: np.ndarray
    margin: Margin | None
    loss: Loss | None
    stages: Mapping[str, int]
    probability: Loss | None = None

    def per_input(self) -> np.ndarray:
        """The verdict of whole inputs: right at every read position, wrong at some, or neither is known."""
        wrong = (self.verdicts == WRONG).any(axis=1)
        right = (self.verdicts == RIGHT).all(axis=1)
        return np.where(wrong, WRONG, np.where(right, RIGHT, UNDECIDED))

    def counts(self, counted: str) -> tuple[int, int, int]:
        """How many are right, wrong and undecided, as the task counts."""
        verdicts = self.verdicts if counted == "pairs" else self.per_input()
        found = np.bincount(verdicts.reshape(-1), minlength=3)
        return int(found[RIGHT]), int(found[WRONG]), int(found[UNDECIDED])
