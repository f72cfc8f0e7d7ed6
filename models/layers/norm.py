"""Norms: N(x) = (x - mean x)/sqrt(mean (x - mean x)² + ε)·w + b, or without the mean (RMSNorm)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.digest import number_text
from .layer import Layer, LayerError, Stream

FUNCTIONS = ("layernorm", "rmsnorm")


@dataclass(frozen=True, eq=False)
class Norm(Layer):
    """``function`` is layernorm or rmsnorm; ``epsilon`` a positive dyadic rational; w, b: vectors of width d."""

    function: str
    epsilon: Fraction
    w: DyadicTensor | None = None
    b: DyadicTensor | None = None

    kind = "norm"
    axes = {"w": "d", "b": "d"}  # noqa: RUF012

    def settings(self) -> dict[str, int | str]:
        twos = self.epsilon.denominator.bit_length() - 1
        return {"function": self.function, "epsilon": number_text(self.epsilon.numerator, -twos)}

    def after(self, stream: Stream, where: str) -> Stream:
        if self.function not in FUNCTIONS:
            raise LayerError(f"{where}, function", " or ".join(FUNCTIONS), self.function)
        bottom = self.epsilon.denominator
        if self.epsilon <= 0 or bottom & (bottom - 1):
            raise LayerError(f"{where}, epsilon", "a positive float64", str(self.epsilon))
        self.sizes(where, d=stream.width)
        return stream


LAYER = Norm
