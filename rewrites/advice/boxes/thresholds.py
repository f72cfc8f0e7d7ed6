"""Advice for least margins and losses: thresholds that the margins of all inputs exceed, or of many of them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ....models.statement import Statement
from ...boxes.bounds import ABOVE_BITS
from ...rules.box_loss import LossBoxes
from ...rules.box_margin import MarginBoxes, margin_of
from ...rules.box_rule import Boxes
from ..allowance import time_left
from .trees import found_boxes

Progress = Callable[[int, int], None]

STARTS = 2048  # random inputs, of which the one of least margin is moved token by token
MOVES = 12
SETS = 8000  # that are looked at for one threshold, where no budget says otherwise
TRIALS, FINEST = 7, 2.0**-8  # of thresholds; they end within this share of the witness's margin
FARTHER = 8  # times, a threshold below all margins is looked for
SHARE = 0.07  # of the time that is left, for one threshold
LOSS_STEPS, SAMPLES = 6, 60  # thresholds of losses, and random inputs whose margins say where they lie


def margin_boxes(statement: Statement, progress: Progress, *, careful: bool = False) -> MarginBoxes | None:
    """The largest threshold that is found to be below all margins, with an input of small margin; None without one."""
    margin, witness = small_margin(statement)
    gap, held, low, high = max(abs(margin) / 2, 2.0**-20), None, -math.inf, margin
    for _ in range(TRIALS):
        if high - low <= abs(margin) * FINEST:
            break
        threshold = margin - gap if low == -math.inf else (low + high) / 2
        found = _all_above(statement, _units(threshold), progress, careful=careful)
        if found is None:
            high, gap = threshold, gap * 4
        else:
            held, low = found, threshold
    return None if held is None else MarginBoxes(held, witness)


def loss_boxes(statement: Statement, progress: Progress, *, careful: bool = False) -> LossBoxes | None:
    """A threshold below all margins, and more above it, as far as there are inputs to tell apart."""
    margin, _ = small_margin(statement)
    gap = max(abs(margin) / 8, 2.0**-6)
    first = None
    for _ in range(FARTHER):
        first = _all_above(statement, _units(margin - gap), progress, careful=careful)
        if first is not None:
            break
        gap *= 4
    if first is None:
        return None
    typical = [_units(margin) for margin in typical_margins(statement)]
    steps = [_trees(statement, above, progress, careful=careful) for above in typical if above > first.units.above]
    return LossBoxes((first, *steps))


def typical_margins(statement: Statement) -> list[float]:
    """Margins that parts of some random inputs stay below, ascending."""
    rng, found = random.Random(1), list[float]()
    for _ in range(SAMPLES):
        margin = margin_of(statement, np.array([_drawn(statement, rng)], dtype=np.int64))
        if margin is not None and margin.upper is not None:
            found.append(float(margin.upper))
    found.sort()
    return [found[(2 * part + 1) * len(found) // (2 * LOSS_STEPS)] for part in range(LOSS_STEPS)]


def small_margin(statement: Statement) -> tuple[float, tuple[int, ...]]:
    """The margin of some input that no move of one token makes smaller."""
    rng = random.Random(0)
    inputs = {_drawn(statement, rng) for _ in range(STARTS)}
    best: tuple[Fraction, tuple[int, ...]] | None = None
    for _ in range(MOVES):
        found = margin_of(statement, np.array(sorted(inputs), dtype=np.int64))
        if found is None or found.upper is None or (best is not None and found.upper >= best[0]):
            break
        best = found.upper, found.tokens
        inputs = _neighbours(statement, found.tokens)
    assert best is not None, "a network with one output has no margins, and no strategy"
    return float(best[0]), best[1]


def _drawn(statement: Statement, rng: random.Random) -> tuple[int, ...]:
    inputs = statement.task.inputs
    if inputs.condition == "sorted":
        length = inputs.positions // 2
        numbers = rng.sample(inputs.sets[0], length)
        return (*numbers, inputs.sets[length][0], *sorted(numbers))
    return tuple(rng.choice(tokens) for tokens in inputs.sets)


def _neighbours(statement: Statement, tokens: tuple[int, ...]) -> set[tuple[int, ...]]:
    """All inputs with one other token; of lists, with one other number."""
    inputs = statement.task.inputs
    length = inputs.positions // 2 if inputs.condition == "sorted" else inputs.positions
    found = set[tuple[int, ...]]()
    for p in range(length):
        for token in inputs.sets[p]:
            moved = (*tokens[:p], token, *tokens[p + 1 : length])
            if inputs.condition == "sorted":
                if token in tokens[:length]:
                    continue
                moved = (*moved, tokens[length], *sorted(moved))
            found.add(moved)
    return found


def _units(margin: float) -> int:
    return int(margin * 2.0**ABOVE_BITS // 1)


def _all_above(statement: Statement, above: int, progress: Progress, *, careful: bool) -> Boxes | None:
    found = _trees(statement, above, progress, 0, careful=careful)
    closed = not any(symbol in tree.symbols for tree in found.trees for symbol in "UW")
    return found if closed else None


def _trees(statement: Statement, above: int, progress: Progress, cut: int | None = None, *, careful: bool) -> Boxes:
    left = time_left()
    return found_boxes(
        statement, cut, progress, above, careful=careful, sets=SETS, seconds=None if left is None else SHARE * left
    )
