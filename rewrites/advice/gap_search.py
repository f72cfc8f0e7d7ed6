"""How far each cell reaches: the largest j for which its logit gap is still negative.  Untrusted, in floats.

The bound of a cell grows with its reach, and no cell's bound depends on another's when every query has its own w; so
the
largest reach is found by bisection, all cells at once.  With one anchor a cell group (m, c), every anchor of a ladder
is
tried and the one that counts most sequences is kept.  With a shared w (published), every cap on the reach is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...models.one_layer import one_layer_of
from ..rules.attention_range import GRID_BITS, Reach
from ..rules.logit_gap import Anchors
from ..rules.path_decomposition import Paths
from ..rules.row_split import RowSplit

LADDER = 32
STEPS = 16
# Gaps, in logits, between which the losses of a cell are told apart.
LEVELS = (-8.0, -3.0, 0.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 22.0, 27.0, 33.0)
# What rounding in the proof may cost a cell, in logits.
SLACK = 1e-5
# Larger numbers are cut to this one: a product of four is still a float.
LARGEST = 1 << 200
# Larger exponents are cut to this one: a product of two exponentials is still a float.
STEEPEST = 300.0


@dataclass(frozen=True)
class Handling:
    """How the largest gap is to be bounded: see :class:`Anchors`; ``anchor``: none, zero or best."""

    chord: bool
    anchor: str
    single: bool = True
    spread: bool = False
    shared: bool = False


def search(
    paths: Paths, attention: RowSplit, direct: RowSplit, tokens: RowSplit, handling: Handling
) -> tuple[Reach, Anchors]:
    """Reach and anchors for the rules :mod:`..rules.attention_range` and :mod:`..rules.logit_gap`."""
    cells = _Cells(paths, attention, direct, tokens, handling)
    grid, anchors = cells.best()
    chosen = None if anchors is None else np.rint(anchors * 2**GRID_BITS).astype(np.int64)
    flags = {name: getattr(handling, name) for name in ("chord", "single", "spread", "shared")}
    return cells.as_reach(grid), Anchors(anchors=chosen, **flags)


def layers(paths: Paths, attention: RowSplit, direct: RowSplit, tokens: RowSplit) -> tuple[Reach, ...]:
    """Reaches for the rule :mod:`..rules.gap_loss`: within each, no gap exceeds a number of ``LEVELS``."""
    cells = _Cells(paths, attention, direct, tokens, Handling(chord=True, anchor="none"))
    return tuple(cells.as_reach(cells.reach_below(level)) for level in LEVELS)


def floats(matrix: DyadicMatrix) -> np.ndarray:
    """The entries as the nearest floats, at most ``LARGEST`` in size."""
    rows = matrix.fractions()
    return np.array([[float(max(-LARGEST, min(entry, LARGEST))) for entry in row] for row in rows])


class _Cells:
    """All cells (q, m, c) as flat arrays, and their bounds for given reaches."""

    def __init__(
        self, paths: Paths, attention: RowSplit, direct: RowSplit, tokens: RowSplit, handling: Handling
    ) -> None:
        self.handling = handling
        position_scores = floats(paths.tables["EQKP"])
        self.vocabulary, self.positions = position_scores.shape
        root = float(one_layer_of(paths.statement).d_head) ** 0.5
        self.table = floats(attention.approximation) / root
        self.noise = floats(attention.bounds)[:, 0] / root
        offsets = np.sort(position_scores[:, :-1] - position_scores[:, -1:], axis=1)
        weights = np.exp(np.minimum(offsets / root, STEEPEST))
        zero = np.zeros((self.vocabulary, 1))
        self.lightest = np.concatenate([zero, np.cumsum(weights, axis=1)], axis=1)
        self.heaviest = np.concatenate([zero, np.cumsum(weights[:, ::-1], axis=1)], axis=1)
        q, m, c = np.indices((self.vocabulary, self.vocabulary, self.positions))
        exists = (q <= m) & (m >= 1) & (c >= 1)
        self.q, self.m, self.c = q[exists], m[exists], c[exists]
        self.least_reach = np.where(self.q == self.m, 0, self.q)
        self.prefix_max = np.maximum.accumulate(self.table, axis=1)
        self.prefix_min = np.minimum.accumulate(self.table, axis=1)
        self._logits(paths, direct, tokens)

    def _logits(self, paths: Paths, direct: RowSplit, split: RowSplit) -> None:
        tokens, noise = floats(split.approximation), floats(split.bounds)
        positions = floats(paths.tables["PVOU"])
        common = floats(direct.approximation)[0]
        size = self.vocabulary
        self.gap = np.broadcast_to(floats(direct.bounds), (size, size))[self.q, self.m] + SLACK
        self.base = common[None, :] - common[:, None] + (positions[:, None, :] - positions[:, :, None]).max(axis=0)
        self.own = tokens - np.diagonal(tokens)[:, None] + noise
        off = np.eye(size, dtype=bool)
        self.base_others = np.where(off, -np.inf, self.base)
        self.steepest = np.where(off, -np.inf, self.own).max(axis=1)
        self.flattest = np.where(off, np.inf, self.own - 2 * noise).min(axis=1)
        self.others = np.zeros((size, size))
        if self.handling.spread:
            each = np.broadcast_to(np.ptp(tokens, axis=1)[:, None], (size, size))
        else:
            best = [np.where(off[m], -np.inf, tokens).max(axis=1) - tokens[:, m] for m in range(size)]
            each = np.array(best).T
        self.others = np.maximum.accumulate(each + noise, axis=0)
        at = np.arange(STEPS + 1) / STEPS
        self.chords = np.stack([(self.base_others + a * self.own).max(axis=1) for a in at], axis=1)

    def best(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The reach of every cell (-1: none), and the anchors."""
        if self.handling.anchor == "none":
            return self._reach(None), None
        shape = (self.vocabulary, self.positions)
        ladder = [0.0] if self.handling.anchor == "zero" else [step / LADDER for step in range(LADDER + 1)]
        reach, anchors = np.full(self.q.shape, -1), np.zeros(shape)
        most = np.full(shape, -1.0)
        for anchor in ladder:
            found = self._reach(anchor)
            counted = self._counted(found)
            better = counted > most
            anchors[better], most[better] = anchor, counted[better]
            reach = np.where(better[self.m, self.c], found, reach)
        return reach, anchors

    def as_reach(self, grid: np.ndarray) -> Reach:
        """The reaches of all cells as advice."""
        table = np.full((self.vocabulary, self.vocabulary, self.positions), -1, dtype=np.int64)
        table[self.q, self.m, self.c] = grid
        return Reach(table)

    def reach_below(self, level: float) -> np.ndarray:
        """The largest reach of every cell with a bound below the level, every cell with its own w."""
        return self._bisect(lambda j: self._bound(j, j, None) - level, self.m - 1)

    def _counted(self, reach: np.ndarray) -> np.ndarray:
        """Sequences by (m, c)."""
        free = self.positions - 1
        others = self.c - (self.q < self.m)
        ways = np.array([float(comb(free, n)) for n in range(self.positions)])[others]
        counts = np.where(reach >= 0, ways * (reach + 1.0) ** others, 0.0)
        total = np.zeros((self.vocabulary, self.positions))
        np.add.at(total, (self.m, self.c), counts)
        return total

    def _reach(self, anchor: float | None) -> np.ndarray:
        if not self.handling.shared:
            return self._bisect(lambda j: self._bound(j, j, anchor), self.m - 1)
        reach = np.full(self.q.shape, -1)
        most = np.full((self.vocabulary, self.positions), -1.0)
        for cap in range(self.vocabulary - 1):
            limit = np.minimum(self.m - 1, cap)
            found = self._bisect(lambda j, limit=limit: self._bound(j, limit, anchor), limit)
            counted = self._counted(found)
            better = counted > most
            most[better] = counted[better]
            reach = np.where(better[self.m, self.c], found, reach)
        return reach

    def _bisect(self, bound: Callable[[np.ndarray], np.ndarray], limit: np.ndarray) -> np.ndarray:
        """The largest reach up to the limit with a negative bound, -1 where there is none."""
        low, high = self.least_reach - 1, np.maximum(limit, self.least_reach - 1)
        while (low < high).any():
            middle = (low + high + 1) // 2
            good = (bound(np.maximum(middle, 0)) < 0) & (middle >= self.least_reach)
            low, high = np.where(good, middle, low), np.where(good, high, np.minimum(high, middle - 1))
            high = np.maximum(low, high)
        return np.where(low >= self.least_reach, low, -1)

    def _bound(self, j: np.ndarray, widest: np.ndarray, anchor: float | None) -> np.ndarray:
        """The bound of every cell at reach j, with the other tokens' part at reach ``widest``."""
        others = self.others[widest, self.m]
        low = self._share(self.prefix_max[self.q, j], self.noise[self.q], self.lightest, self.heaviest)
        high = self._share(self.prefix_min[self.q, j], -self.noise[self.q], self.heaviest, self.lightest)
        worst = [self._largest(alpha, anchor) + (1 - alpha) * others for alpha in (low, high)]
        return np.maximum(*worst) + self.gap

    def _share(self, key: np.ndarray, noise: np.ndarray, copies: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Attention on m when the others score as ``key`` + noise."""
        top = self.q == self.m
        slots = self.positions - self.c - top
        against = np.exp(np.clip(key + noise - self.table[self.q, self.m], -STEEPEST, STEEPEST))
        weight = copies[self.q, slots] + top
        return weight / (weight + (rest[self.q, self.positions - 1 - slots] + ~top) * against)

    def _largest(self, alpha: np.ndarray, anchor: float | None) -> np.ndarray:
        bounds = []
        if self.handling.chord:
            left = np.minimum((alpha * STEPS).astype(int), STEPS - 1)
            start, end = self.chords[self.m, left], self.chords[self.m, left + 1]
            bounds.append(start + (end - start) * (alpha * STEPS - left))
        if anchor is not None:
            at = (self.base_others + anchor * self.own).max(axis=1)[self.m]
            slope = np.where(alpha >= anchor, self.steepest[self.m], self.flattest[self.m])
            bounds.append(at + (alpha - anchor) * slope)
        return np.minimum.reduce(bounds)
