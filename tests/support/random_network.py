"""Small random networks of every kind of layer."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from math import prod

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.models.layers.attention import Attention, Scale
from mechproof.models.layers.concat import Concat
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.functions import FUNCTIONS
from mechproof.models.layers.layer import Layer
from mechproof.models.layers.linear import Linear
from mechproof.models.layers.mlp import Mlp
from mechproof.models.layers.norm import Norm
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.sum import Sum
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network

EPSILON = Fraction(5902958103587057, 2**69)  # the float64 next to 1e-5


class Maker:
    """Draws tensors of small dyadic numbers; the same seed, the same tensors."""

    def __init__(self, seed: int, *, bits: int = 6, exponent: int = -4) -> None:
        self.rng = random.Random(seed)
        self.bits, self.exponent = bits, exponent

    def tensor(self, *shape: int) -> DyadicTensor:
        most = (1 << self.bits - 1) - 1
        return DyadicTensor.of(shape, [self.rng.randint(-most, most) for _ in range(prod(shape))], self.exponent)

    def norm(self, width: int, function: str = "layernorm", *, weights: bool = True) -> Norm:
        w = self.tensor(width) if weights else None
        return Norm(function, EPSILON, w, self.tensor(width) if weights else None)

    def attention(
        self,
        width: int,
        heads: int,
        head: int,
        *,
        mask: str = "causal",
        norm: Norm | None = None,
        scale: Scale | None = None,
    ) -> Attention:
        q, k, v = (self.tensor(heads, width, head) for _ in range(3))
        biases = {f"b_{name}": self.tensor(heads, head) for name in "QKV"}
        scale = scale or Scale(root=head)
        return Attention(
            q, k, v, self.tensor(heads, head, width), scale, mask, b_O=self.tensor(width), norm=norm, **biases
        )

    def mlp(self, width: int, hidden: int, function: str, *, gated: bool = False, norm: Norm | None = None) -> Mlp:
        gate = self.tensor(width, hidden) if gated else None
        return Mlp(
            self.tensor(width, hidden), self.tensor(hidden, width), function, gate,
            self.tensor(hidden), self.tensor(width), norm=norm,
        )  # fmt: skip

    def embed(self, tokens: int, positions: int, width: int) -> Embed:
        return Embed((self.tensor(tokens, width),), self.tensor(positions, width))

    def unembed(self, width: int, outputs: int, norm: Norm | None = None) -> Unembed:
        return Unembed(self.tensor(width, outputs), self.tensor(outputs), norm)


def network(*layers: Layer) -> Network:
    return Network("random", layers)


def every_kind(seed: int) -> dict[str, Network]:
    """A network of three positions, four tokens and five outputs for every kind of layer and setting."""
    m = Maker(seed)
    head, tail = m.embed(4, 3, 8), m.unembed(8, 5)
    found = {
        "tables only": network(head, tail),
        "two heads": network(head, m.attention(8, 2, 4), tail),
        "rational scale": network(head, m.attention(8, 1, 4, scale=Scale(Fraction(1, 3))), tail),
        "no mask, two layers": network(head, m.attention(8, 2, 4, mask="none"), m.attention(8, 1, 4), tail),
        "own tables": network(
            Embed(tuple(m.tensor(v, 8) for v in (4, 3, 2)), shared=False), Linear(m.tensor(8, 8)), tail
        ),
        "concat": network(head, Concat(), Linear(m.tensor(24, 8), m.tensor(8)), Pointwise("relu"), tail),
        "sum": network(head, Sum(), Pointwise("square"), tail),
        "no skip": network(head, replace(m.mlp(8, 6, "relu"), skip="none"), tail),
    }
    for function in FUNCTIONS:
        found[function] = network(head, m.attention(8, 2, 4), m.mlp(8, 12, function), tail)
        found[f"gated {function}"] = network(head, m.mlp(8, 6, function, gated=True), tail)
    for function in ("layernorm", "rmsnorm"):
        for weights in (True, False):
            norms = [m.norm(8, function, weights=weights) for _ in range(3)]
            attention, mlp = m.attention(8, 2, 4, norm=norms[0]), m.mlp(8, 12, "gelu", norm=norms[1])
            found[f"{function}, weights {weights}"] = network(head, attention, mlp, m.unembed(8, 5, norms[2]))
    found["norm as a layer"] = network(head, m.norm(8), tail)
    return found
