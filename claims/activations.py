"""What a network computes on one input, enclosed: activations by name, logits, and whether it is right.

The network's own term is evaluated by the one interpreter, over balls; what balls leave open of a right answer is
decided as enumeration decides it, by growing precision and exact tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from flint import arb

from ..engine.arithmetic.ball import Ball, precision
from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.arithmetic.verdict import Verdict
from ..engine.domains.balls import BallDomain, over
from ..engine.interpret import Interpreter
from ..engine.network_terms import stacked
from ..models.hooks import Hook, Hooks
from ..models.statement import Statement
from ..rewrites.enumeration.ladder import settle
from ..rewrites.enumeration.outcome import RIGHT, WRONG
from .intervals import IntervalMatrix
from .network import GUARD, Bounds, bounds_of


class NotOneMatrix(Exception):
    """A part of an activation that is no matrix, or that has entries without value."""


@dataclass(frozen=True)
class Activation:
    """``matrices``: one for each index of the first of three axes, or one; ``causal``: row p has nothing behind p."""

    matrices: tuple[IntervalMatrix, ...]
    axes: tuple[int, ...]
    causal: bool = False

    def part(self, at: Sequence[range]) -> IntervalMatrix:
        """The entries at these places of each axis; raises :class:`NotOneMatrix`."""
        rows, columns = at[-2:]
        if self.causal and columns[-1] > rows[0]:
            raise NotOneMatrix(f"position {rows[0]} does not see position {columns[-1]}, which has no score there")
        if len(at) == 2:
            return self.matrices[0].block(rows, columns)
        parts = [self.matrices[place].block(rows, columns).flat() for place in at[0]]
        if len(parts) == 1:
            return self.matrices[at[0][0]].block(rows, columns)
        if len(rows) > 1 and len(columns) > 1:
            axes = " × ".join(str(len(places)) for places in at)
            raise NotOneMatrix(f"expected a matrix, found {axes} numbers; give one of the axes an index")
        lower, upper = ([entry for part in parts for entry in getattr(part, end)] for end in ("lower", "upper"))
        return IntervalMatrix.between((len(parts), len(parts[0].lower)), lower, upper, parts[0].scale)


class Activations:
    """The network of a statement on single inputs."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._runs: dict[str, tuple[Hook, Interpreter]] = {}

    @cached_property
    def _values(self) -> dict[str, DyadicMatrix]:
        return self.statement.network.values(self.statement.task.positions)

    @cached_property
    def _hooks(self) -> Hooks:
        return Hooks(self.statement.network, self.statement.task.positions)

    @cached_property
    def _logits(self) -> Interpreter:
        task = self.statement.task
        return Interpreter(self.statement.network.term(task.positions, task.read), self._values)

    def logits(self, tokens: Sequence[int], bits: int) -> IntervalMatrix:
        """The logits at the read position as a column; at several of them, a row for each."""
        with precision(bits + GUARD):
            rows = [_bounds(row.entries(), bits) for row in self._logits.rows(BallDomain(tokens))]
        return _matrix(rows).T if len(rows) == 1 else _matrix(rows)

    def correct(self, tokens: Sequence[int]) -> tuple[Verdict, str]:
        """Whether the input is right, and why not."""
        task = self.statement.task
        answers = task.answer(np.array([tokens], dtype=np.int64))[0].tolist()
        found = settle(self._logits, tokens, answers, loss=False)
        wrong = [place for place, one in enumerate(found) if one.verdict == WRONG]
        if wrong:
            where = f" at position {task.read[wrong[0]]}" if len(found) > 1 else ""
            return Verdict.FALSE, f"logit {answers[wrong[0]]}, the right answer's, is not the largest{where}"
        right = all(one.verdict == RIGHT for one in found)
        return (Verdict.TRUE if right else Verdict.UNDECIDED), ""

    def activation(self, name: str, tokens: Sequence[int], bits: int) -> Activation:
        """The activation of this name; raises :class:`~mechproof.models.hooks.UnknownHook`."""
        if name not in self._runs:
            hook = self._hooks.hook(name)
            rows = [term.row(p) for term in hook.terms for p in range(term.shape[0])]
            self._runs[name] = hook, Interpreter(stacked(rows), self._values)
        hook, run = self._runs[name]
        positions, width = hook.terms[0].shape
        with precision(bits + GUARD):
            scaled = [_scaled(row.entries(), hook) for row in run.rows(BallDomain(tokens))]
            rows = [_padded(_bounds(row, bits), width) for row in scaled]
        by_head = [rows[first : first + positions] for first in range(0, len(rows), positions)]
        if hook.patterns:
            axes = len(by_head), positions, width
            return Activation(tuple(map(_matrix, by_head)), axes, hook.causal)
        if hook.heads:
            by_position = [[head[p] for head in by_head] for p in range(positions)]
            return Activation(tuple(map(_matrix, by_position)), (positions, len(by_head), width))
        return Activation((_matrix(rows),), (positions, width))


def _scaled(row: Sequence[arb], hook: Hook) -> Sequence[arb]:
    if hook.scale is None:
        return row
    factor = over(arb(hook.scale.factor.numerator), arb(hook.scale.factor.denominator) * arb(hook.scale.root).sqrt())
    return [entry * factor for entry in row]


def _bounds(row: Sequence[arb], bits: int) -> list[Bounds]:
    return [bounds_of(Ball(entry), bits + GUARD) for entry in row]


def _padded(row: list[Bounds], width: int) -> list[Bounds]:
    """What a position does not see has weight 0."""
    return row + [(Fraction(0), Fraction(0))] * (width - len(row))


def _matrix(rows: Sequence[Sequence[Bounds]]) -> IntervalMatrix:
    flat = IntervalMatrix.column([entry for row in rows for entry in row])
    return IntervalMatrix.between((len(rows), len(rows[0])), flat.lower, flat.upper, flat.scale)
