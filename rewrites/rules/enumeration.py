"""Brute force in the additive form: every sequence is decided, none is bounded.

Theorem.  A sequence is right if the upper ends of Σ_p D_x(p, t_p) are negative for every x != m, wrong if the lower
end is >= 0 for some x; the few sequences in between are decided by the exact sign of the sum.  Every sequence of
every cell is looked at once.

This is the oracle that the shorter proofs are measured against.  Its trace is the input set, so no certificate
carries it; a proof asked for by this name carries a tree with the same count.

Source: :mod:`.additive_margin`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.arithmetic.interval import IntervalTable
from ...engine.cost import Cost
from ...engine.errors import MechproofError
from ...engine.formula import At, Exists, ForAll, Num, Range, Total, Var, Where
from ...engine.rule import Lemma, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST, AdditiveMargin
from .box_extremes import Cell
from .parts import cells
from .path_decomposition import K, V
from .right_count import RightCount

SEQUENCE_LIMIT = 1 << 31
COARSE_SHIFT = 32
BLOCK = 1 << 19  # so many table entries are added up at a time
TAIL = 2  # so many last free positions are vectorised; the ones before are enumerated
HEADS = 1 << 14  # so many choices of the others are listed at a time
BATCH = 1 << 24  # only the last one is where a table over them would have more entries than this

_p, _x = Var("p"), Var("x")
_positions = Range(Num(0), Var("K"))
_outputs = Where(Range(Num(0), Var("V")), _x.differs(Var("m")), _x)


def _total(table: str) -> Total:
    return Total(_p, _positions, At(table, _p, _x))


DECIDED = Lemma(
    label="decided-sequence",
    title="Deciding one sequence from enclosures",
    given="For all reals $D^{-}(p, x) \\le D(p, x) \\le D^{+}(p, x)$ and every token $m$:",
    statement=(
        ForAll(_x, _outputs, _total("D^{+}") < Num(0)).implies(ForAll(_x, _outputs, _total("D") < Num(0)))
        & Exists(_x, _outputs, _total("D^{-}") >= Num(0)).implies(Exists(_x, _outputs, _total("D") >= Num(0)))
    ),
    proof="Sums keep the order: $\\sum_p D^{-} \\le \\sum_p D \\le \\sum_p D^{+}$ for every $x$.",
    source="sums keep the order",
)


@dataclass(unsafe_hash=True)
class TooManySequences(MechproofError):
    """Brute force was asked for an input set that it cannot enumerate."""

    inputs: int
    limit: int
    sentence = "brute force would enumerate {inputs} sequences; its limit is {limit}: use branch_and_bound or separable"


class Enumeration(Rule):
    """No advice.  ``progress(done, cells)`` is called after each cell."""

    name = "enumeration"
    premises = (AdditiveMargin,)
    lemmas = (DECIDED,)
    derivation = (
        "[@decided-sequence] for every single sequence; a sequence that enclosures leave open is decided exactly."
    )
    cost = MARGIN_COST + Cost(add=V ** (K + 1), compare=V ** (K + 1))

    def __init__(self, progress: Callable[[int, int], None] | None = None) -> None:
        self._progress = progress

    def conclude(self, premises: Sequence[Any], advice: Any) -> RightCount:
        (margin,) = premises
        layer = one_layer_of(margin.statement)
        if layer.inputs > SEQUENCE_LIMIT:
            raise TooManySequences(layer.inputs, SEQUENCE_LIMIT)
        right = dict.fromkeys(layer.cells(), 0)
        wrong = dict(right)
        for done, (q, m) in enumerate(right):
            if layer.cell_size(q, m):
                right[q, m], wrong[q, m] = _enumerate_cell(margin, Cell(margin.enclosure, q, m))
            if self._progress is not None:
                self._progress(done + 1, len(right))
        return RightCount(cells(margin.statement), right, wrong)


def _enumerate_cell(margin: AdditiveMargin, cell: Cell) -> tuple[int, int]:
    """How many sequences of the cell are right, and wrong."""
    tokens = cell.m + 1
    outputs = np.array([x for x in range(cell.table.base.lower.shape[0]) if x != cell.m], dtype=np.int64)
    if not outputs.size:  # a single token: its logit is strictly larger than every other
        return 1, 0
    free, base = cell.table.free[:, :, outputs], cell.table.base[outputs]
    coarse_free, coarse_base = _coarse(free.upper), _coarse(base.upper)
    tail = min(TAIL if len(outputs) * tokens**TAIL <= BATCH else 1, cell.free_positions)
    split = cell.free_positions - tail
    tails = _choices(tokens, tail, 0, tokens**tail)
    every = _outer_sums(coarse_free[split:])
    holding = (tails == cell.m).any(axis=1)
    some = np.ascontiguousarray(every[:, holding])
    right = wrong = 0
    for first in range(0, tokens**split, HEADS):
        heads = _choices(tokens, split, first, min(first + HEADS, tokens**split))
        complete = (heads == cell.m).any(axis=1) | (cell.q == cell.m)
        for starts, ends, table in ((heads[complete], tails, every), (heads[~complete], tails[holding], some)):
            size = max(1, BLOCK // max(1, table.size))
            for block in (starts[begin : begin + size] for begin in range(0, len(starts), size)):
                offsets = coarse_base + sum(coarse_free[position, chosen] for position, chosen in enumerate(block.T))
                offsets = np.broadcast_to(offsets, (len(block), len(outputs))).T
                worst = (table[:, None, :] + offsets[:, :, None]).max(axis=0)
                head, end = np.nonzero(worst >= 0)
                right += worst.size - len(head)
                if len(head):
                    outcome = _decide(margin, cell, outputs, free, base, np.hstack([block[head], ends[end]]))
                    right, wrong = right + outcome[0], wrong + outcome[1]
    return right, wrong


def _choices(tokens: int, length: int, first: int, last: int) -> np.ndarray:
    """The sequences of ``length`` tokens number ``first`` to ``last`` - 1, one a row, the last position fastest."""
    powers = np.array([tokens**p for p in reversed(range(length))], dtype=np.int64)
    return np.arange(first, last, dtype=np.int64)[:, None] // powers % tokens


def _coarse(upper: np.ndarray) -> np.ndarray:
    """Upper endpoints in units 2^32 times as large, rounded up: sums of K of them fit 32 bits, where SIMD is twice as
    wide."""
    return (-(-upper >> COARSE_SHIFT)).astype(np.int32)


def _outer_sums(table: np.ndarray) -> np.ndarray:
    """Σ_p table[p, t_p] for every choice of the t_p, the last position fastest: (number of outputs) × (number of
    choices)."""
    sums = np.zeros((table.shape[2], 1), dtype=table.dtype)
    for rows in table:
        sums = (sums[:, :, None] + np.ascontiguousarray(rows.T)[:, None, :]).reshape(len(sums), -1)
    return sums


def _decide(
    margin: AdditiveMargin,
    cell: Cell,
    outputs: np.ndarray,
    free: IntervalTable,
    base: IntervalTable,
    sequences: np.ndarray,
) -> tuple[int, int]:
    """How many of these sequences (free tokens, one sequence a row) are right, and wrong: by the full tables, then
    exactly."""
    upper, lower = base.upper[:, None], base.lower[:, None]
    for position, chosen in enumerate(sequences.T):
        upper, lower = upper + free.upper[position].T[:, chosen], lower + free.lower[position].T[:, chosen]
    upper, lower = (
        np.broadcast_to(upper, (len(outputs), len(sequences))),
        np.broadcast_to(lower, (len(outputs), len(sequences))),
    )
    shown_right, shown_wrong = (upper < 0).all(axis=0), (lower >= 0).any(axis=0)
    right, wrong = int(shown_right.sum()), int(shown_wrong.sum())
    for index in np.flatnonzero(~shown_right & ~shown_wrong).tolist():
        sequence = (*sequences[index].tolist(), cell.q)
        outcome = _outcome([margin.sign(cell.q, cell.m, x, sequence) for x in outputs[upper[:, index] >= 0].tolist()])
        right, wrong = right + outcome[0], wrong + outcome[1]
    return right, wrong


def _outcome(signs: Sequence[int | None]) -> tuple[int, int]:
    """(1, 0) for a right sequence, (0, 1) for a wrong one, (0, 0) when some sign stays unknown and none is >= 0."""
    if any(sign in (0, 1) for sign in signs):
        return 0, 1
    return (0, 0) if None in signs else (1, 0)
