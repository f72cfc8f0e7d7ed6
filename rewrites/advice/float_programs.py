"""Programs that theorems about float runs cover, in torch.  Nothing rests on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...models.float_statement import FloatStatement
from ...models.one_layer import one_layer_of
from ...models.training.network import require_torch

if TYPE_CHECKING:
    from torch import Tensor

    Weights = dict[str, Tensor]
    Program = Callable[[Weights, Tensor], Tensor]


def programs(statement: FloatStatement, *, compiled: bool = False) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Named programs that the theorem covers: tokens (inputs × K) to logits at the last position.

    With ``compiled`` also what torch.compile makes of one, which takes a while.
    """
    rounded = one_layer_of(statement.rounded).tensors
    yield from _programs(_weights(statement, rounded), compiled)
    if any(statement.rounded_twice[name] != matrix for name, matrix in rounded.items()):
        for name, run in _programs(_weights(statement, statement.rounded_twice), compiled):
            yield f"{name}, weights rounded twice", run


def _programs(weights: Weights, compiled: bool) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    torch = require_torch()
    count = torch.get_num_threads()

    def running(program: Program, threads: int = 1, batch: int = 1 << 12, turned: bool = False) -> Any:
        def run(tokens: Tensor) -> Tensor:
            order = torch.arange(len(tokens)).flip(0) if turned else torch.arange(len(tokens))
            with torch.inference_mode(), _threads(threads):
                out = torch.cat([program(weights, part) for part in tokens[order].split(batch)])
            return out[order]

        return run

    yield "eager, one thread", running(_forward)
    yield f"eager, {max(2, count)} threads, small batches in reverse order", running(_forward, max(2, count), 37, True)
    yield "einsum, as in TransformerLens", running(_einsum)
    yield "last position only, bias fused", running(_last)
    yield "residual begun with x + b_O", running(_begun_with_x)
    for name, steps in stepwise(weights["W_E"].dtype):
        yield name, running(steps)
    if compiled:
        yield "torch.compile", running(torch.compile(_forward))


@contextmanager
def _threads(count: int) -> Iterator[None]:
    torch = require_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _weights(statement: FloatStatement, tensors: Mapping[str, DyadicMatrix]) -> Weights:
    """Weights that are rounded already, so that torch converts them exactly."""
    torch = require_torch()
    kind = getattr(torch, statement.format.name)
    found = {}
    for name, matrix in tensors.items():
        exact = np.array([[float(entry) for entry in row] for row in matrix.fractions()])
        found[name] = torch.tensor(exact if name.startswith("W_") else exact[0], dtype=torch.float64).to(kind)
    return found


def _forward(w: Weights, tokens: Tensor) -> Tensor:
    residual = w["W_E"][tokens] + w["W_pos"]
    q, k, v = (residual @ w[f"W_{name}"] + w[f"b_{name}"] for name in "QKV")
    scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
    later = require_torch().ones(tokens.shape[1], tokens.shape[1], dtype=bool).triu(1)
    attended = scores.masked_fill(later, -float("inf")).softmax(-1) @ v
    return ((residual + attended @ w["W_O"] + w["b_O"]) @ w["W_U"] + w["b_U"])[:, -1]


def _einsum(w: Weights, tokens: Tensor) -> Tensor:
    torch = require_torch()
    residual = w["W_E"][tokens] + w["W_pos"]
    q, k, v = (torch.einsum("bpd,ndh->bpnh", residual, w[f"W_{name}"][None]) + w[f"b_{name}"] for name in "QKV")
    scores = torch.einsum("bqnh,bknh->bnqk", q, k) / q.shape[-1] ** 0.5
    later = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
    pattern = torch.where(later, -float("inf"), scores).softmax(-1)
    z = torch.einsum("bknh,bnqk->bqnh", v, pattern)
    out = torch.einsum("bqnh,nhd->bqd", z, w["W_O"][None]) + w["b_O"]
    return torch.einsum("bqd,dv->bqv", residual + out, w["W_U"])[:, -1] + w["b_U"]


def _last(w: Weights, tokens: Tensor) -> Tensor:
    torch = require_torch()
    residual = w["W_E"][tokens] + w["W_pos"]
    flat, last = residual.reshape(-1, residual.shape[-1]), residual[:, -1]
    q = torch.addmm(w["b_Q"], last, w["W_Q"])
    k, v = (torch.addmm(w[f"b_{name}"], flat, w[f"W_{name}"]).reshape(*tokens.shape, -1) for name in "KV")
    pattern = ((k @ q[:, :, None]) / q.shape[-1] ** 0.5).softmax(1)
    out = torch.addmm(w["b_O"], (pattern.transpose(1, 2) @ v)[:, 0], w["W_O"])
    return torch.addmm(w["b_U"], last + out, w["W_U"])


