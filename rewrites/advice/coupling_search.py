"""Reaches and multipliers for coupled logit gaps (:mod:`..rules.coupled_gap`).  Untrusted.

The bound of a cell grows with its reach, so the largest one is found by bisection, all cells of a maximum and all of a
ladder of multipliers at once; the multiplier that counts most sequences of (m, c) is kept.
"""

from __future__ import annotations

from math import comb

import numpy as np

from ..rules.additive_margin import AdditiveMargin
from ..rules.attention_range import Reach
from ..rules.coupled_gap import LINES, MULTIPLIER_LIMIT, Bounds, Cells, Multipliers
from ..rules.row_split import RowSplit

# Multipliers tried: -w plus these shares of the largest number that values of m have.
LADDER = (0.0, 0.2, 0.4, 0.7, 1.0, 1.3, 1.7, 2.2, 3.0)


def search(
    margin: AdditiveMargin, scores: RowSplit, direct: RowSplit, tokens: RowSplit, blocks: int
) -> tuple[Reach, Multipliers]:
    """The reach of every cell, and the multiplier of every (m, c)."""
    bounds = Bounds(margin, scores, direct, tokens)
    positions, size = margin.paths.tables["PVOU"].shape
    reach = np.full((size, size, positions), -1, dtype=np.int64)
    chosen = np.zeros((size, positions), dtype=np.int64)
    for m in range(1, size):
        cells = bounds.cells(m, blocks)
        worst = int(cells.values.others.max()) // LINES
        scale = max(int(abs(values).max()) // LINES for values in (cells.values.start, cells.values.others))
        ladder = np.array([int(scale * share) - worst for share in LADDER], dtype=np.int64)
        ladder = np.clip(ladder, 1 - MULTIPLIER_LIMIT, MULTIPLIER_LIMIT - 1)
        found = _reaches(cells, ladder, positions)
        others = np.arange(positions)[None, :] - (np.arange(m + 1) < m)[:, None]
        ways = np.array([float(comb(positions - 1, n)) if n >= 0 else 0.0 for n in range(-1, positions)])[others + 1]
        counted = (ways * np.where(found >= 0, (found + 1.0) ** np.maximum(others, 0), 0.0)).sum(axis=1)
        best = counted.argmax(axis=0)
        chosen[m] = ladder[best]
        reach[: m + 1, m, :] = found[best, :, np.arange(positions)].T
    return Reach(reach), Multipliers(chosen, blocks, bounds.tables.exponent)


def _reaches(cells: Cells, ladder: np.ndarray, positions: int) -> np.ndarray:
    """By multiplier, query and number of others: the largest reach with a negative gap, -1 where there is none."""
    found = np.full((len(ladder), cells.m + 1, positions), -1, dtype=np.int64)
    if positions == 1:
        return found
    g, q, c = (axis.ravel() for axis in np.indices((len(ladder), cells.m + 1, positions - 1)))
    least = np.where(q == cells.m, 0, q)
    low, high = least - 1, np.full(q.shape, cells.m - 1)
    while (open_cells := np.flatnonzero(low < high)).size:
        i = open_cells
        middle = (low[i] + high[i] + 1) // 2
        good = cells.negative(q[i], c[i] + 1, middle, ladder[g[i]])
        low[i], high[i] = np.where(good, middle, low[i]), np.where(good, high[i], middle - 1)
    found[g, q, c + 1] = np.where(low >= least, low, -1)
    return found
