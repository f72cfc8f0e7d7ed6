"""The mean loss over the sequences of a box, enclosed to second order in the size of the box.

A *box* holds the sequences of a cell (q, m) whose free positions p each hold a token of a set T_p, independently.

Theorem.  Let w(p, t) > 0 be weights, R_x = Σ_p D_x(p, t_p), W = Σ_p w(p, t_p) in [W⁻, W⁺] with W⁻ > 0, Δ_x = R_x/W.
For any γ and W₀ > 0 put α = Σ_p α_p with α_p = (D_x(p, t_p) - γ w(p, t_p))/W₀, let |E α| <= δ, α <= a,
|α| <= A, let α_p have range r_p, and |W₀/W - 1| <= ε on the box.  E is the mean over the box.  Then

    γ - δ - Aε <= E Δ_x,    E exp Δ_x <= exp(γ + Aε + f),    f = δ + exp(max(a, 0))·(Σ_p r_p²/4 + δ²)/2,

and with L(k) = log(1 + Σ_{x≠m} exp k_x), increasing in every k_x, L(E Δ) <= E L(Δ) <= L(log E exp Δ).

Proof.  Δ_x = γ + α W₀/W = γ + α + α(W₀/W - 1), and the last term is at most Aε in size; take means for the first
bound.  For the second exp α <= 1 + α + α² exp(max(a, 0))/2 (Taylor), so E exp α <= 1 + E α + exp(max(a, 0)) E α²/2 and
1 + y <= exp y; E α² = (E α)² + Var α, the α_p are independent, and a number of range r has variance at most r²/4
(Popoviciu).  L is convex and log(1 + Σ_x y_x) is concave, so both ends are Jensen's inequality.

With γ near E R_x/E W and W₀ near E W, δ is as small as rounding leaves it, and A, ε, r_p shrink with the box: the two
ends differ by products of two of them.  That Δ_x, a mean of logit differences with positive weights, lies between their
extremes, and R_x/W between the quotients of the extremes of α, is kept beside it.

Numbers.  Logit differences in units of 2^-L, weights in units of their own; ends are rounded outward, means down, and
what that can change is in δ.  Magnitudes: weights below 2^26, differences below 2^30, at most MOST_POSITIONS positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...engine.arithmetic.fixed_point import Table
from ...engine.arithmetic.interval import IntervalTable
from ...engine.errors import MagnitudeError
from ..enumeration.loss import BITS, entropies, well_known
from .margin_enclosure import CellTable, MarginEnclosure

MOST_POSITIONS = 16
LEAST_BITS, MOST_BITS = 17, 30  # of L
WEIGHT_DROP = 4  # bits of the enclosure's weights that are not kept
DROP = 12  # and of its D
LIGHT = 1 << 10  # lighter boxes are bounded by their logit differences alone
SHARE = 25  # ε is in units of 2^-SHARE
FAR = 1 << 30  # numbers from here on say nothing
RANGE = 1 << 27
AT_ONCE = 1 << 8


class Sets(NamedTuple):
    """The sets of tokens that a free position may hold: ranges of a list of the tokens below m, with m at its end.

    The first is all below m (if there are any), ``top`` all, ``most`` m alone; ``parts[i]`` the two that make up set
    i, -1 for a set of one token.
    """

    ends: np.ndarray
    parts: np.ndarray
    most: int
    top: int

    @property
    def sizes(self) -> np.ndarray:
        return self.ends[:, 1] - self.ends[:, 0]


def sets(below: int) -> Sets:
    """Halves of halves.

    >>> sets(2).ends.tolist(), sets(2).parts.tolist()
    ([[0, 2], [0, 1], [1, 2], [2, 3], [0, 3]], [[1, 2], [-1, -1], [-1, -1], [-1, -1], [3, 0]])
    """
    ends: list[tuple[int, int]] = []
    parts: list[tuple[int, int]] = []

    def add(first: int, end: int) -> int:
        here = len(ends)
        ends.append((first, end))
        parts.append((-1, -1))
        if end - first > 1:
            middle = (first + end) // 2
            parts[here] = (add(first, middle), add(middle, end))
        return here

    if below:
        add(0, below)
    most = add(below, below + 1)
    if below:
        ends.append((0, below + 1))
        parts.append((most, 0))
    return Sets(np.array(ends), np.array(parts), most, len(ends) - 1)


@dataclass(frozen=True, eq=False)
class Bounded:
    """Bounds of the mean loss of boxes, in units of 2^-BITS, and what each position's set contributes to the width."""

    low: np.ndarray
    high: np.ndarray
    reach: np.ndarray


