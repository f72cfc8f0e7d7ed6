"""Looks for grids and a readout of few dimensions that certify a transformer's inputs.  Untrusted, in floats.

The output weights, each neuron balanced with how far it varies, are cut after their largest singular values; the rank
that is cheapest for an exact count is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..rules.attention_mixture import AttentionMixture
from ..rules.grid_network import Grids
from ..rules.low_rank_readout import ReadoutAdvice, activations

RANKS = (*range(2, 21), 24, 28, 32, 40, 48, 64)
BITS = 30  # S = 2^BITS
SHIFT = 12
SAMPLE = 2048  # so many inputs are looked at


@dataclass(frozen=True)
class FoundReadout:
    """Advice, with what it should cost (of brute force) and certify (a share of the inputs)."""

    advice: ReadoutAdvice
    cost: float
    share: float

    @property
    def cascade(self) -> float:
        """The cost of an exact count."""
        return self.cost + 1 - self.share


def even_grids(neurons: int) -> Grids:
    """The same scale for every neuron."""
    return Grids(BITS, (1 << BITS // 2,) * neurons)


def balanced_grids(grid: AttentionMixture) -> Grids:
    """Scales that balance how far each neuron varies with its output weights."""
    hidden, _, _ = _sampled(grid)
    scales = np.array(grid.grids.scales, dtype=float)
    varies = hidden.std(axis=0) / scales
    out = grid.weights.std(axis=1) * scales
    ratio = np.sqrt(np.maximum(out, 1e-9) / np.maximum(varies, 1e-9))
    ratio = np.clip(ratio / np.median(ratio), 0.25, 4)
    return Grids(BITS, tuple(max(1, round(float(r) * (1 << BITS // 2))) for r in ratio))


def readouts(grid: AttentionMixture) -> list[FoundReadout]:
    """A candidate for every rank that costs less than brute force."""
    hidden, direct, right = _sampled(grid)
    means = np.rint(hidden.mean(axis=0))
    weights = grid.weights.astype(float)
    away = hidden - means
    rho = np.sqrt((away**2).sum(axis=1))
    first, values, last = np.linalg.svd(weights, full_matrices=False)
    exact = hidden @ weights + direct
    here = np.arange(len(right)), right
    found = []
    for rank in RANKS:
        if rank >= min(weights.shape):
            break
        down = np.rint(first[:, :rank] * 2**SHIFT)
        up = np.rint(values[:rank, None] * last[:rank])
        rest = weights - down @ up / 2**SHIFT
        products = rest.T @ rest
        own = np.diag(products)
        distance = np.sqrt(np.maximum(own[:, None] + own - 2 * products, 0))
        rivals = exact - away @ rest + distance[right] * rho[:, None]
        needed = (exact - away @ rest)[here] - grid.slack
        rivals[here] = -np.inf
        share = float((needed > rivals.max(axis=1)).mean())
        down, up, middle = (part.astype(np.int64) for part in (down, up, means))
        advice = ReadoutAdvice(down, up, middle, SHIFT)
        found.append(FoundReadout(advice, _cost(grid, rank), share))
    return found


def _cost(grid: AttentionMixture, rank: int) -> float:
    """The part of brute force that grows with the rank, and the part that does not."""
    neurons, outputs = grid.weights.shape
    terms = sum(table is not None for head in grid.tables for table in head)
    each = (terms + 2) * (neurons + outputs) + rank * (neurons + outputs) + 2 * neurons + 3 * outputs
    return each / (neurons * outputs) + (rank + outputs / 2 + 1) / grid.answers.size


def _sampled(grid: AttentionMixture) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h, q, right answers) of some inputs."""
    rng = np.random.default_rng(0)
    which = np.zeros(grid.answers.shape, dtype=bool)
    which.flat[rng.permutation(which.size)[:SAMPLE]] = True
    parts = list(activations(grid, which))
    right = [grid.answers[x, y] for (x, y), _, _ in parts]
    return (
        np.concatenate([hidden for _, hidden, _ in parts]).astype(float),
        np.concatenate([direct for _, _, direct in parts]).astype(float),
        np.concatenate(right),
    )
