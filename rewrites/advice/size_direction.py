"""The direction of tokens along which all queries look, and reaches for the proof that goes through it.  Untrusted."""

from __future__ import annotations

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...models.one_layer import one_layer_of
from ..rules.attention_range import Reach
from ..rules.diagonal import Diagonal
from ..rules.rank_one import Factors
from ..rules.row_difference import RowDifference
from ..rules.score_gap import ScoreGap
from .directions import dyadic, floats, leading
from .gap_search import SLACK, STEEPEST

# Strengths are at least this part of the largest.
LEAST_STRENGTH = 2.0**-20
# How far below m the tokens of a layer stay.
DISTANCES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)


def size_factors(table: DyadicMatrix) -> Factors:
    """Strengths and sizes whose product is close to EQKE within its rows; the larger tokens have the larger sizes on
    the whole, and strengths are positive."""
    values = floats(table)
    centred = values - values.mean(axis=1, keepdims=True)
    size = leading(centred)[1]
    tokens = np.arange(len(size)) - (len(size) - 1) / 2
    if float(tokens @ size[:, 0]) < 0:
        size = -size
    strength = centred @ size
    most = float(np.abs(strength).max())
    if not most:
        strength, size, most = np.ones_like(strength), np.zeros_like(size), 1.0
    return Factors(dyadic(np.maximum(strength, most * LEAST_STRENGTH)), dyadic(size.T))


def story_reach(
    gap: ScoreGap, positions: RowDifference, diagonal: Diagonal, direct: RowDifference, values: RowDifference
) -> Reach:
    """The largest reach of every cell for which the rules of the story still show it right, in floats."""
    network = one_layer_of(gap.statement)
    vocabulary, length, root = network.d_vocab, network.n_ctx, float(network.d_head) ** 0.5
    factors = gap.rank_one.factors
    strength, size = floats(factors.strength)[:, 0], floats(factors.size)[0]
    noise = (floats(gap.rank_one.split.bounds) + floats(positions.bounds))[:, 0]
    own, others = floats(diagonal.own)[:, 0], floats(diagonal.others)
    against = floats(direct.bounds)[:, 0] + floats(values.bounds).max() + SLACK
    peaks = np.maximum.accumulate(size)

    q, m, c = np.indices((vocabulary, vocabulary, length))
    good = np.ones(vocabulary, dtype=bool)
    good[list(gap.increasing.exceptions)] = False
    exists = (q <= m) & (m >= 1) & (c >= 1) & good[m]
    q, m, c = q[exists], m[exists], c[exists]

    def right(j: np.ndarray) -> np.ndarray:
        score = (strength[q] * (size[m] - peaks[j]) - noise[q]) / root
        share = (length - c) / (length - c + c * np.exp(np.clip(-score, -STEEPEST, STEEPEST)))
        return np.minimum(own[m], share * own[m] + (1 - share) * others[m, j]) > against[q]

    low, high = np.where(q == m, 0, q) - 1, m - 1
    least = low + 1
    while (low < high).any():
        middle = (low + high + 1) // 2
        fine = right(np.maximum(middle, 0)) & (middle > low)
        low, high = np.where(fine, middle, low), np.where(fine, high, np.minimum(high, middle - 1))
        high = np.maximum(low, high)
    table = np.full((vocabulary, vocabulary, length), -1, dtype=np.int64)
    table[q, m, c] = np.where(low >= least, low, -1)
    return Reach(table)


def near_reaches(gap: ScoreGap) -> tuple[Reach, ...]:
    """The reaches m - d for every d of ``DISTANCES``, in all cells whose m has a score gap."""
    network = one_layer_of(gap.statement)
    q, m, c = np.indices((network.d_vocab, network.d_vocab, network.n_ctx))
    good = ~np.isin(m, gap.increasing.exceptions) & (c >= 1)
    found = []
    for distance in DISTANCES:
        exists = good & (m >= distance) & ((q == m) | (q <= m - distance))
        found.append(Reach(np.where(exists, m - distance, -1).astype(np.int64)))
    return tuple(found)
