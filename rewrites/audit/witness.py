"""Sequences of a cell on which the network is wrong: floats suggest them, exact arithmetic decides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ..rules.additive_margin import AdditiveMargin

# Larger cells are sampled.
SEQUENCES = 1 << 17
AT_ONCE = 1 << 14
# How many of the most suspicious sequences are decided exactly.
CANDIDATES = 4


@dataclass(frozen=True)
class Witness:
    """A sequence of the cell (q, m, c) on which output ``output`` is at least as large as the right one."""

    tokens: tuple[int, ...]
    output: int
    cell: tuple[int, int, int]

    def as_json(self) -> dict[str, object]:
        return {"sequence": list(self.tokens), "output": self.output, "cell": list(self.cell)}


def sequences(q: int, m: int, c: int, reach: int, positions: int) -> np.ndarray:
    """Those with query q, maximum m and c other tokens of at most ``reach``: all, or always the same sample."""
    free, slots = c - (q != m), positions - 1
    places = np.array(list(combinations(range(slots), free)), dtype=np.int64).reshape(comb(slots, free), free)
    if comb(slots, free) * (reach + 1) ** free <= SEQUENCES:
        tokens = np.indices((reach + 1,) * free).reshape(free, (reach + 1) ** free).T
        chosen = np.repeat(np.arange(len(places)), len(tokens))
        tokens = np.tile(tokens, (len(places), 1))
    else:
        generator = np.random.default_rng(q * 1_000_003 + m * 1009 + c)
        chosen = generator.integers(len(places), size=SEQUENCES)
        tokens = generator.integers(reach + 1, size=(SEQUENCES, free))
    found = np.full((len(chosen), positions), m, dtype=np.int64)
    found[:, -1] = q
    np.put_along_axis(found, places[chosen], tokens, axis=1)
    return found


class Suspicion:
    """A network in double precision: which sequences look wrong.  Concludes nothing."""

    def __init__(self, margin: AdditiveMargin) -> None:
        self._margin = margin
        tables = margin.paths.tables
        self._direct, self._tokens, self._places, token_scores, place_scores = (
            _floats(tables[name]) for name in ("UU", "EVOU", "PVOU", "EQKE", "EQKP")
        )
        root = margin.paths.statement.network.d_head**0.5
        self._token_scores, self._place_scores = token_scores / root, place_scores / root

    def witness(self, q: int, m: int, c: int, gap: int) -> Witness | None:
        """A wrong sequence of a certified cell, if one of the most suspicious is."""
        reach = m - gap
        if c and reach < (0 if q == m else q):
            return None
        if not c and q != m:
            return None
        candidates = sequences(q, m, c, reach, len(self._places))
        gaps = np.concatenate(
            [self._gaps(q, m, part) for part in np.array_split(candidates, -(-len(candidates) // AT_ONCE))]
        )
        worst = np.where(np.arange(gaps.shape[1]) == m, -np.inf, gaps)
        for place in np.argsort(-worst.max(axis=1), kind="stable")[:CANDIDATES].tolist():
            tokens, output = tuple(candidates[place].tolist()), int(worst[place].argmax())
            sign = self._margin.sign(q, m, output, tokens)
            if sign is not None and sign >= 0:
                return Witness(tokens, output, (q, m, c))
        return None

    def _gaps(self, q: int, m: int, tokens: np.ndarray) -> np.ndarray:
        scores = self._token_scores[q][tokens] + self._place_scores[q]
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        logits = self._direct[q] + weights @ self._places + np.einsum("np,npx->nx", weights, self._tokens[tokens])
        return logits - logits[:, m : m + 1]


def _floats(matrix: DyadicMatrix) -> np.ndarray:
    return np.array([[float(entry) for entry in row] for row in matrix.fractions()])
