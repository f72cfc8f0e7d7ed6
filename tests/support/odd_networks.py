"""Random networks of every kind of layer with odd weights: huge and tiny ones, denormals, -0, zeros, constant rows,
norms of width 1 and of nothing, outputs with one column, margins far below every grid."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from layered_network import Layers

FUNCTIONS = ("relu", "identity", "square", "gelu", "gelu_new", "silu")
SCALES = ("1/sqrt(2)", "1/sqrt(3)", "1", "2/3", "7", "1/sqrt(18446744073709551615)", "1/1000000")
EPSILONS = ("1e-5", "1e-5", "1e-12", "1e-300", "5e-324", "1", "1e5", "1e300")


class Odd:
    """Draws one network of ``outputs``, ``tokens`` and ``positions``; ``mixed``: whether one position is left."""

    def __init__(self, seed: int) -> None:
        self.random, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.kind = self.pick("normal", "eighths", "wide", "odd", "odd")
        self.width, self.tokens, self.positions = self.pick(1, 2, 3, 4), self.pick(2, 3), self.pick(1, 2, 2, 3)
        self.mixed, self.attentions = False, 0
        first = self.embed()
        makers: tuple[Callable[[], dict[str, Any] | None], ...] = (
            *(self.attention, self.attention, self.mlp, self.mlp, self.linear, self.pointwise, self.norm_layer),
            *(self.sum, self.concat),
        )
        middle = [self.pick(*makers)() for _ in range(self.pick(0, 1, 1, 2, 2, 3))]
        self.outputs = self.pick(1, 2, 3)
        self.layers: Layers = [first, *(layer for layer in middle if layer is not None), self.unembed()]

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def happens(self, share: float) -> bool:
        return self.random.random() < share

    def tensor(self, *shape: int) -> np.ndarray:
        found = self.numbers.normal(size=shape)
        if self.kind == "eighths":
            found = np.round(found * 8) / 8
        if self.kind == "wide":
            found *= 2.0 ** self.numbers.integers(-20, 12, size=shape)
        if self.kind == "odd" and self.happens(0.35):
            found = self.pick(
                lambda a: a * 2.0 ** self.pick(20, 60, 120),
                lambda a: a * 2.0 ** -self.pick(20, 60, 200, 900),
                lambda a: np.sign(a) * 5e-324 * self.numbers.integers(1, 9, size=shape),
                lambda a: -np.abs(a) * 0,
                lambda a: np.full(shape, a.flat[0]),
                lambda a: a * (self.numbers.random(shape) < 0.3),
            )(found)
        return found

    def some(self, share: float, **shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Each tensor, now and then."""
        return {name: self.tensor(*shape) for name, shape in shapes.items() if self.happens(share)}

    def norm(self) -> dict[str, Any]:
        tensors = self.some(0.6, w=(self.width,), b=(self.width,))
        return {"function": self.pick("layernorm", "rmsnorm"), "epsilon": self.pick(*EPSILONS), **tensors}

    def normed(self) -> dict[str, Any]:
        return {"norm": self.norm()} if self.happens(0.3) else {}

    def embed(self) -> dict[str, Any]:
        if self.happens(0.2):
            tables = [self.tensor(self.tokens, self.width) for _ in range(self.positions)]
            return {"kind": "embed", "tables": tables}
        table = self.tensor(self.tokens, self.width)
        if self.happens(0.2):
            table[0] = 0.5
        return {"kind": "embed", "E": table, **self.some(0.7, P=(self.positions, self.width))}

    def attention(self) -> dict[str, Any] | None:
        self.attentions += 1
        if self.attentions > 2:
            return None
        d, heads, e, f = self.width, self.pick(1, 1, 2), self.pick(1, 2), self.pick(1, 2, 3)
        return {
            "kind": "attention",
            "scale": self.pick(*SCALES),
            "mask": self.pick("causal", "none"),
            **self.some(1, W_Q=(heads, d, e), W_K=(heads, d, e), W_V=(heads, d, f), W_O=(heads, f, d)),
            **self.some(0.5, b_Q=(heads, e), b_K=(heads, e), b_V=(heads, f), b_O=(d,)),
            **self.normed(),
        }

    def mlp(self) -> dict[str, Any]:
        d, k, skip = self.width, self.pick(1, 3, 4), self.pick("added", "added", "none")
        out = d if skip == "added" else self.pick(1, 2)
        found = {
            "kind": "mlp",
            "function": self.pick(*FUNCTIONS),
            "skip": skip,
            **self.some(1, W_in=(d, k), W_out=(k, out)),
            **self.some(0.4, W_gate=(d, k), b_in=(k,), b_out=(out,)),
            **self.normed(),
        }
        self.width = out
        return found

    def linear(self) -> dict[str, Any]:
        before, self.width = self.width, self.pick(1, 2, self.width + 1)
        return {"kind": "linear", **self.some(1, W=(before, self.width)), **self.some(0.5, b=(self.width,))}

    def pointwise(self) -> dict[str, Any]:
        return {"kind": "pointwise", "function": self.pick(*FUNCTIONS)}

    def norm_layer(self) -> dict[str, Any]:
        return {"kind": "norm", **self.norm()}

    def sum(self) -> dict[str, Any] | None:
        if self.mixed:
            return None
        self.mixed = True
        return {"kind": "sum"}

    def concat(self) -> dict[str, Any] | None:
        if self.mixed:
            return None
        self.mixed = True
        self.width *= self.positions
        return {"kind": "concat"}

    def unembed(self) -> dict[str, Any]:
        found = {"kind": "unembed", **self.some(1, W_U=(self.width, self.outputs))}
        found |= {**self.some(0.6, b_U=(self.outputs,)), **self.normed()}
        if self.outputs > 1 and self.happens(0.3):
            found["W_U"][:, 1] = found["W_U"][:, 0]
            found.setdefault("b_U", np.zeros(self.outputs))[1] = found.get("b_U", np.zeros(1))[0]
            if self.happens(0.5):
                found["b_U"][1] += self.pick(1, -1) * 2.0 ** -self.pick(20, 40, 60)
        return found
