"""Networks of docs/statement.md §1 a second time, for tests: written to files, and evaluated with mpmath.

A network is a list of layers, each a dict: its kind, settings, tensors (numpy arrays), and ``norm`` as such a dict.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

Layers = list[dict[str, Any]]
SETTINGS = ("kind", "function", "epsilon", "scale", "mask", "skip")
DIGITS = 60
# Two numbers that differ by less are taken for equal: far above the rounding of 60 digits, far below any difference
# that small random weights make.
TIE = mpmath.mpf(10) ** -40


def write(layers: Layers, folder: Path, name: str = "net") -> Path:
    """The network file and its npz."""
    arrays: dict[str, np.ndarray] = {}
    lines = [f'weights = "{name}.npz"']
    for i, layer in enumerate(layers):
        lines.append("[[layer]]")
        for key, value in layer.items():
            if key == "norm":
                stored = {k: v for k, v in value.items() if isinstance(v, np.ndarray)}
                arrays |= {f"layer {i}.norm.{k}": v for k, v in stored.items()}
                inner = [f'function = "{value["function"]}"', f"epsilon = {value['epsilon']}"]
                inner += [f'{k} = "layer {i}.norm.{k}"' for k in stored]
                lines.append("norm = { " + ", ".join(inner) + " }")
            elif key == "tables":
                arrays |= {f"layer {i}.{p}": table for p, table in enumerate(value)}
                names = [f"layer {i}.{p}" for p in range(len(value))]
                lines.append(f"tables = {json.dumps(names)}")
            elif isinstance(value, np.ndarray):
                arrays[f"layer {i}.{key}"] = value
                lines.append(f'{key} = "layer {i}.{key}"')
            else:
                lines.append(f"{key} = {value}" if key == "epsilon" else f'{key} = "{value}"')
    np.savez(folder / f"{name}.npz", **arrays)  # type: ignore[arg-type]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


@lru_cache(maxsize=1024)
def _exact(kind: str, shape: tuple[int, ...], data: bytes) -> np.ndarray:
    with mpmath.workdps(DIGITS):
        return np.array([mpmath.mpf(float(v)) for v in np.frombuffer(data, kind)], dtype=object).reshape(shape)


def exact(numbers: Any) -> np.ndarray:
    """The numbers as mpmath has them."""
    array = np.asarray(numbers)
    return _exact(array.dtype.str, array.shape, array.tobytes())


def _times(x: Sequence[Any], w: np.ndarray) -> list[Any]:
    return list(_product(tuple(x), w.dtype.str, w.shape, w.tobytes(), mpmath.mp.prec))


# Inputs that begin alike have the same rows at the first positions.
@lru_cache(maxsize=1 << 14)
def _product(x: tuple[Any, ...], kind: str, shape: tuple[int, ...], data: bytes, _precision: int) -> tuple[Any, ...]:
    return tuple(mpmath.fdot(x, column) for column in _exact(kind, shape, data).T)


def _plus(x: Sequence[Any], b: Any) -> list[Any]:
    return list(x) if b is None else [a + c for a, c in zip(x, exact(b), strict=True)]


def pointwise(function: str, x: Any) -> Any:
    """phi(x), in the digits that are asked for here."""
    return _pointwise(function, x, mpmath.mp.prec)


@lru_cache(maxsize=1 << 14)
def _pointwise(function: str, x: Any, _precision: int) -> Any:
    if function == "relu":
        return max(x, mpmath.mpf(0))
    if function == "identity":
        return x
    if function == "square":
        return x * x
    if function == "gelu":
        return x * mpmath.ncdf(x)
    if function == "silu":
        return x / (1 + mpmath.exp(-x))
    assert function == "gelu_new"
    return x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(44715) / 10**6 * x**3)))


def normed(norm: dict[str, Any] | None, x: Sequence[Any]) -> list[Any]:
    """N(x)."""
    if norm is None:
        return list(x)
    mean = mpmath.fsum(x) / len(x) if norm["function"] == "layernorm" else 0
    y = [a - mean for a in x]
    root = mpmath.sqrt(mpmath.fsum(a * a for a in y) / len(y) + mpmath.mpf(float(norm["epsilon"])))
    gains = norm.get("w", np.ones(len(x)))
    return _plus([a / root * g for a, g in zip(y, exact(gains), strict=True)], norm.get("b"))


def scale(text: str) -> Any:
    """c."""
    if text.startswith("1/sqrt"):
        return 1 / mpmath.sqrt(int(text[7:-1]))
    p, _, q = text.partition("/")
    return mpmath.mpf(int(p)) / int(q or 1)


def attention(layer: dict[str, Any], stream: list[list[Any]]) -> list[list[Any]]:
    """The stream after an attention layer."""
    y = [normed(layer.get("norm"), x) for x in stream]
    out = [_plus(x, layer.get("b_O")) for x in stream]
    for h in range(len(layer["W_Q"])):
        own = {
            name: [_plus(_times(x, layer[f"W_{name}"][h]), layer.get(f"b_{name}", [None] * (h + 1))[h]) for x in y]
            for name in "QKV"
        }
        for p in range(len(y)):
            seen = range(p + 1) if layer["mask"] == "causal" else range(len(y))
            scores = [scale(layer["scale"]) * mpmath.fdot(own["Q"][p], own["K"][m]) for m in seen]
            top = max(scores)
            weights = [mpmath.exp(s - top) for s in scores]
            total = mpmath.fsum(weights)
            value = [
                mpmath.fsum(w * own["V"][m][i] for w, m in zip(weights, seen, strict=True)) / total
                for i in range(len(own["V"][0]))
            ]
            out[p] = [a + b for a, b in zip(out[p], _times(value, layer["W_O"][h]), strict=True)]
    return out


def mlp(layer: dict[str, Any], x: list[Any]) -> list[Any]:
    """One stream after an MLP."""
    y = normed(layer.get("norm"), x)
    u = _times(y, layer["W_in"])
    if "W_gate" in layer:
        gates = [pointwise(layer["function"], g) for g in _times(y, layer["W_gate"])]
        hidden = _plus([a * b for a, b in zip(u, gates, strict=True)], layer.get("b_in"))
    else:
        hidden = [pointwise(layer["function"], a) for a in _plus(u, layer.get("b_in"))]
    out = _plus(_times(hidden, layer["W_out"]), layer.get("b_out"))
    return out if layer.get("skip") == "none" else [a + b for a, b in zip(x, out, strict=True)]


def logits(layers: Layers, tokens: Sequence[int]) -> list[list[Any]]:
    """The logits at every position that is left."""
    first = layers[0]
    stream = []
    for p, t in enumerate(tokens):
        row = exact(first["tables"][p] if "tables" in first else first["E"])[t]
        stream.append(_plus(row, first["P"][p] if "P" in first else None))
    for layer in layers[1:]:
        match layer["kind"]:
            case "sum":
                stream = [[mpmath.fsum(column) for column in zip(*stream, strict=True)]]
            case "concat":
                stream = [[a for x in stream for a in x]]
            case "norm":
                stream = [normed(layer, x) for x in stream]
            case "attention":
                stream = attention(layer, stream)
            case "mlp":
                stream = [mlp(layer, x) for x in stream]
            case "linear":
                stream = [_plus(_times(x, layer["W"]), layer.get("b")) for x in stream]
            case "pointwise":
                stream = [[pointwise(layer["function"], a) for a in x] for x in stream]
            case "unembed":
                stream = [_plus(_times(normed(layer.get("norm"), x), layer["W_U"]), layer.get("b_U")) for x in stream]
    return stream


def right(layers: Layers, tokens: Sequence[int], answers: Sequence[int], read: Sequence[int] = (-1,)) -> list[bool]:
    """Whether the network is right, at each read position."""
    with mpmath.workdps(DIGITS):
        found = logits(layers, tokens)
        return [
            all(found[p][answer] - other > TIE for x, other in enumerate(found[p]) if x != answer)
            for p, answer in zip(read, answers, strict=True)
        ]


def loss(found: Sequence[Any], answer: int) -> Any:
    """-log softmax(logits)_c."""
    return mpmath.log1p(mpmath.fsum(mpmath.exp(x - found[answer]) for z, x in enumerate(found) if z != answer))


def margin(found: Sequence[Any], answer: int) -> Any:
    """The right logit minus the largest other one."""
    return found[answer] - max(x for z, x in enumerate(found) if z != answer)


def count(layers: Layers, inputs: Iterable[Sequence[int]], answer: Callable[[Sequence[int]], int]) -> int:
    """The number of inputs at which the network is right at the last position."""
    return sum(right(layers, t, [answer(t)])[0] for t in inputs)


def every(*sizes: int) -> Iterable[tuple[int, ...]]:
    """All inputs."""
    return itertools.product(*map(range, sizes))


Steps = list[tuple[str, list[int], dict[str, Any]]]


def _certificate(statement: str, relation: dict[str, Any], steps: Steps) -> bytes:
    """The certificate of schema 2 with these steps after the definition."""
    steps = [("network_definition/2", [], {"kind": "network", "statement": statement}), *steps]
    derivations = [
        {"id": n, "rule": rule, "premises": premises, "advice": {}, "conclusion": conclusion}
        for n, (rule, premises, conclusion) in enumerate(steps)
    ]
    text = {
        "schema": "mechproof-certificate/2",
        "relation": relation,
        "statement": statement,
        "derivations": derivations,
    }
    return (json.dumps(text, separators=(",", ":")) + "\n").encode("ascii")


def certificate(statement: str, low: int, high: int, inputs: int) -> bytes:
    """The certificate of schema 2 that states these counts."""
    bounds = {"right_low": hex(low), "right_high": hex(high)}
    steps: Steps = [
        ("enumeration/1", [0], {"kind": "right_count", **bounds}),
        ("accuracy/1", [1], {"kind": "accuracy", **bounds, "inputs": hex(inputs)}),
    ]
    return _certificate(statement, {"metric": "accuracy", **bounds, "inputs": hex(inputs)}, steps)


def enclosure_certificate(statement: str, metric: str, low: int, high: int) -> bytes:
    """The certificate of schema 2 that states bounds of the loss or of the margin, in units of 2^-128."""
    bounds = {"low": hex(low), "high": hex(high)}
    rule = {"loss": "enumerated_loss/1", "margin": "least_margin/1"}[metric]
    steps: Steps = [(rule, [0], {"kind": metric, **bounds})]
    return _certificate(statement, {"metric": metric, **bounds}, steps)


class Draw:
    """Random tensors: multiples of 1/8 (which tie now and then), or numbers of any size."""

    def __init__(self, seed: int, eighths: bool = False) -> None:
        self.random, self.eighths = np.random.default_rng(seed), eighths

    def __call__(self, *shape: int) -> np.ndarray:
        if self.eighths:
            return (self.random.integers(-8, 9, shape) / 8).astype(np.float32)
        return self.random.normal(size=shape).astype(np.float32)

    def norm(self, d: int, function: str = "layernorm", tensors: str = "wb") -> dict[str, Any]:
        return {"function": function, "epsilon": "1e-2"} | {name: self(d) for name in tensors}

    def embed(self, tokens: int, d: int, positions: int) -> dict[str, Any]:
        return {"kind": "embed", "E": self(tokens, d), "P": self(positions, d)}

    def attention(self, d: int, heads: int, e: int = 2, f: int = 3, **settings: Any) -> dict[str, Any]:
        tensors = {
            "W_Q": self(heads, d, e),
            "W_K": self(heads, d, e),
            "W_V": self(heads, d, f),
            "W_O": self(heads, f, d),
        }
        biases = {"b_Q": self(heads, e), "b_K": self(heads, e), "b_V": self(heads, f), "b_O": self(d)}
        return {"kind": "attention", "scale": "1/sqrt(3)", "mask": "causal"} | tensors | biases | settings

    def mlp(self, d: int, k: int, function: str, gated: bool = False, **settings: Any) -> dict[str, Any]:
        gate = {"W_gate": self(d, k)} if gated else {}
        tensors = {"W_in": self(d, k), **gate, "W_out": self(k, d), "b_in": self(k), "b_out": self(d)}
        return {"kind": "mlp", "function": function} | tensors | settings

    def unembed(self, d: int, outputs: int, **settings: Any) -> dict[str, Any]:
        return {"kind": "unembed", "W_U": self(d, outputs), "b_U": self(outputs)} | settings


def stack(draw: Draw, *middle: dict[str, Any], tokens: int = 5, positions: int = 3, **last: Any) -> Layers:
    """embed, these layers, unembed; streams of 4 numbers."""
    return [draw.embed(tokens, 4, positions), *middle, draw.unembed(4, tokens, **last)]


def every_kind(draw: Draw, tokens: int = 5) -> dict[str, Layers]:
    """Networks in which every kind of layer and every setting occurs, on three positions."""
    d = 4
    whole = partial(stack, draw, tokens=tokens)
    bare = {"W_Q": draw(1, d, 2), "W_K": draw(1, d, 2), "W_V": draw(1, d, 3), "W_O": draw(1, 3, d)}
    functions = ("relu", "identity", "square", "gelu", "gelu_new", "silu")
    return {
        "one head": whole(draw.attention(d, 1)),
        "no biases": whole({"kind": "attention", "scale": "3/4", "mask": "causal", **bare}),
        "two heads, no mask": whole(draw.attention(d, 2, mask="none", scale="2")),
        "two layers": whole(draw.attention(d, 2), draw.attention(d, 1)),
        "three layers with norms": whole(
            *(draw.attention(d, 1, norm=draw.norm(d, f)) for f in ("layernorm", "rmsnorm", "layernorm"))
        ),
        **{f"mlp {f}": whole(draw.attention(d, 2), draw.mlp(d, 5, f)) for f in functions},
        **{f"gated {f}": whole(draw.attention(d, 1), draw.mlp(d, 5, f, gated=True)) for f in functions},
        "mlp in place": whole(draw.attention(d, 1), draw.mlp(d, 5, "relu", skip="none")),
        "mlp first": whole(draw.mlp(d, 5, "gelu", norm=draw.norm(d)), draw.attention(d, 1)),
        "norms": whole(
            draw.attention(d, 2, norm=draw.norm(d)),
            draw.mlp(d, 5, "gelu_new", norm=draw.norm(d, "rmsnorm")),
            norm=draw.norm(d),
        ),
        "norms without tensors": whole(
            draw.attention(d, 1, norm=draw.norm(d, tensors="")), norm=draw.norm(d, "rmsnorm", "")
        ),
        "norm in place": whole({"kind": "norm", **draw.norm(d)}, draw.attention(d, 1)),
        "linear, pointwise": whole(
            {"kind": "linear", "W": draw(4, 6), "b": draw(6)},
            {"kind": "pointwise", "function": "silu"},
            {"kind": "linear", "W": draw(6, 4)},
            draw.attention(d, 1),
        ),
        "sum": whole({"kind": "sum"}, draw.mlp(d, 6, "relu")),
        "attention, then sum": whole(
            draw.attention(d, 2), {"kind": "sum"}, draw.mlp(d, 6, "square"), norm=draw.norm(d)
        ),
        "concat": [
            {"kind": "embed", "tables": [draw(tokens, d) for _ in range(3)]},
            {"kind": "concat"},
            {"kind": "linear", "W": draw(12, 6)},
            {"kind": "pointwise", "function": "relu"},
            {"kind": "unembed", "W_U": draw(6, tokens)},
        ],
        "attention, concat, attention": [
            draw.embed(tokens, d, 3),
            draw.attention(d, 1),
            {"kind": "concat"},
            draw.attention(12, 1),
            draw.unembed(12, tokens),
        ],
        "no mix": whole(draw.mlp(d, 5, "relu")),
        "nothing": whole(),
    }
