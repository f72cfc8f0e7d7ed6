"""A search for weights on which a float verifier certifies something false.

Floats propose: nothing is believed of what comes out of here before an audit has decided it exactly.  Two ways in:

* ``relaxation``: hill climbing from random small networks with one number a cell, the lesser of how clearly the cell is
  certified and how clearly one of its sequences is wrong; above zero, a false cell is certified;
* ``rounding``: bisection of one weight to where the verifier changes its mind about a sequence of one token, and the
  neighbouring floats, where its sign and the true one may disagree.

What is found is made small: as many weights as possible zero, the others with few bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import frexp, ldexp

import numpy as np
import torch

from ..rewrites.published.network import FloatNetwork
from .runs import threads
from .verifiers import Verifier

Weights = dict[str, np.ndarray]

STEPS = 1500
NEIGHBOURS = 8
BITS = (1, 2, 3, 5, 8, 12)


@dataclass(frozen=True)
class Attack:
    """Weights by which a verifier may be wrong."""

    kind: str
    weights: Weights


def lie(verifier: Verifier, weights: Weights) -> float:
    """Above zero if what is claimed to be right is wrong: by how much, at most, both are clear (in floats)."""
    size, positions = weights["W_E"].shape[0], weights["W_pos"].shape[0]
    sequences = np.array(list(product(range(size), repeat=positions)))
    claimed = _claims(verifier, weights, sequences)
    clear = np.minimum(-claimed, _worst_gaps(weights, sequences, sequences.max(axis=1)))
    return float(np.where(np.isnan(clear), -np.inf, clear).max())


def _claims(verifier: Verifier, weights: Weights, sequences: np.ndarray) -> np.ndarray:
    network = FloatNetwork.of({name: torch.from_numpy(value) for name, value in weights.items()}, torch.float32)
    run = verifier.verify(network, verifier.search(network))
    return run.claims(torch.from_numpy(sequences)).double().numpy()


def _worst_gaps(weights: Weights, sequences: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """The largest wrong logit minus the right one, by sequence, in double precision."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    residual = w["W_E"][sequences] + w["W_pos"]
    query, keys = residual[:, -1] @ w["W_Q"], residual @ w["W_K"]
    scores = np.einsum("nd,npd->np", query, keys) / w["W_Q"].shape[1] ** 0.5
    attention = np.exp(scores - scores.max(axis=1, keepdims=True))
    attention /= attention.sum(axis=1, keepdims=True)
    mixed = np.einsum("np,npd->nd", attention, residual) @ w["W_V"] @ w["W_O"]
    logits = (residual[:, -1] + mixed) @ w["W_U"]
    gaps = logits - np.take_along_axis(logits, largest[:, None], axis=1)
    gaps[np.arange(len(gaps)), largest] = -np.inf
    return gaps.max(axis=1)


def attacks(verifier: Verifier, seed: int = 0) -> Iterator[Attack]:
    """Minimised proposals, at most one of each kind."""
    with threads(1):
        for kind, construct, starts in (("relaxation", _climb, 3), ("rounding", _bisect, 64)):
            tries = (construct(verifier, np.random.default_rng([seed, start])) for start in range(starts))
            found = next((weights for weights in tries if weights is not None), None)
            if found is not None:
                yield Attack(kind, minimised(found, lambda candidate: lie(verifier, candidate) > 0))


def _tables(size: int, positions: int, generator: np.random.Generator) -> Weights:
    """A network whose scores, values and constant logits are entries of W_Q, W_V and the last row of W_pos."""
    unit, none = np.eye(size), np.zeros((size, size))
    weights = {
        "W_E": np.hstack([unit, none]),
        "W_pos": np.zeros((positions, 2 * size)),
        "W_Q": np.vstack([generator.normal(size=(size, size)) * 3, none]),
        "W_K": np.vstack([unit, none]),
        "W_V": np.vstack([generator.normal(size=(size, size)), none]),
        "W_O": np.hstack([none, unit]),
        "W_U": np.vstack([none, unit]),
    }
    weights["W_pos"][-1, size:] = generator.normal(size=size)
    return {name: value.astype(np.float32) for name, value in weights.items()}


def _climb(verifier: Verifier, generator: np.random.Generator) -> Weights | None:
    best = _tables(3, 3, generator)
    height = lie(verifier, best)
    for _ in range(STEPS):
        if height > 0.05:
            return best
        candidate = dict(best)
        for name, free in (("W_Q", np.s_[:3]), ("W_V", np.s_[:3]), ("W_pos", np.s_[-1:, 3:])):
            value = best[name].copy()
            part = value[free]
            moved = generator.random(part.shape) < 0.3
            part += (moved * generator.normal(size=part.shape) * 10 ** generator.uniform(-2, 1)).astype(np.float32)
            candidate[name] = value
        found = lie(verifier, candidate)
        if found >= height:
            best, height = candidate, found
    return best if height > 0 else None


def _bisect(verifier: Verifier, generator: np.random.Generator) -> Weights | None:
    """Two tokens, two positions; the constant logit of token 0 is moved until the sequence (0, 0) is undecided."""
    weights = _tables(2, 2, generator)
    weights["W_Q"][:] = 0
    weights["W_V"][:2] *= np.float32(100)
    weights["W_U"] = (weights["W_U"] * generator.normal(size=weights["W_U"].shape)).astype(np.float32)

    def at(value: np.float32) -> Weights:
        moved = weights["W_pos"].copy()
        moved[-1, 2] = value
        return weights | {"W_pos": moved}

    def certified(value: np.float32) -> bool:
        return bool(_claims(verifier, at(value), np.zeros((1, 2), dtype=np.int64))[0] < 0)

    low, high = np.float32(-1e4), np.float32(1e4)
    if certified(low) == certified(high):
        return None
    below = certified(low)
    for _ in range(64):
        middle = (low + high) / np.float32(2)
        low, high = (middle, high) if certified(middle) == below else (low, middle)
    for direction in (-np.inf, np.inf):
        value = low
        for _ in range(NEIGHBOURS):
            if lie(verifier, at(value)) > 0:
                return at(value)
            value = np.nextafter(value, np.float32(direction))
    return None


def minimised(weights: Weights, still: Callable[[Weights], bool]) -> Weights:
    """The same with weights made zero, or rounded to few bits, one after another, as long as ``still`` says so."""
    best = {name: value.copy() for name, value in weights.items()}
    for value in best.values():
        for place in zip(*np.nonzero(value), strict=True):
            kept = value[place]
            for smaller in (0.0, *(_rounded(float(kept), bits) for bits in BITS)):
                value[place] = smaller
                if still(best):
                    break
                value[place] = kept
    return best


def _rounded(value: float, bits: int) -> float:
    mantissa, exponent = frexp(value)
    return ldexp(round(ldexp(mantissa, bits)), exponent - bits)


def nonzero(weights: Mapping[str, np.ndarray]) -> int:
    """How many weights are not zero."""
    return sum(int(np.count_nonzero(value)) for value in weights.values())
