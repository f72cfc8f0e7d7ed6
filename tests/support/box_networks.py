"""Small networks that boxes apply to, with their statements, and inputs of the leaves of their trees."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from layered_network import Draw, Layers, write

from mechproof.engine.box import Lists, ListSet, Product, members
from mechproof.models.problem import statement_of
from mechproof.models.statement import Statement
from mechproof.rewrites.boxes.answers import ReadPosition
from mechproof.rewrites.boxes.bounds import Units
from mechproof.rewrites.boxes.tree import Replay, State, Tree
from mechproof.rewrites.rules.box_rule import form_at

# Name -> (heads, MLP's function, norms before attention and unembedding).
KINDS: dict[str, tuple[int, str, tuple[str, str]]] = {
    "one head": (1, "", ("", "")),
    "two heads": (2, "", ("", "")),
    "three heads": (3, "", ("", "")),
    "relu": (1, "relu", ("", "")),
    "two heads, relu": (2, "relu", ("", "")),
    "square": (1, "square", ("", "")),
    "identity": (1, "identity", ("", "")),
    "gelu": (1, "gelu", ("", "")),
    "gelu_new": (1, "gelu_new", ("", "")),
    "silu": (2, "silu", ("", "")),
    "layernorm": (1, "", ("layernorm", "layernorm")),
    "rmsnorm, two heads": (2, "", ("", "rmsnorm")),
    "layernorm, relu": (1, "relu", ("", "layernorm")),
}


def layers(kind: str, seed: int, tokens: int, positions: int, outputs: int | None = None, d: int = 3) -> Layers:
    """A random network of this kind."""
    heads, function, (before, last) = KINDS[kind]
    draw = Draw(seed)
    found: Layers = [draw.embed(tokens, d, positions)]
    found.append(draw.attention(d, heads) | ({"norm": draw.norm(d, before)} if before else {}))
    if function:
        found.append(draw.mlp(d, 3, function))
    found.append(draw.unembed(d, outputs or tokens) | ({"norm": draw.norm(d, last)} if last else {}))
    return found


def statement(found: Layers, task: str, folder: Path) -> Statement:
    return statement_of(write(found, folder), task)


class Leaves(Replay):
    """A replay that remembers what was tested."""

    def __init__(self, known: Statement, index: int, units: Units) -> None:
        self.read = ReadPosition(known.network, known.task, index)
        super().__init__(self.read, form_at(known, index), known.network.outputs, units, "test")
        self.seen: list[tuple[State, int, int, bool]] = []

    def _queue(self, streams: Any, state: State, winner: Any, loser: Any, cuts: Any, *, strictly: bool) -> None:
        self.seen += [(state, y, x, strictly) for y in winner for x in loser]
        super()._queue(streams, state, winner, loser, cuts, strictly=strictly)


def leaves_of(known: Statement, index: int, units: Units, tree: Tree) -> Leaves:
    """All tests of a tree that holds."""
    replay = Leaves(known, index, units)
    replay.count(tree)
    return replay


def inputs_of(read: ReadPosition, node: Product | ListSet, rng: random.Random, count: int) -> Iterator[tuple[int, ...]]:
    """Random inputs of a set, whole ones (what comes behind the read position is drawn too)."""
    space = read.space
    for _ in range(count):
        if isinstance(node, ListSet):
            assert isinstance(space, Lists)
            chosen = [node.next, *([node.before] if node.before >= 0 else [])]
            for pool, needed in zip(space.pools(node), (space.below_needed, space.above_needed), strict=True):
                known = members(pool & node.inside)
                chosen += known + rng.sample(members(pool & ~node.inside), needed - len(known))
            rng.shuffle(chosen)
            yield (*chosen, space.values, *sorted(chosen))
            continue
        for _ in range(1000):
            tokens = tuple(rng.choice(members(bits)) for bits in node.sets)
            label = None if node.label is None else sum((read.labels or ())[t] for t in tokens)
            if node.label is None or (label is not None and node.label[0] <= label <= node.label[1]):
                yield (*tokens, *(rng.choice(rest) for rest in read.task.inputs.sets[read.position + 1 :]))
                break


def float_logits(found: Layers, tokens: np.ndarray, read: int) -> np.ndarray:
    """Logits of many inputs at one read position in float64: inputs × outputs."""
    f = {name: np.asarray(value, dtype=np.float64) for name, value in found[0].items() if name in ("E", "P")}
    x = f["E"][tokens[:, : read + 1]] + f["P"][: read + 1]
    last = x[:, read]
    for layer in found[1:]:
        t = {
            name: np.asarray(value, dtype=np.float64) for name, value in layer.items() if isinstance(value, np.ndarray)
        }
        if layer["kind"] == "attention":
            y = _normed(layer.get("norm"), x)
            root = math.sqrt(int(layer["scale"][7:-1]))
            for h in range(len(t["W_Q"])):
                q, k, v = (y @ t[f"W_{name}"][h] + t[f"b_{name}"][h] for name in "QKV")
                scores = np.einsum("ne,npe->np", q[:, read], k) / root
                weights = np.exp(scores - scores.max(axis=1, keepdims=True))
                weights /= weights.sum(axis=1, keepdims=True)
                last = last + np.einsum("np,npe->ne", weights, v) @ t["W_O"][h]
            last = last + t["b_O"]
        elif layer["kind"] == "mlp":
            z = last @ t["W_in"] + t["b_in"]
            hidden = {"relu": np.maximum(z, 0), "square": z * z, "identity": z}[layer["function"]]
            last = last + hidden @ t["W_out"] + t["b_out"]
        else:
            last = _normed(layer.get("norm"), last) @ t["W_U"] + t["b_U"]
    return last


def _normed(norm: dict[str, Any] | None, x: np.ndarray) -> np.ndarray:
    if norm is None:
        return x
    z = x - x.mean(axis=-1, keepdims=True) if norm["function"] == "layernorm" else x
    root = np.sqrt((z * z).mean(axis=-1, keepdims=True) + float(norm["epsilon"]))
    return z / root * np.asarray(norm["w"], dtype=np.float64) + np.asarray(norm["b"], dtype=np.float64)
