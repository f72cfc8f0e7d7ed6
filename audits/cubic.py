"""What the cubic argument really gives: the largest logit gap of each cell (q, m, k, c), decided exactly.

A cell says that token k is good: with query q, maximum m and c tokens below m before the query, all of them good, the
network is right.  Its relaxation (:mod:`..rewrites.rules.cubic_cells`) has no noise, so it does not depend on a run:
the numbers that a run claims are the network's tables, and each of them is set beside the network's.

Logits are integers over one power of two, attention is in balls.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property

import numpy as np
from flint import arb

from ..engine.arithmetic.ball import precision
from ..models.one_layer import one_layer_of
from ..rewrites.published.cubic import Replay
from ..rewrites.rules.path_decomposition import NAMES, Paths
from .ball_arrays import BITS as BESIDE_BITS
from .ball_arrays import ball, exponential, larger
from .comparing import Beheld
from .findings import Kind
from .judging import Judgement, found, open_places, strays
from .relaxation import BITS
from .witness import Suspicion, Witness, sequences


class CubicTruth:
    """The exact cubic argument of one network."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self.size, self.positions = paths.tables["EQKP"].shape
        self._exact = cache(self._attention)

    @cached_property
    def tables(self) -> dict[str, np.ndarray]:
        """The network's five tables, as balls."""
        with precision(BESIDE_BITS):
            return {name: ball(_integers(self._paths, name)) * _power(self._paths, name) for name in NAMES}

    @cached_property
    def _logits(self) -> tuple[np.ndarray, ...]:
        exponent = self._paths.logit_exponent
        shifts = {name: self._paths.tables[name].exponent - exponent for name in ("UU", "EVOU", "PVOU")}
        return tuple(_integers(self._paths, name) * (1 << shift) for name, shift in shifts.items())

    def _attention(self, bits: int) -> tuple[np.ndarray, ...]:
        """exp of the scores of tokens; of the query itself; sums of the n least and of the n largest b_p, by n."""
        with precision(bits):
            root = arb(one_layer_of(self._paths.statement).d_head).sqrt()
            scores, places = (_integers(self._paths, name) for name in ("EQKE", "EQKP"))
            units = [_power(self._paths, name) / root for name in ("EQKE", "EQKP")]
            tokens = exponential(ball(scores) * units[0])
            own = tokens.diagonal() * exponential(ball(places[:, -1]) * units[1])
            b = exponential(ball(np.sort(places[:, :-1], axis=1)) * units[1])
            nothing = ball(np.zeros((self.size, 1), dtype=object))
            sums = [np.add.accumulate(np.concatenate([nothing, end], axis=1), axis=1) for end in (b, b[:, ::-1])]
            return tokens, own, *sums

    def bounds(self, cells: np.ndarray) -> list[arb]:
        """For rows (q, m, k, c) an upper bound of every wrong logit minus the right one, decided about its sign."""
        result = np.empty(len(cells), dtype=object)
        for m in np.unique(cells[:, 1]).tolist():
            here = cells[:, 1] == m
            result[here] = self._bounds(m, cells[here], BITS[0])
        for place in [place for place, bound in enumerate(result) if bound.contains(0)]:
            (result[place],) = self._bounds(int(cells[place, 1]), cells[[place]], BITS[1])
        return result.tolist()

    def _bounds(self, m: int, cells: np.ndarray, bits: int) -> np.ndarray:
        others = np.arange(self.size) != m
        direct, tokens, places = ((table - table[:, m : m + 1])[:, others] for table in self._logits)
        raised = places.max(axis=0)
        result, single = np.empty(len(cells), dtype=object), cells[:, 3] == 0
        with precision(bits):
            result[single] = [self._alone(q, m, direct[q] + raised, tokens, bits) for q in cells[single, 0].tolist()]
            result[~single] = self._mixed(m, direct.max(axis=1), (tokens + raised).max(axis=1), cells[~single], bits)
            return result * arb(2) ** self._paths.logit_exponent

    def _alone(self, q: int, m: int, base: np.ndarray, tokens: np.ndarray, bits: int) -> arb:
        """c = 0: m at every other position; all outputs jointly."""
        if q == m:
            return arb(int((base + tokens[m]).max()))
        weights, own, least, _ = self._exact(bits)
        right = weights[q, m] * least[q, -1]
        return larger.reduce(base + (right * tokens[m] + own[q] * tokens[q]) / (right + own[q]))

    def _mixed(self, m: int, straight: np.ndarray, most: np.ndarray, cells: np.ndarray, bits: int) -> np.ndarray:
        weights, owns, least, largest = self._exact(bits)
        q, _, k, c = cells.T
        ends, own = [], owns[q]
        for held, rest in ((least, largest), (largest, least)):
            right, wrong = weights[q, m] * held[q, self.positions - 1 - c], weights[q, k] * rest[q, c]
            ends.append((right * most[m] + own * most[q] + wrong * most[k]) / (right + own + wrong))
        return straight[q] + larger(*ends)


def _integers(paths: Paths, name: str) -> np.ndarray:
    return np.array(paths.tables[name].integers(), dtype=object)


def _power(paths: Paths, name: str) -> arb:
    return arb(2) ** paths.tables[name].exponent


class CubicJudge:
    """``positive`` says where the exact value of the run's own formula, ``steps`` beheld, is not below zero."""

    kind = Kind.cubic

    def __init__(
        self, truth: CubicTruth, suspicion: Suspicion, steps: Mapping[str, Beheld], positive: np.ndarray
    ) -> None:
        self._truth, self._suspicion, self._positive = truth, suspicion, positive
        self._strays = strays(steps, truth.tables)

    def __call__(self, run: Replay) -> Judgement:
        good = run.certified.numpy()
        cells = run.cells.numpy()[good]
        bounds = self._truth.bounds(cells)
        places = open_places(bounds)
        doubtful = cells[places]
        return Judgement(
            len(cells),
            found(
                list(map(tuple, doubtful.tolist())),
                [None] * len(places),
                run.worst.double().numpy()[good][places],
                [bounds[place] for place in places.tolist()],
                self._positive[good][places],
                np.zeros(len(places), dtype=bool),
                lambda place: self._witness(cells, doubtful[place]),
            ),
            strays=self._strays,
        )

    def _witness(self, cells: np.ndarray, cell: np.ndarray) -> Witness | None:
        """First k alone, then k mixed with all that is called good."""
        q, m, k, c = cell.tolist()
        mixed = np.sort(cells[(cells[:, [0, 1, 3]] == (q, m, c)).all(axis=1), 2])
        for others in (np.array([k]), mixed):
            candidates = sequences(q, m, c, others, self._truth.positions)
            candidates = candidates[(candidates[:, :-1] == k).any(axis=1) | (c == 0)]
            witness = self._suspicion.witness((q, m, k, c), candidates)
            if witness is not None:
                return witness
        return None
