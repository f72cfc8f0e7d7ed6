"""What the published relaxation really gives: the largest logit gap of each cell, decided exactly.

A run claims, for some table A and row ū with noise d and g,

    (EQKE - A)[q,i] - (EQKE - A)[q,j] <= d_q        and        UU[q,x] - UU[q,m] <= ū_x - ū_m + g_q,

and for every certified cell (q, m, c) with gap G that on all sequences with query q, maximum m and c other tokens, none
above m - G, every wrong logit loses.  The floats A, ū, d, g are taken as the exact numbers they are; d and g are raised
to the least true bound where they lie below it.  Then, with r, P, w and the attention range [α⁻, α⁺] as published, but
exact,

    logit_x - logit_m  <=  g_q + ū_x - ū_m + P_x + α r_x + (1 - α) w    for some α in [α⁻, α⁺],

which is affine in α, so largest at an end.  No average enters, so nothing of the published rule for it does.  An output
whose value is at most another's at α = 0 and at α = 1 is at most that in between, and is left out.

Numbers of this module are integers over one power of two, and balls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property
from math import frexp

import numpy as np
import torch
from flint import arb, fmpz
from torch import Tensor

from ..engine.arithmetic.ball import precision
from ..engine.arithmetic.dyadic import DyadicMatrix
from ..models.one_layer import one_layer_of
from ..models.statement import Statement
from ..rewrites.published.sub_cubic import Replay
from ..rewrites.rules.path_decomposition import Paths
from .ball_arrays import ball, exponential, larger

BITS = (192, 1536)
# Cells that are decided at once: bounds memory.
BATCH = 2048


@dataclass(frozen=True)
class Shortfall:
    """A claimed upper bound below the truth at ``index``; both are integers over 2**exponent."""

    step: str
    index: int
    claimed: int
    truth: int
    exponent: int

    @property
    def amount(self) -> float:
        """How much is missing, for people."""
        return float(fmpz(self.truth - self.claimed)) * 2.0**self.exponent


@dataclass(frozen=True)
class Cells:
    """Certified cells (q, m, c) with their gaps, as arrays of one length."""

    q: np.ndarray
    m: np.ndarray
    c: np.ndarray
    gap: np.ndarray

    def __len__(self) -> int:
        return len(self.q)

    def __getitem__(self, chosen: np.ndarray) -> Cells:
        return Cells(self.q[chosen], self.m[chosen], self.c[chosen], self.gap[chosen])


def certified(run: Replay) -> Cells:
    """The certified cells that hold sequences: q <= m, and c = 0 only where q = m, and only then m = 0."""
    q, m, c = (axis.numpy() for axis in run.certified.nonzero(as_tuple=True))
    kept = np.where(c == 0, q == m, (q <= m) & (m > 0))
    q, m, c = q[kept], m[kept], c[kept]
    return Cells(q, m, c, run.gaps.numpy()[q, m, c])


def _integers(values: Tensor | DyadicMatrix, exponent: int) -> np.ndarray:
    """Entries over 2**exponent; a float that is no number counts as zero."""
    if isinstance(values, DyadicMatrix):
        return np.array(DyadicMatrix(values.at_exponent(exponent), exponent).integers(), dtype=object)
    finite = torch.nan_to_num(values.double(), nan=0.0, posinf=0.0, neginf=0.0)
    found = np.empty(finite.numel(), dtype=object)
    for place, (numerator, denominator) in enumerate(map(float.as_integer_ratio, finite.ravel().tolist())):
        found[place] = (numerator << -exponent) // denominator
    return found.reshape(tuple(finite.shape))


def _least_exponent(values: Tensor) -> int:
    finite = values.double()[torch.isfinite(values)]
    return min((frexp(value)[1] - 53 for value in finite[finite != 0].ravel().tolist()), default=0)


def _leading(start: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lines start + α slope that no other is above at both ends of 0 <= α <= 1."""
    end, kept = start + slope, list[int]()
    for line in sorted(range(len(start)), key=lambda line: (start[line], end[line]), reverse=True):
        if not kept or end[line] > end[kept[-1]]:
            kept.append(line)
    return start[kept], slope[kept]


def _spread(table: np.ndarray) -> np.ndarray:
    return table.max(axis=1) - table.min(axis=1)


class Truth:
    """The exact tables of one network, for all runs on it."""

    def __init__(self, statement: Statement, paths: Paths) -> None:
        self.statement, self.paths = statement, paths
        layer = one_layer_of(statement)
        self.size, self.positions = layer.d_vocab, layer.n_ctx

    @cached_property
    def _others(self) -> np.ndarray:
        return np.array([[x for x in range(self.size) if x != m] for m in range(self.size)], dtype=np.int64)

    def relaxation(self, steps: Mapping[str, Tensor], gaps: Tensor) -> Relaxation:
        """From the steps of a run that claim something, by name."""
        return Relaxation(self, steps, gaps)

    @cached_property
    def integers(self) -> Callable[[str, int], np.ndarray]:
        """The entries of a table, by name, over 2**exponent."""
        return cache(lambda name, exponent: _integers(self.paths.tables[name], exponent))