def _autocast(w: Weights, tokens: Tensor) -> Tensor:
    torch = require_torch()
    kind = w["W_E"].dtype
    with torch.autocast("cpu", dtype=kind):
        return _forward({name: tensor.float() for name, tensor in w.items()}, tokens)


def _begun_with_x(w: Weights, tokens: Tensor) -> Tensor:
    torch = require_torch()
    residual = w["W_E"][tokens] + w["W_pos"]
    last = residual[:, -1]
    q = last @ w["W_Q"] + w["b_Q"]
    k, v = (residual @ w[f"W_{name}"] + w[f"b_{name}"] for name in "KV")
    scale = torch.tensor(q.shape[-1], dtype=q.dtype).sqrt()  # a tensor, as in transformers
    pattern = ((q[:, None] @ k.transpose(1, 2)) / scale).softmax(-1)
    return torch.addmm(last + w["b_O"], (pattern @ v)[:, 0], w["W_O"]) @ w["W_U"] + w["b_U"]


# The numbers that a run may store, in the order of the statement.
KEPT = (
    *("x", "q, k, v without bias", "q", "k", "v", "q k", "c", "1/c", "s", "s - max s", "e added", "e divided", "sum e"),
    *("1/sum e", "a", "sum e v", "z", "z W_O", "z W_O + b_O", "r", "logits without bias", "logits"),
)


def stepwise(kind: Any) -> Iterator[tuple[str, Program]]:
    """Programs that go step by step and store what they are told to: everything, nothing, each number by itself; and
    where numbers are stored shorter than computed, autocast, which stores some."""
    torch = require_torch()
    for way in ("divided", "times a reciprocal", "divided after averaging"):
        yield f"step by step, {way}", partial(_stepwise, KEPT, way)
    if torch.finfo(kind).bits < 32:
        yield "autocast of rounded weights", _autocast
        yield "step by step, only logits stored", partial(_stepwise, ("logits",), "divided")
        ways = {"1/c": "times a reciprocal", "1/sum e": "times a reciprocal", "sum e v": "divided after averaging"}
        for name in KEPT[:-1]:
            way = ways.get(name, "divided")
            yield f"step by step, {name} stored", partial(_stepwise, (name, "logits"), way)
            yield f"step by step, {name} not stored", partial(_stepwise, [kept for kept in KEPT if kept != name], way)


def _stepwise(kept: Sequence[str], way: str, w: Weights, tokens: Tensor) -> Tensor:
    """What is not kept has at least the 24 bits of float32."""
    torch = require_torch()
    kind = w["W_E"].dtype
    wide = torch.promote_types(kind, torch.float32)
    w = {name: tensor.to(wide) for name, tensor in w.items()}

    def keep(name: str, value: Tensor) -> Tensor:
        return value.to(kind).to(wide) if name in kept else value

    def biased(name: str, value: Tensor) -> Tensor:
        return keep(name, keep("q, k, v without bias", value) + w[f"b_{name.upper()}"])

    residual = keep("x", w["W_E"][tokens] + w["W_pos"])
    last = residual[:, -1]
    q, k, v = biased("q", last @ w["W_Q"]), biased("k", residual @ w["W_K"]), biased("v", residual @ w["W_V"])
    raw = keep("q k", (k @ q[:, :, None])[:, :, 0])
    scale = keep("c", torch.tensor(q.shape[-1], dtype=wide).sqrt())
    scores = keep("s", raw * keep("1/c", 1 / scale) if way == "times a reciprocal" else raw / scale)
    powers = keep("s - max s", scores - scores.amax(1, keepdim=True)).exp()
    total = keep("sum e", keep("e added", powers).sum(1, keepdim=True))
    powers = keep("e divided", powers)
    if way == "divided after averaging":
        z = keep("sum e v", (powers[:, None] @ v)[:, 0]) / total
    else:
        pattern = powers * keep("1/sum e", 1 / total) if way == "times a reciprocal" else powers / total
        z = (keep("a", pattern)[:, None] @ v)[:, 0]
    out = keep("z W_O + b_O", keep("z W_O", keep("z", z) @ w["W_O"]) + w["b_O"])
    logits = keep("logits without bias", keep("r", last + out) @ w["W_U"])
    return keep("logits", logits + w["b_U"])
