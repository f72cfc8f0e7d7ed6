"""The theorem about a network and a task in words, from the checker's own reading of them."""

from __future__ import annotations

from collections.abc import Sequence

from ..dyadic import entry_text
from .layers import Layer, Network, Norm
from .statement import tokens_text
from .task import Task

MAX_SHOWN = 12


def _listed(texts: Sequence[str], separator: str) -> str:
    """All of them; of more than :data:`MAX_SHOWN` the first ones, with how many there are."""
    if len(texts) <= MAX_SHOWN:
        return separator.join(texts)
    return f"{separator.join([*texts[:MAX_SHOWN], '...'])} ({len(texts)} in all)"


def _norm(norm: Norm) -> str:
    tensors = f" with {' and '.join(norm.tensors)}" if norm.tensors else ""
    return f"{norm.function} (epsilon {entry_text(*norm.epsilon)}, in hex times a power of two){tensors}"


def _layer(layer: Layer) -> str:
    """One layer: its settings and the shapes of its tensors."""
    if layer.kind == "norm" and layer.norm is not None:
        return f"norm: {_norm(layer.norm)}"
    settings = [f"{name} {value}" for name, value in layer.settings.items()]
    shapes = [f"{name} {' x '.join(map(str, t.shape))}" for name, t in layer.tensors.items()]
    shown = [_listed(shapes, ", ")] if shapes else []
    norm = [] if layer.norm is None else [f"reads through {_norm(layer.norm)}"]
    return f"{layer.kind}: {', '.join([*settings, *norm, *shown])}".rstrip(": ")


def _span(tokens: Sequence[int]) -> str:
    """A range by its ends, other tokens one by one."""
    text = tokens_text(tokens)
    return f"{text[0]} ... {text[1]}" if len(text) == 2 else _listed([str(token) for token in tokens], " ")


def _tokens(task: Task) -> str:
    """The tokens of each position; equal ones once."""
    if all(tokens == task.tokens[0] for tokens in task.tokens):
        return f"each of {_span(task.tokens[0])}"
    return _listed([_span(tokens) for tokens in task.tokens], "; ")


def theorem(network: Network, task: Task, sha256: str) -> tuple[str, str]:
    """What comes before and after the theorem's own sentence."""
    layers = "".join(f"  {_layer(layer)}\n" for layer in network.layers)
    read = (
        "the last position"
        if task.read == (network.positions_left - 1,)
        else f"{'position' if len(task.read) == 1 else 'positions'} {_listed([str(p) for p in task.read], ', ')}"
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
