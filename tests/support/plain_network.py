"""A network evaluated on one input the plain way, layer by layer, in mpmath numbers of any precision.

Sums and products of dyadic numbers are exact at the precision set here, so that exact ties of rational networks are
exact zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import mpmath
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

BITS = 400
Row = list[Any]
FUNCTIONS = {
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "identity": lambda x: x,
    "square": lambda x: x * x,
    "gelu": lambda x: x * mpmath.ncdf(x),
    "gelu_new": lambda x: (
        x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(44715) / 10**6 * x**3)))
    ),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
}


def numbers(tensor: DyadicTensor) -> np.ndarray:
    """The entries as mpmath has them."""
    return _numbers(tuple(tensor.numerators.ravel().tolist()), tensor.exponent).reshape(tensor.shape)


@lru_cache(maxsize=4096)
def _numbers(numerators: tuple[int, ...], exponent: int) -> np.ndarray:
    with mpmath.workprec(BITS):
        return np.array([mpmath.ldexp(mpmath.mpf(value), exponent) for value in numerators], dtype=object)


# Inputs that begin alike have the same numbers at the first positions.
@lru_cache(maxsize=1 << 14)
def pointwise(function: str, x: Any) -> Any:
    """phi(x)."""
    with mpmath.workprec(BITS):
        return FUNCTIONS[function](x)


def times(x: Sequence[Any], matrix: np.ndarray) -> Row:
    return [mpmath.fdot(x, column) for column in matrix.T]


def plus(x: Sequence[Any], shift: DyadicTensor | None) -> Row:
    return list(x) if shift is None else [a + b for a, b in zip(x, numbers(shift), strict=True)]


def logits(network: Network, tokens: Sequence[int], read: Sequence[int]) -> list[Row]:
    """The logits at each read position."""
    with mpmath.workprec(BITS):
        stream: list[Row] = []
        for layer in network.layers:
            stream = _after(layer, stream, tokens)
        return [stream[p] for p in read]


def margins(rows: Sequence[Row], answers: Sequence[int]) -> Row:
    """The right logit minus the largest other one, of logits at each read position."""
    with mpmath.workprec(BITS):
        return [row[c] - max(x for z, x in enumerate(row) if z != c) for row, c in zip(rows, answers, strict=True)]


def cross_entropies(rows: Sequence[Row], answers: Sequence[int]) -> Row:
    """-log softmax of the right logit."""
    with mpmath.workprec(BITS):
        return [mpmath.log(mpmath.fsum(map(mpmath.exp, row))) - row[c] for row, c in zip(rows, answers, strict=True)]


def _norm(norm: Norm | None, x: Row) -> Row:
    if norm is None:
        return x
    if norm.function == "layernorm":
        mean = mpmath.fsum(x) / len(x)
        x = [a - mean for a in x]
    epsilon = mpmath.mpf(norm.epsilon.numerator) / norm.epsilon.denominator
    scale = mpmath.sqrt(mpmath.fsum(a * a for a in x) / len(x) + epsilon)
    w = [1] * len(x) if norm.w is None else numbers(norm.w)
    return plus([a / scale * b for a, b in zip(x, w, strict=True)], norm.b)


def _after(layer: Any, stream: list[Row], tokens: Sequence[int]) -> list[Row]:
    match layer:
        case Embed():
            rows = [list(numbers(layer.table(p)[token])) for p, token in enumerate(tokens)]
            return [plus(x, None if layer.P is None else layer.P[p]) for p, x in enumerate(rows)]
        case Sum():
            return [[mpmath.fsum(column) for column in zip(*stream, strict=True)]]
        case Concat():
            return [[a for x in stream for a in x]]
        case Norm():
            return [_norm(layer, x) for x in stream]
        case Linear():
            return [plus(times(x, numbers(layer.W)), layer.b) for x in stream]
        case Pointwise():
            return [[pointwise(layer.function, a) for a in x] for x in stream]
        case Unembed():
            return [plus(times(_norm(layer.norm, x), numbers(layer.W_U)), layer.b_U) for x in stream]
        case Mlp():
            added = [_mlp(layer, _norm(layer.norm, x)) for x in stream]
            if layer.skip == "none":
                return added
            return [[a + b for a, b in zip(x, u, strict=True)] for x, u in zip(stream, added, strict=True)]
        case Attention():
            return _attention(layer, stream)
    raise TypeError(type(layer).__name__)


def _mlp(layer: Mlp, y: Row) -> Row:
    entering = times(y, numbers(layer.W_in))
    if layer.W_gate is None:
        hidden = [pointwise(layer.function, a) for a in plus(entering, layer.b_in)]
    else:
        gate = [pointwise(layer.function, a) for a in times(y, numbers(layer.W_gate))]
        hidden = plus([a * b for a, b in zip(gate, entering, strict=True)], layer.b_in)
    return plus(times(hidden, numbers(layer.W_out)), layer.b_out)


def _attention(layer: Attention, stream: list[Row]) -> list[Row]:
    read = [_norm(layer.norm, x) for x in stream]
    scale = mpmath.mpf(layer.scale.factor.numerator) / layer.scale.factor.denominator / mpmath.sqrt(layer.scale.root)
    result = [plus(x, layer.b_O) for x in stream]
    for h in range(layer.heads):

        def projected(W: DyadicTensor, b: DyadicTensor | None, h: int = h) -> list[Row]:
            return [plus(times(y, numbers(W[h])), None if b is None else b[h]) for y in read]

        q, k, v = (
            projected(layer.W_Q, layer.b_Q),
            projected(layer.W_K, layer.b_K),
            projected(layer.W_V, layer.b_V),
        )
        for p in range(len(stream)):
            seen = range(p + 1) if layer.mask == "causal" else range(len(stream))
            weights = [mpmath.exp(scale * mpmath.fdot(q[p], k[m])) for m in seen]
            total = mpmath.fsum(weights)
            mixed = [mpmath.fdot(weights, column) / total for column in zip(*(v[m] for m in seen), strict=True)]
            result[p] = [a + b for a, b in zip(result[p], times(mixed, numbers(layer.W_O[h])), strict=True)]
    return result
