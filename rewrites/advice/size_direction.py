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
    gap: ScoreGap | None,
    positions: RowDifference | None,
    diagonal: Diagonal,
    direct: RowDifference,
    values: RowDifference,
) -> Reach:
    """The largest reach of every cell for which the rules of the story still show it right, in floats; without a gap or
    without positions nothing is known of the attention."""
    network = one_layer_of(diagonal.statement)
    vocabulary, length = network.d_vocab, network.n_ctx
    own, others = floats(diagonal.own)[:, 0], floats(diagonal.others)
    against = floats(direct.bounds)[:, 0] + floats(values.bounds).max() + SLACK
    shares = None if gap is None or positions is None else _Shares(gap, positions)

    q, m, c = np.indices((vocabulary, vocabulary, length))
    exists = (q <= m) & (m >= 1) & (c >= 1)
    if shares is not None:
        exists &= shares.good[m]
    q, m, c = q[exists], m[exists], c[exists]

    def right(j: np.ndarray) -> np.ndarray:
        share = 0.0 if shares is None else shares(q, m, c, j)
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


class _Shares:
    """Attention on the maximum from below, in floats."""

    def __init__(self, gap: ScoreGap, positions: RowDifference) -> None:
        network, factors = one_layer_of(gap.statement), gap.scores.factors
        self._length, self._root = network.n_ctx, float(network.d_head) ** 0.5
        self._strength, self._size = floats(factors.strength)[:, 0], floats(factors.size)[0]
        self._noise = (floats(gap.scores.noise) + floats(positions.bounds))[:, 0]
        self._peaks = np.maximum.accumulate(self._size)
        self.good = np.ones(network.d_vocab, dtype=bool)
        self.good[list(gap.exceptions)] = False

    def __call__(self, q: np.ndarray, m: np.ndarray, c: np.ndarray, j: np.ndarray) -> np.ndarray:
        score = (self._strength[q] * (self._size[m] - self._peaks[j]) - self._noise[q]) / self._root
        return (self._length - c) / (self._length - c + c * np.exp(np.clip(-score, -STEEPEST, STEEPEST)))


def near_reaches(gap: ScoreGap) -> tuple[Reach, ...]:
    """The reaches m - d for every d of ``DISTANCES``, in all cells whose m has a score gap."""
    network = one_layer_of(gap.statement)
    q, m, c = np.indices((network.d_vocab, network.d_vocab, network.n_ctx))
    good = ~np.isin(m, gap.exceptions) & (c >= 1)
    found = []
    for distance in DISTANCES:
        exists = good & (m >= distance) & ((q == m) | (q <= m - distance))
        found.append(Reach(np.where(exists, m - distance, -1).astype(np.int64)))
    return tuple(found)
