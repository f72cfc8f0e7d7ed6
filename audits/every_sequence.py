"""Which sequences a network is right on: doubles decide where their error cannot matter, exact arithmetic elsewhere.

For query q put w_p(t) = exp((EQKE[q,t] - max EQKE[q,·])/√h) exp((EQKP[q,p] - max EQKP[q,·])/√h) and λ_p(t, x) =
UU[q,x] + EVOU[t,x] + PVOU[p,x].  With N(x) = Σ_p w_p(t_p) λ_p(t_p, x) and W = Σ_p w_p(t_p) the sequence is right if and
only if N(x) < N(m) for every x != m (:mod:`..rewrites.rules.additive_margin`).

Error.  Write u = 2^-53 and Λ = max |UU| + max |EVOU| + max |PVOU|.  The five tables and both exponentials are computed
exactly and rounded once; so, underflow aside, a weight errs by 4u of itself, λ by 3u Λ, a product w λ by 8.1u w Λ, and
N(x) by (K + 8)u 1.01 W Λ.  N(x) - N(m) therefore errs by less than 4(K + 9)u W Λ, also with W as computed.  A number
that underflows is off by at most 2^-1074: a weight, which Λ multiplies; the parts of λ, which weights below 1.01 do;
products, and what is computed of this bound.  All together they add less than 2^-1022 (Λ + 1) a position.  This rests
on IEEE addition and multiplication, and on nothing else.

A sequence with N(x) - N(m) beyond this for no x is right, beyond it on the other side for some x wrong; the others, and
those where a double overflows, are decided by :meth:`AdditiveMargin.sign`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from flint import arb

from ..engine.arithmetic.ball import precision
from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.errors import MechproofError
from ..models.one_layer import one_layer_of
from ..rewrites.rules.additive_margin import AdditiveMargin
from .ball_arrays import ball, exponential
from .witness import doubles

UNIT = 2.0**-53
TINIEST = 2.0**-1022
BITS = 128
# Tokens at the last free positions are taken together as long as they are at most so many.
TOGETHER = 1 << 12
# More sequences than this are not decided one by one.
CLOSE = 1 << 16


@dataclass(eq=False)
class TooClose(MechproofError):
    """Doubles leave too many sequences open."""

    found: int
    most: int
    sentence = "in double precision {found} sequences are too close to a tie; expected at most {most}"


@dataclass(eq=False)
class Undecided(MechproofError):
    """No precision that is tried shows a sign."""

    tokens: tuple[int, ...]
    sentence = "whether sequence {tokens} is right stays open at the highest precision"


class EverySequence:
    """The sequences of one network; ``close`` of them were decided exactly."""

    def __init__(self, margin: AdditiveMargin) -> None:
        self._margin = margin
        network = one_layer_of(margin.paths.statement)
        self.size, self.positions, self._head = network.d_vocab, network.n_ctx, network.d_head
        self.close = 0
        self._found: np.ndarray | None = None

    @cached_property
    def _logits(self) -> tuple[np.ndarray, ...]:
        return tuple(doubles(self._margin.paths.tables[name]) for name in ("UU", "EVOU", "PVOU"))

    @cached_property
    def _weights(self) -> tuple[np.ndarray, ...]:
        return tuple(self._exponentials(self._margin.paths.tables[name]) for name in ("EQKE", "EQKP"))

    def _exponentials(self, table: DyadicMatrix) -> np.ndarray:
        entries = np.array(table.integers(), dtype=object)
        with precision(BITS):
            scale = arb(2) ** table.exponent / arb(self._head).sqrt()
            found = exponential(ball(entries - entries.max(axis=1, keepdims=True)) * scale)
            return np.array([[float(entry.mid()) for entry in row] for row in found])

    def right(self, progress: Callable[[int, int], None] = lambda *_: None) -> np.ndarray:
        """Whether each sequence is right, the last token changing fastest.

        Raises :class:`TooClose` and :class:`Undecided`.
        """
        if self._found is None:
            with np.errstate(all="ignore"):
                self._found = self._decided(progress)
        return self._found

    def _decided(self, progress: Callable[[int, int], None]) -> np.ndarray:
        found = np.empty((self.size ** (self.positions - 1), self.size), dtype=bool)
        self.close = 0
        for q in range(self.size):
            for start, verdicts in self._of_query(q):
                found[start : start + len(verdicts), q] = verdicts
            progress(q + 1, self.size)
        return found.ravel()

    def _of_query(self, q: int) -> Iterator[tuple[int, np.ndarray]]:
        direct, tokens, places = self._logits
        weights = self._weights[0][q] * self._weights[1][q][:, None]
        free = self.positions - 1
        inner = max((n for n in range(1, free + 1) if self.size**n <= TOGETHER), default=min(free, 1))
        largest = sum(float(np.abs(table).max()) for table in self._logits)
        # by position: weights, and weights times logits (outputs first)
        parts = [weights[p] * ((direct[q] + tokens) + places[p]).T for p in range(self.positions)]
        grid_weights, grid = np.zeros(1), np.zeros((self.size, 1))
        maxima = np.zeros(1, dtype=np.int64)
        for p in range(free - inner, free):
            grid_weights = (grid_weights[:, None] + weights[p]).ravel()
            grid = (grid[:, :, None] + parts[p][:, None, :]).reshape(self.size, -1)
            maxima = np.maximum(maxima[:, None], np.arange(self.size)).ravel()
        columns = np.arange(len(maxima))
        for number, prefix in enumerate(product(range(self.size), repeat=free - inner)):
            base = parts[-1][:, q] + sum((parts[p][:, token] for p, token in enumerate(prefix)), np.zeros(self.size))
            total = grid_weights + (weights[-1, q] + sum(weights[p, token] for p, token in enumerate(prefix)))
            m = np.maximum(maxima, max((*prefix, q)))
            sums = grid + base[:, None]
            own = sums[m, columns]
            sums[m, columns] = -np.inf
            gaps = sums.max(axis=0) - own
            error = largest * 4 * (self.positions + 9) * UNIT * total + (largest + 1) * self.positions * TINIEST
            verdicts = gaps < -error
            for place in np.nonzero(~(np.isfinite(gaps) & (np.abs(gaps) > error)))[0].tolist():
                apart = sums[:, place] - own[place]
                outputs = np.nonzero(~(np.isfinite(apart) & (apart < -error[place])))[0].tolist()
                rest = np.unravel_index(place, (self.size,) * inner)
                verdicts[place] = self._exactly((*prefix, *map(int, rest), q), int(m[place]), outputs)
            yield number * len(columns), verdicts

    def _exactly(self, tokens: tuple[int, ...], m: int, outputs: list[int]) -> bool:
        self.close += 1
        if self.close > CLOSE:
            raise TooClose(self.close, CLOSE)
        return self._rival(tokens, m, outputs) is None

    def rival(self, tokens: tuple[int, ...]) -> int | None:
        """An output that is not below the right one, decided exactly; None on a sequence that is right."""
        return self._rival(tokens, max(tokens), range(self.size))

    def _rival(self, tokens: tuple[int, ...], m: int, outputs: Iterable[int]) -> int | None:
        for x in outputs:
            if x != m:
                sign = self._margin.sign(tokens[-1], m, x, tokens)
                if sign is None:
                    raise Undecided(tokens)
                if sign >= 0:
                    return x
        return None
