"""Finds a tree for :mod:`..rules.loss_tree`.  Untrusted: the rule bounds every leaf itself, and any tree is sound.

A node is split while (its sequences) × (upper minus lower bound of the loss) exceeds a share of the inputs.  The share
shrinks from round to round until the enclosure is narrow, the tree is large, or the time is over.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...models.one_layer import one_layer_of
from ..rules.loss_tree import LossCell, Shape
from ..rules.margin_enclosure import MarginEnclosure
from ..rules.path_decomposition import Paths
from ..rules.token_order_tree import Node
from .deadline import deadline

Progress = Callable[[int, int], None]

NARROW = 2.0**-12  # of the lower bound: narrower than the rule's own rounding
NODES = 1 << 17  # a round with more nodes is the last one
FIRST, LAST = 20, 64  # shares are 2^-FIRST … 2^-LAST
SHARE = 0.12  # of the time that is left: the rule's exact bounds of a leaf take six times as long as these
FINER, MUCH_FINER = 4, 8  # the second while the tree is small


def search(
    paths: Paths, seconds: int | None = None, progress: Progress | None = None, limit: int | None = None
) -> Shape:
    """A tree for all cells.  ``limit``: after so many nodes none is split any more, on whatever machine."""
    late = deadline(seconds, SHARE)
    enough = NODES if limit is None else limit // 2  # the next round has about twice as many
    inputs = paths.statement.inputs
    enclosure, symbols = MarginEnclosure(paths), ""
    bits = FIRST
    while bits <= LAST:
        attempt = _Round(2.0**-bits * inputs, late, limit)
        attempt.run(enclosure)
        if attempt.late and bits > FIRST:
            break
        symbols, nodes = "".join(attempt.symbols), len(attempt.symbols)
        if attempt.high - attempt.low <= NARROW * attempt.low or attempt.settled or attempt.late or nodes > enough:
            break
        bits += FINER if nodes > NODES >> 4 else MUCH_FINER
        if progress is not None:
            progress(bits - FIRST, LAST - FIRST)
    return Shape(symbols)


class _Round:
    """One tree, for one share; ``settled`` when each leaf is one sequence, ``late`` when time or nodes ended first."""

    def __init__(self, most: float, late: Callable[[], bool], limit: int | None) -> None:
        self._most, self._late, self._limit = most, late, limit
        self.symbols: list[str] = []
        self.low = self.high = 0.0
        self.settled, self.late = True, False

    def run(self, enclosure: MarginEnclosure) -> None:
        """Cells that the time does not reach are not split."""
        layer = one_layer_of(enclosure.paths.statement)
        for q, m in layer.cells():
            if layer.cell_size(q, m):
                if self._ended():
                    self.symbols.append("U")
                else:
                    self._cell(LossCell(enclosure, q, m))

    def _ended(self) -> bool:
        self.late = self.late or self._late() or (self._limit is not None and len(self.symbols) >= self._limit)
        return self.late

    def _cell(self, cell: LossCell) -> None:
        self.symbols.append("S")
        stack = cell.boxes()[::-1]
        while stack:
            node = cell.tree.settled(stack.pop())
            if node is None:
                continue
            size = cell.tree.size(node)
            low, high = _bounds(cell, node)
            if size > 1 and not self._ended() and not size * (high - low) <= self._most:
                self.symbols.append("S")
                stack.extend(reversed(cell.tree.split(node)))
            else:
                self.symbols.append("U")
                self.low, self.high = self.low + size * low, self.high + size * high
                self.settled = self.settled and size == 1


def _bounds(cell: LossCell, node: Node) -> tuple[float, float]:
    """The rule's bounds of the loss, in floating point."""
    upper = cell.tree.fields(node.upper).astype(np.float64)
    lower = cell.tree.fields(node.lower).astype(np.float64)
    heaviest, lightest, unit = upper[-1], max(lower[-1], 2.0**-60), 2.0**cell.exponent
    above, below = upper[:-1], lower[:-1]
    above = np.minimum(above / np.where(above < 0, heaviest, lightest), cell.largest) * unit
    below = np.maximum(below / np.where(below < 0, lightest, heaviest), cell.least) * unit
    return _loss(below), _loss(above)


def _loss(differences: np.ndarray) -> float:
    top = float(differences.max(initial=0.0))
    return top + float(np.log1p(np.exp(differences - top).sum() + np.expm1(-top)))