class Relaxation:
    """One run's claims beside the truth: ``shortfalls`` in what it claims, and the least upper bounds of cells."""

    def __init__(self, truth: Truth, steps: Mapping[str, Tensor], gaps: Tensor) -> None:
        self.truth = truth
        self._gaps = gaps.numpy()
        self._score_exponent = min(
            truth.paths.score_exponent, *(_least_exponent(steps[name]) for name in ("score table", "score noise"))
        )
        self._logit_exponent = min(
            truth.paths.logit_exponent, *(_least_exponent(steps[name]) for name in ("common row", "direct noise"))
        )
        scores, logits = self._score_exponent, self._logit_exponent
        self._table = _integers(steps["score table"], scores)
        self._row = _integers(steps["common row"], logits)
        self._direct, self._tokens, self._places = (truth.integers(name, logits) for name in ("UU", "EVOU", "PVOU"))
        positional = truth.integers("EQKP", scores)
        self._offsets = np.sort(positional[:, :-1] - positional[:, -1:], axis=1)
        claims = {
            "score noise": (_spread(truth.integers("EQKE", scores) - self._table), scores),
            "direct noise": (_spread(self._direct - self._row), logits),
        }
        self.shortfalls: list[Shortfall] = []
        self._claimed: dict[str, np.ndarray] = {}
        self._noise: dict[str, np.ndarray] = {}
        for name, (least, exponent) in claims.items():
            claimed = _integers(steps[name], exponent)
            below = np.nonzero(claimed < least)[0].tolist()
            self.shortfalls += [Shortfall(name, q, claimed[q], least[q], exponent) for q in below]
            self._claimed[name], self._noise[name] = claimed, np.maximum(claimed, least)

    def as_claimed(self) -> Relaxation:
        """The same, were the noise as small as claimed."""
        other = copy(self)
        other._noise = self._claimed
        return other

    @cached_property
    def _widest(self) -> np.ndarray:
        return np.maximum.accumulate(_spread(self._tokens))

    @cached_property
    def _running(self) -> tuple[np.ndarray, np.ndarray]:
        return np.maximum.accumulate(self._table, axis=1), np.minimum.accumulate(self._table, axis=1)

    def bounds(self, cells: Cells) -> list[arb]:
        """For each cell an upper bound of every wrong logit minus the right one, each decided about its sign."""
        found: list[arb] = []
        for start in range(0, len(cells), BATCH):
            found += self._bounds(cells[np.arange(start, min(start + BATCH, len(cells)))], BITS[0])
        for place, bound in enumerate(found):
            if bound.contains(0):
                found[place] = self._bounds(cells[np.array([place])], BITS[1])[0]
        return found

    def _bounds(self, cells: Cells, bits: int) -> list[arb]:
        with precision(bits):
            found = np.empty(len(cells), dtype=object)
            single = cells.c == 0
            for place in np.nonzero(single)[0].tolist():
                found[place] = self._single(int(cells.m[place]))
            if not single.all():
                found[~single] = self._several(cells[~single])
            return [bound * arb(2) ** self._logit_exponent for bound in found]

    def _against(self, table: np.ndarray, m: int) -> np.ndarray:
        """Entries at the wrong outputs minus the entry at m."""
        return table[..., self.truth._others[m]] - table[..., m : m + 1]

    def _base(self, m: int) -> tuple[np.ndarray, np.ndarray]:
        return self._against(self._places, m).max(axis=0), self._against(self._tokens[m], m)

    def _single(self, m: int) -> arb:
        """The sequence of m throughout, where attention does not matter."""
        places, own = self._base(m)
        return arb(int((self._against(self._direct[m], m) + own + places).max()))

    def _several(self, cells: Cells) -> np.ndarray:
        lows, highs = self._attention(cells)
        narrowest = np.array(
            [self._gaps[: m + 1, m, c].min() for m, c in zip(cells.m.tolist(), cells.c.tolist(), strict=True)]
        )
        widest = ball(self._widest[np.maximum(cells.m - narrowest, 0)])
        found = np.empty(len(cells), dtype=object)
        for m in np.unique(cells.m).tolist():
            places, own = self._base(m)
            base, own = _leading(self._against(self._row, m) + places, own)
            base, here = ball(base), cells.m == m
            ends = []
            for share, rest in (lows, highs):
                top = larger.reduce(base[None, :] + share[here][:, None] * own[None, :], axis=1)
                ends.append(top + rest[here] * widest[here])
            found[here] = larger(*ends)
        noise = self._noise["direct noise"]
        found = found + noise[cells.q]
        found[cells.m < cells.gap] = arb(-1)  # no other token is allowed: no sequence
        return found

    def _attention(self, cells: Cells) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """(α, 1 - α) at the lower and at the upper end of the attention on the maximum."""
        q, m = cells.q, cells.m
        reach = np.maximum(m - cells.gap, 0)
        most, least = self._running
        noise = self._noise["score noise"][q]
        scale = arb(2) ** self._score_exponent / arb(one_layer_of(self.truth.statement).d_head).sqrt()
        weights = exponential(ball(self._offsets) * scale)
        here = q == m
        copies = self.truth.positions - cells.c - here
        ends = []
        for difference, order in (
            (self._table[q, m] - most[q, reach] - noise, weights),
            (self._table[q, m] - least[q, reach] + noise, weights[:, ::-1]),
        ):
            sums = np.concatenate([np.zeros((len(order), 1), dtype=object), np.add.accumulate(order, axis=1)], axis=1)
            held = sums[q, copies] + here.astype(object)
            rest = (sums[q, -1] - sums[q, copies] + (~here).astype(object)) * exponential(ball(-difference) * scale)
            ends.append((held / (held + rest), rest / (held + rest)))
        return ends[0], ends[1]