class Averages:
    """The boxes of all sequences whose largest token is m.

    A box is a query q <= m and the number of a set for each free position.
    """

    def __init__(self, enclosure: MarginEnclosure, m: int, order: Sequence[int]) -> None:
        self.m, self.free = m, enclosure.n_ctx - 1
        tokens = [*(t for t in order if t < m), m]
        self.sets = sets(m)
        cells = [(enclosure.cell(q, m), enclosure.attention(q, m)) for q in range(m + 1)]
        self.bits = -cells[0][1].exponent
        part, _ = enclosure.centred(m)
        queries, values, positions = (part[name] for name in ("UU", "EVOU", "PVOU"))
        size = sum(table.magnitude() for table in (queries, values, positions))
        if self.free >= MOST_POSITIONS or not LEAST_BITS <= self.bits <= MOST_BITS or size >= FAR:
            raise MagnitudeError("a logit difference", "fixed point")
        self._queries = queries[: m + 1]
        self._positions = positions
        held = values[tokens]
        self._least = np.array([held.lower[a:b].min(axis=0) for a, b in self.sets.ends])
        self._largest = np.array([held.upper[a:b].max(axis=0) for a, b in self.sets.ends])
        self._own_values = values[: m + 1]
        self._weigh([attention.free[:, tokens] for _, attention in cells], [a.base for _, a in cells])
        self._add_up([cell for cell, _ in cells], tokens)

    def _weigh(self, free: Sequence[IntervalTable], own: Sequence[IntervalTable]) -> None:
        """Mean, least and largest weight of each set, by query and position."""
        lower = np.array([table.lower for table in free]) >> WEIGHT_DROP
        upper = (np.array([table.upper for table in free]) >> WEIGHT_DROP) + 1
        sums = _cumulative(lower, 2)
        first, end = self.sets.ends[:, 0], self.sets.ends[:, 1]
        self._mean = (sums[:, :, end] - sums[:, :, first]) // self.sets.sizes
        self._light = np.stack([lower[:, :, a:b].min(axis=2) for a, b in self.sets.ends], axis=2)
        self._heavy = np.stack([upper[:, :, a:b].max(axis=2) for a, b in self.sets.ends], axis=2)
        self._own_light = np.array([int(table.lower) for table in own]) >> WEIGHT_DROP
        self._own_heavy = (np.array([int(table.upper) for table in own]) >> WEIGHT_DROP) + 1
        widest = max(int((upper - lower).max()), int((self._own_heavy - self._own_light).max()))
        # one unit for the mean that is rounded down
        self._weight_error = (self.free + 1) * (widest + 1)

    def _add_up(self, cells: Sequence[CellTable], tokens: Sequence[int]) -> None:
        """The mean of D over each set, by query and position."""
        widest = 0
        means, own = [], []
        first, end = self.sets.ends[:, 0], self.sets.ends[:, 1]
        for cell in cells:
            table, base = cell.free, cell.base
            widest = max(widest, int((table.upper - table.lower).max()), int((base.upper - base.lower).max()))
            sums = _cumulative(table.lower[:, tokens] >> DROP, 1)
            means.append((sums[:, end] - sums[:, first]) // self.sets.sizes[:, None])
            own.append(base.lower >> DROP)
        self._values, self._own = np.array(means), np.array(own)
        # what is cut off, and the mean that is rounded down
        self._error = (self.free + 1) * ((widest >> WEIGHT_DROP) + (2 << DROP - WEIGHT_DROP) + 2)

    def roots(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes that partition the sequences: queries, and sets by position.

        For q = m all positions are free; for q < m the first that holds m is one of them.
        """
        queries, held = [self.m], [[self.sets.top] * self.free]
        for q in range(self.m):
            for p in range(self.free):
                queries.append(q)
                held.append([0] * p + [self.sets.most] + [self.sets.top] * (self.free - 1 - p))
        return np.array(queries), np.array(held).reshape(len(queries), self.free)

    def sizes(self, held: np.ndarray) -> np.ndarray:
        return self.sets.sizes[held].prod(axis=1)

    def split(self, queries: np.ndarray, held: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, ...]:
        """The parts of boxes by the sets that contribute most: queries, sets, and half of what those contributed."""
        rows, several = np.arange(len(held)), self.sets.sizes[held] > 1
        widest = np.where(several, np.maximum(reach, 0), -1).argmax(axis=1)
        parts, reach = self.sets.parts[held[rows, widest]], reach.copy()
        reach[rows, widest] >>= 1
        first, second = held.copy(), held.copy()
        first[rows, widest], second[rows, widest] = parts[:, 0], parts[:, 1]
        return np.concatenate([queries, queries]), np.concatenate([first, second]), np.concatenate([reach, reach])

    def bounds(self, queries: np.ndarray, held: np.ndarray) -> Bounded:
        """The theorem, for many boxes."""
        found = [self._bounds(queries[i : i + AT_ONCE], held[i : i + AT_ONCE]) for i in range(0, len(queries), AT_ONCE)]
        return Bounded(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _bounds(self, q: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # weights, by box
        places = q[:, None], np.arange(self.free)[None, :], held
        light, heavy = self._light[places], self._heavy[places]
        mean = np.maximum(self._mean[places].sum(axis=1) + self._own_light[q], 1)
        lightest = light.sum(axis=1) + self._own_light[q]
        heaviest = heavy.sum(axis=1) + self._own_heavy[q]
        known = lightest >= LIGHT
        mean, lightest = np.where(known, mean, LIGHT), np.where(known, lightest, LIGHT)
        # γ, by box and output
        total = self._own[q]
        for p in range(self.free):
            total = total + self._values[q, p, held[:, p]]
        gamma = (total << DROP - WEIGHT_DROP) // mean[:, None]
        known &= np.abs(gamma).max(axis=1) < FAR >> 1
        gamma[~known] = 0
        # |α|, its range by position, and the extremes of the logit differences
        last = self._positions[self.free]
        base_low, base_high = self._queries.lower[q], self._queries.upper[q]
        own_low = base_low + self._own_values.lower[q] + last.lower
        own_high = base_high + self._own_values.upper[q] + last.upper
        least, most = own_low, own_high
        below = _least(own_low - gamma, self._own_light[q], self._own_heavy[q])
        above = -_least(gamma - own_high, self._own_light[q], self._own_heavy[q])
        ranges, spread = [], np.zeros_like(gamma)
        for p in range(self.free):
            low = base_low + self._positions.lower[p] + self._least[held[:, p]]
            high = base_high + self._positions.upper[p] + self._largest[held[:, p]]
            least, most = np.minimum(least, low), np.maximum(most, high)
            lower = _least(low - gamma, light[:, p], heavy[:, p])
            upper = -_least(gamma - high, light[:, p], heavy[:, p])
            below, above = below + lower, above + upper
            reach = np.minimum((upper - lower) // mean[:, None] + 1, RANGE)
            ranges.append(reach)
            spread = spread + (reach * reach >> 2) + 1
        weights = mean, lightest, heaviest, known
        low, high, dearest = self._ends(gamma, weights, (below, above), (least, most), ranges, spread)
        rows = np.arange(len(q))
        reach = np.stack([r[rows, dearest] for r in ranges], axis=1)
        return low, high, reach

    def _ends(
        self,
        gamma: np.ndarray,
        weights: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        alpha: tuple[np.ndarray, np.ndarray],
        extremes: tuple[np.ndarray, np.ndarray],
        ranges: Sequence[np.ndarray],
        spread: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both ends of the losses, and the output that costs most; α comes times W₀."""
        mean, lightest, heaviest, known = weights
        below, above = alpha
        one = 1 << self.bits
        sizes = np.abs(gamma).max(axis=1)
        delta = np.minimum((self._error + sizes * self._weight_error) // mean + 2, RANGE)
        share = np.maximum((mean - lightest << SHARE) // lightest, (heaviest - mean << SHARE) // heaviest)
        share = np.minimum(np.abs(share) + 1, FAR)
        largest = np.maximum(above // mean[:, None] + 1, 0)
        reach = np.minimum(np.maximum(largest, -(below // mean[:, None])), FAR)
        moved = (reach * share[:, None] >> SHARE) + 1
        # exp(y) <= 1 + y + y² for 0 <= y <= 7/4
        near = known[:, None] & (4 * largest <= 7 * one) & (reach < FAR) & (share < FAR)[:, None]
        near &= ~np.any([r >= RANGE for r in ranges], axis=0) & (delta < RANGE)[:, None]
        largest = np.where(near, largest, 0)
        power = one + largest + (largest * largest >> self.bits) + 1
        half = (spread + (delta * delta)[:, None] >> self.bits) + 1
        excess = (half * power >> self.bits + 1) + 1 + delta[:, None]
        least, most = extremes
        quotient_low = below // np.where(below >= 0, heaviest[:, None], lightest[:, None])
        quotient_high = -(-above // np.where(above >= 0, lightest[:, None], heaviest[:, None]))
        sure = known[:, None]
        least = np.where(sure, np.maximum(least, gamma + quotient_low), least)
        most = np.where(sure, np.minimum(most, gamma + quotient_high), most)
        least = np.where(near, np.maximum(least, gamma - delta[:, None] - moved), least)
        most = np.where(near, np.minimum(most, gamma + moved + excess), most)
        least[:, self.m] = most[:, self.m] = 0
        low, high = self._loss(least)[0], self._loss(most)[1]
        most[:, self.m] = least.min() - 1
        return low, high, most.argmax(axis=1)

    def _loss(self, differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of log Σ_x exp(k_x) of each row, k_m = 0, in units of 2^-BITS."""
        logits = Table(differences, np.zeros(len(differences), dtype=np.int64), -self.bits)
        if not well_known(logits, fine=True).all():
            raise MagnitudeError("a logit difference", "fixed point")
        excess, low, high = entropies(logits, np.full(len(differences), self.m), fine=True)
        excess = excess << BITS - self.bits
        return np.maximum(excess + low, 0), excess + high


def _least(value: np.ndarray, light: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """The least product of a number that is at least ``value`` with a weight between light and heavy."""
    return np.where(value < 0, heavy[:, None], light[:, None]) * value


def _cumulative(values: np.ndarray, axis: int) -> np.ndarray:
    """The sums of the first 0, 1, … numbers along an axis."""
    shape = list(values.shape)
    shape[axis] = 1
    return np.concatenate([np.zeros(shape, dtype=np.int64), values.cumsum(axis=axis)], axis=axis)
