"""The theorem about a network and a task in words, from the checker's own reading of them."""

from __future__ import annotations

from ..dyadic import entry_text
from .layers import Layer, Network, Norm
from .statement import tokens_text
from .task import Task

MAX_SHOWN = 12


def _norm(norm: Norm) -> str:
    tensors = f" with {' and '.join(norm.tensors)}" if norm.tensors else ""
    return f"{norm.function} (epsilon {entry_text(*norm.epsilon)}, in hex times a power of two){tensors}"


def _layer(layer: Layer) -> str:
    """One layer: its settings and the shapes of its tensors."""
    if layer.kind == "norm" and layer.norm is not None:
        return f"norm: {_norm(layer.norm)}"
    settings = [f"{name} {value}" for name, value in layer.settings.items()]
    shapes = [f"{name} {' x '.join(map(str, t.shape))}" for name, t in layer.tensors.items()]
    shown = shapes if len(shapes) <= MAX_SHOWN else [*shapes[:MAX_SHOWN], "..."]
    norm = [] if layer.norm is None else [f"reads through {_norm(layer.norm)}"]
    return f"{layer.kind}: {', '.join([*settings, *norm, *shown])}".rstrip(": ")


def _tokens(task: Task) -> str:
    """The tokens of each position; equal ones once."""
    texts = [
        f"{t[0]} ... {t[1]}" if len(t) == 2 else " ".join(map(str, t[:MAX_SHOWN]))
        for t in map(tokens_text, task.tokens)
    ]
    return f"each of {texts[0]}" if len(set(texts)) == 1 else "; ".join(texts[:MAX_SHOWN])


def theorem(network: Network, task: Task, sha256: str) -> tuple[str, str]:
    """What comes before and after the theorem's own sentence."""
    layers = "".join(f"  {_layer(layer)}\n" for layer in network.layers)
    read = (
        "the last position"
        if task.read == (network.positions_left - 1,)
        else f"positions {', '.join(map(str, task.read[:MAX_SHOWN]))}"
    )
    condition = {
        "none": "",
        "distinct": ", all different",
        "repeated": ", the last one repeated",
        "once": ", the last one once before",
        "sorted": ", first different ones, then a separator, then the first ones in ascending order",
        "listed": ", in a list",
    }[task.condition]
    right = {
        "pairs": "each pair of input and position counts",
        "inputs": "an input counts when it is right at all of them",
    }[task.counted]
    return (
        f"Network: {len(task.tokens)} positions, {network.outputs} outputs, the weights given:\n"
        f"{layers}"
        f"Task: {task.name}: tokens {_tokens(task)}{condition}. Right answer: {task.right}; it must get the strictly\n"
        f"  largest logit (a tie is wrong) at {read}{'' if len(task.read) == 1 else f'; {right}'}.\n",
        f"Statement: sha256:{sha256} (layers, task and exact weights).\n",
    )
