"""One input by itself: balls of growing precision, and the exact tests of what balls can never decide.

A tie is zero at every precision, so an input that the first balls leave open is tested exactly before the precision
grows; where no exact test is known, the precision grows to a limit, and past it the input is undecided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from flint import arb

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.domains.balls import BallDomain
from ...engine.domains.exact import ExactDomain, NotDecidable
from ...engine.interpret import Interpreter, Known
from .outcome import RIGHT, UNDECIDED, WRONG, Loss, Margin, end

PRECISIONS = (128, 256, 1024)
ROOM_BITS = 96  # bits of an end that is stored


@dataclass(frozen=True)
class Settled:
    """One input at one read position; ``margin``: between these (None for an end that is not known), or None where
    there is no other output."""

    verdict: int
    stage: str
    margin: tuple[Fraction | None, Fraction | None] | None
    loss: Loss | None
    probability: Loss | None = None

    def least(self, tokens: np.ndarray, position: int) -> Margin | None:
        """The margin as the least of one."""
        return None if self.margin is None else Margin(*self.margin, tuple(tokens.tolist()), position)


def settle(run: Interpreter, tokens: Sequence[int], answers: Sequence[int], *, loss: bool) -> list[Settled]:
    """What is known of the input at each read position."""
    found: list[Settled] = []
    exact: list[int | None] | None = None
    for bits in PRECISIONS:
        with precision(bits):
            rows = [row.entries() for row in run.rows(BallDomain(tokens))]
            found = [_read(row, c, loss) for row, c in zip(rows, answers, strict=True)]
        if all(one.verdict != UNDECIDED for one in found):
            break
        if exact is None:
            exact = _exactly(run, tokens, answers)
        found = [_with(one, verdict) for one, verdict in zip(found, exact, strict=True)]
        if all(one.verdict != UNDECIDED for one in found):
            break
    return found


def _read(logits: Sequence[arb], answer: int, loss: bool) -> Settled:
    differences = [Ball(logits[answer] - other) for z, other in enumerate(logits) if z != answer]
    signs = [difference.sign() for difference in differences]
    verdict = UNDECIDED
    if all(sign == 1 for sign in signs):
        verdict = RIGHT
    elif any(sign in (-1, 0) for sign in signs):
        verdict = WRONG
    ends = None
    if differences:
        lowers, uppers = ([_end(difference, up=up) for difference in differences] for up in (False, True))
        below, above = ([number for number in numbers if number is not None] for numbers in (lowers, uppers))
        ends = min(below) if len(below) == len(lowers) else None, min(above, default=None)
    entropy = chance = None
    if loss:
        exponentials = sum((-difference.enclosure).exp() for difference in differences)
        enclosed = Ball((arb(1) + exponentials).log())
        lower, upper = _end(enclosed, up=False), _end(enclosed, up=True)
        if lower is not None and upper is not None:
            entropy = Loss(max(lower, Fraction(0)), upper)
        share = Ball((-enclosed.enclosure).exp())
        lower, upper = _end(share, up=False), _end(share, up=True)
        if lower is not None and upper is not None:
            chance = Loss(max(lower, Fraction(0)), min(upper, Fraction(1)))
    return Settled(verdict, "open" if verdict == UNDECIDED else "balls", ends, entropy, chance)


def _end(ball: Ball, *, up: bool) -> Fraction | None:
    if not ball.enclosure.is_finite():
        return None
    return end(*(ball.ceil_mantissa(ROOM_BITS) if up else ball.floor_mantissa(ROOM_BITS)), up=up)


def _exactly(run: Interpreter, tokens: Sequence[int], answers: Sequence[int]) -> list[int | None]:
    """RIGHT or WRONG at each read position, by exact signs; None where no exact test is known."""
    domain = ExactDomain(tokens)
    try:
        rows = run.rows(domain)
        return [_exact_verdict(domain, row, answer) for row, answer in zip(rows, answers, strict=True)]
    except NotDecidable:
        return [None] * len(answers)


def _exact_verdict(domain: ExactDomain, row: object, answer: int) -> int | None:
    outputs = row.width  # type: ignore[attr-defined]
    entries = [int(i == answer) - int(i == j) for i in range(outputs) for j in range(outputs)]
    against = Known(DyadicMatrix.from_integers(outputs, outputs, entries, 0))
    differences = domain.linear(row, against)  # type: ignore[arg-type]
    signs = (domain.sign(differences, z) for z in range(outputs) if z != answer)
    return RIGHT if all(sign > 0 for sign in signs) else WRONG


def _with(one: Settled, verdict: int | None) -> Settled:
    if one.verdict != UNDECIDED or verdict is None:
        return one
    return replace(one, verdict=verdict, stage="exact")
