"""Small networks of two attention-only layers on induction, and every input's margin by mpmath."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import layered_network as second
import mpmath
import numpy as np

from mechproof.engine.formula import Formula
from mechproof.engine.rule import Lemma
from mechproof.models.problem import statement_of
from mechproof.models.statement import Statement

Tokens = tuple[int, ...]


def layers(
    seed: int, tokens: int, positions: int, *, sharp: float = 0.0, scale: str = "1/sqrt(3)", noise: float = 0.6
) -> second.Layers:
    """Random layers; with ``sharp`` they are a noisy induction head: layer 1 copies the token before, layer 2 looks for
    the query's token there and copies."""
    rng = np.random.default_rng(seed)
    d = 2 * tokens + positions
    found = [{"kind": "embed", "E": np.zeros((tokens, d)), "P": np.zeros((positions, d))}]
    for _ in range(2):
        found.append({"kind": "attention", "scale": scale, "mask": "causal"})
        found[-1] |= {f"W_{name}": np.zeros((1, d, d)) for name in "QKVO"}
    found.append({"kind": "unembed", "W_U": np.zeros((d, tokens))})
    if sharp:
        here, read, places = range(tokens), range(tokens, 2 * tokens), range(2 * tokens, d)
        embed, one, two, unembed = found
        for t in range(tokens):
            embed["E"][t, here[t]] = 1
            one["W_V"][0, here[t], here[t]] = one["W_O"][0, here[t], read[t]] = 1
            two["W_Q"][0, here[t], here[t]] = two["W_K"][0, read[t], here[t]] = sharp
            two["W_V"][0, here[t], here[t]] = two["W_O"][0, here[t], here[t]] = 1
            unembed["W_U"][here[t], t] = 3
        for p in range(positions):
            embed["P"][p, places[p]] = 1
            one["W_K"][0, places[p], places[p]] = sharp
            if p:
                one["W_Q"][0, places[p], places[p - 1]] = sharp
    noise = 0.1 if sharp else noise
    for layer in found:
        for name, table in layer.items():
            if isinstance(table, np.ndarray):
                layer[name] = (table + rng.normal(size=table.shape) * noise).astype(np.float32)
    return found


def statement(made: second.Layers, folder: Path, task: str) -> Statement:
    """The network as mechproof takes it."""
    return statement_of(second.write(made, folder), task)


def inputs(condition: str, tokens: int, positions: int) -> list[Tokens]:
    """All inputs of the task, by its definition."""
    found = itertools.product(range(tokens), repeat=positions)
    if condition == "repeated":
        return [t for t in found if len(set(t[:-1])) == positions - 1 and t[-1] in t[:-2]]
    return [t for t in found if t[:-1].count(t[-1]) == 1 and t[-1] in t[1:-2]]


def margins(made: second.Layers, some: Sequence[Tokens]) -> dict[Tokens, Any]:
    """The right logit minus the largest other one, to 50 digits."""
    found = {}
    with mpmath.workdps(50):
        for t in some:
            logits = second.logits(made, t)[-1]
            right = t[t.index(t[-1]) + 1]
            found[t] = logits[right] - max(logit for x, logit in enumerate(logits) if x != right)
    return found


def above(margin: Any, units: int, bits: int) -> bool:
    """Whether a margin is more than so many units of 2^-bits."""
    with mpmath.workdps(50):
        return bool(margin > mpmath.ldexp(mpmath.mpf(units), -bits))


def formula(lemma: Lemma) -> Formula:
    """The lemma's statement, which is no family of equations."""
    assert isinstance(lemma.statement, Formula)
    return lemma.statement
