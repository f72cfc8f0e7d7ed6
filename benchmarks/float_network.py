"""A network in float64: the plain way, layer by layer on all inputs, to compare speed and values with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.models.layers.attention import Attention
from mechproof.models.layers.concat import Concat
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.linear import Linear
from mechproof.models.layers.mlp import Mlp
from mechproof.models.layers.norm import Norm
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.sum import Sum
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network

_ERF = np.frompyfunc(math.erf, 1, 1)
FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "identity": lambda x: x,
    "square": lambda x: x * x,
    "gelu": lambda x: x * (1 + _ERF(x / math.sqrt(2)).astype(float)) / 2,
    "gelu_new": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def floats(tensor: DyadicTensor) -> np.ndarray:
    return np.ldexp(tensor.numerators.astype(float), tensor.exponent)


class FloatNetwork:
    """float64 weights of a network, converted once."""

    def __init__(self, network: Network) -> None:
        self.layers = network.layers
        self._cache: dict[int, Any] = {}

    def w(self, tensor: DyadicTensor | None) -> Any:
        if tensor is None:
            return 0.0
        return (
            self._cache.setdefault(id(tensor), floats(tensor))
            if id(tensor) not in self._cache
            else self._cache[id(tensor)]
        )

    def logits(self, tokens: np.ndarray, read: tuple[int, ...]) -> np.ndarray:
        """inputs × reads × outputs."""
        x = np.zeros(0)
        for layer in self.layers:
            x = self._after(layer, x, tokens)
        return x[:, list(read)]

    def _norm(self, norm: Norm | None, x: np.ndarray) -> np.ndarray:
        if norm is None:
            return x
        if norm.function == "layernorm":
            x = x - x.mean(-1, keepdims=True)
        y = x / np.sqrt((x * x).mean(-1, keepdims=True) + float(norm.epsilon))
        return y * (1.0 if norm.w is None else self.w(norm.w)) + self.w(norm.b)

    def _after(self, layer: Any, x: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        match layer:
            case Embed():
                n = tokens.shape[1]
                x = np.stack([self.w(layer.table(p))[tokens[:, p]] for p in range(n)], axis=1)
                return x if layer.P is None else x + self.w(layer.P)[:n]
            case Sum():
                return x.sum(axis=1, keepdims=True)
            case Concat():
                return x.reshape(len(x), 1, -1)
            case Norm():
                return self._norm(layer, x)
            case Linear():
                return x @ self.w(layer.W) + self.w(layer.b)
            case Pointwise():
                return FUNCTIONS[layer.function](x)
            case Unembed():
                return self._norm(layer.norm, x) @ self.w(layer.W_U) + self.w(layer.b_U)
            case Mlp():
                y = self._norm(layer.norm, x)
                if layer.W_gate is None:
                    hidden = FUNCTIONS[layer.function](y @ self.w(layer.W_in) + self.w(layer.b_in))
                else:
                    hidden = FUNCTIONS[layer.function](y @ self.w(layer.W_gate)) * (y @ self.w(layer.W_in)) + self.w(
                        layer.b_in
                    )
                out = hidden @ self.w(layer.W_out) + self.w(layer.b_out)
                return x + out if layer.skip == "added" else out
            case Attention():
                return self._attention(layer, x)
        raise TypeError(type(layer).__name__)

    def _attention(self, layer: Attention, x: np.ndarray) -> np.ndarray:
        y, out = self._norm(layer.norm, x), x + self.w(layer.b_O)
        scale = float(layer.scale.factor) / math.sqrt(layer.scale.root)
        for h in range(layer.heads):

            def projected(W: DyadicTensor, b: DyadicTensor | None, h: int = h) -> np.ndarray:
                return y @ self.w(W)[h] + (0.0 if b is None else self.w(b)[h])

            q, k, v = (
                projected(layer.W_Q, layer.b_Q),
                projected(layer.W_K, layer.b_K),
                projected(layer.W_V, layer.b_V),
            )
            scores = np.matmul(q, k.transpose(0, 2, 1)) * scale
            if layer.mask == "causal":
                n = scores.shape[1]
                scores = np.where(np.tril(np.ones((n, n), dtype=bool)), scores, -np.inf)
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            out = out + (weights @ v) @ self.w(layer.W_O)[h]
        return out
