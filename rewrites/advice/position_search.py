"""Reaches for logit gaps with shared positions (:mod:`..rules.position_gap`).  Untrusted.

The bound of a cell grows with its reach: the largest one is found by bisection, all cells at once, with the rule
itself.
"""

from __future__ import annotations

import numpy as np

from ..rules.additive_margin import AdditiveMargin
from ..rules.attention_range import AttentionRangeRule, Reach
from ..rules.position_gap import PositionGap
from ..rules.row_split import RowSplit


def search(margin: AdditiveMargin, scores: RowSplit, direct: RowSplit, tokens: RowSplit) -> Reach:
    """The reach of every cell."""
    positions, size = margin.paths.tables["PVOU"].shape
    q, m, c = np.indices((size, size, positions))
    exists = (c >= 1) & (q <= m) & (m >= 1)
    least = np.where(q == m, 0, q)
    low, high = np.where(exists, least - 1, -1), np.where(exists, m - 1, -1)
    while (low < high).any():
        middle = np.where(low < high, (low + high + 1) // 2, -1)
        ranges = AttentionRangeRule().conclude([margin.paths, scores], Reach(middle))
        good = PositionGap().conclude([ranges, direct, tokens, margin], None).certified
        low, high = np.where((low < high) & good, middle, low), np.where((low < high) & ~good, middle - 1, high)
    return Reach(np.where(low >= least, low, -1))
