"""Sequences of a cell on which the network is wrong: floats suggest them, exact arithmetic decides."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb, inf

import numpy as np

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..models.one_layer import one_layer_of
from ..rewrites.rules.additive_margin import AdditiveMargin

# Larger cells are sampled.
SEQUENCES = 1 << 17
AT_ONCE = 1 << 14
# How many of the most suspicious sequences are decided exactly.
CANDIDATES = 4


@dataclass(frozen=True)
class Witness:
    """A sequence of a cell on which output ``output`` is at least as large as the right one."""

    tokens: tuple[int, ...]
    output: int
    cell: tuple[int, ...]

    def as_json(self) -> dict[str, object]:
        return {"sequence": list(self.tokens), "output": self.output, "cell": list(self.cell)}


def sequences(q: int, m: int, free: int, others: np.ndarray, positions: int) -> np.ndarray:
    """Those with query q, ``free`` others before it and m elsewhere: all, or always the same sample."""
    slots = positions - 1
    places = np.array(list(combinations(range(slots), free)), dtype=np.int64).reshape(comb(slots, free), free)
    if comb(slots, free) * len(others) ** free <= SEQUENCES:
        tokens = np.indices((len(others),) * free).reshape(free, len(others) ** free).T
        chosen = np.repeat(np.arange(len(places)), len(tokens))
        tokens = np.tile(tokens, (len(places), 1))
    else:
        generator = np.random.default_rng(q * 1_000_003 + m * 1009 + free)
        chosen = generator.integers(len(places), size=SEQUENCES)
        tokens = generator.integers(len(others), size=(SEQUENCES, free))
    found = np.full((len(chosen), positions), m, dtype=np.int64)
    found[:, -1] = q
    np.put_along_axis(found, places[chosen], others[tokens], axis=1)
    return found


class Suspicion:
    """A network in double precision: which sequences look wrong.  Concludes nothing."""

    def __init__(self, margin: AdditiveMargin) -> None:
        self._margin = margin
        tables = margin.paths.tables
        self._direct, self._tokens, self._places, token_scores, place_scores = (
            doubles(tables[name]) for name in ("UU", "EVOU", "PVOU", "EQKE", "EQKP")
        )
        root = one_layer_of(margin.paths.statement).d_head ** 0.5
        self._token_scores, self._place_scores = token_scores / root, place_scores / root

    def witness(self, cell: tuple[int, ...], candidates: np.ndarray) -> Witness | None:
        """A wrong sequence, if one of the most suspicious is; candidates have one query and one maximum."""
        if not len(candidates):
            return None
        q, m = int(candidates[0, -1]), int(candidates[0].max())
        gaps = np.concatenate(
            [self._gaps(q, m, part) for part in np.array_split(candidates, -(-len(candidates) // AT_ONCE))]
        )
        worst = np.where(np.arange(gaps.shape[1]) == m, -np.inf, gaps)
        for place in np.argsort(-worst.max(axis=1), kind="stable")[:CANDIDATES].tolist():
            tokens, output = tuple(candidates[place].tolist()), int(worst[place].argmax())
            sign = self._margin.sign(q, m, output, tokens)
            if sign is not None and sign >= 0:
                return Witness(tokens, output, cell)
        return None

    def _gaps(self, q: int, m: int, tokens: np.ndarray) -> np.ndarray:
        scores = self._token_scores[q][tokens] + self._place_scores[q]
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        logits = self._direct[q] + weights @ self._places + np.einsum("np,npx->nx", weights, self._tokens[tokens])
        return logits - logits[:, m : m + 1]


def doubles(matrix: DyadicMatrix) -> np.ndarray:
    """Every entry rounded once; infinite where it is too large."""
    return np.array([[_double(entry) for entry in row] for row in matrix.fractions()])


def _double(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
