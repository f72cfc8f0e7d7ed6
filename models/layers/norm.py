"""Norms: N(x) = (x - mean x)/sqrt(mean (x - mean x)² + ε)·w + b, or without the mean (RMSNorm)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.digest import number_text
from ...engine.network_terms import Entrywise, Normalised
from ...engine.term import Ones, Term
from .layer import Layer, LayerError, Stream, plus_rows

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

    def definition(self, number: int) -> str:
        """The function N_k; as a layer of its own it is applied at every position."""
        centred = self.function == "layernorm"
        top, inside = ("x - \\mu(x)", "(x_i - \\mu(x))^2") if centred else ("x", "x_i^2")
        gain = f" \\circ w^{{({number})}}" if "w" in self.tensors else ""
        shift = f" + b^{{({number})}}" if "b" in self.tensors else ""
        mean = "$\\mu(x)$ for the mean of the entries of $x$, " if centred else ""
        twos = self.epsilon.denominator.bit_length() - 1
        return (
            f"With {mean}$\\circ$ for the product entry by entry and $\\varepsilon = {self.epsilon.numerator} \\cdot "
            f"2^{{-{twos}}}$ exactly, put\n$$N_{{{number}}}(x) = \\frac{{{top}}}"
            f"{{\\sqrt{{\\operatorname{{mean}}_i {inside} + \\varepsilon}}}}{gain}{shift}.$$"
        )

    def term(self, stream: Term, number: int) -> Term:
        result: Term = Normalised(stream, self.function == "layernorm", self.epsilon)
        w = self.tensor(number, "w")
        if w is not None:
            rows = stream.shape[0]
            result = Entrywise(result, w if rows == 1 else Ones(rows) @ w)
        return plus_rows(result, self.tensor(number, "b"))


LAYER = Norm
