"""MLPs: u = φ(y W_in + b_in) W_out + b_out, or gated: u = (φ(y W_gate) ∘ (y W_in) + b_in) W_out + b_out.

x_p += u, or x_p = u without the skip connection; y = N(x) if the layer has a norm, else x.  That a gated layer adds
b_in behind the product is TransformerLens's way.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.network_terms import Entrywise, Pointwise
from ...engine.term import Term
from .functions import FUNCTIONS
from .layer import Layer, LayerError, Stream, plus_rows
from .norm import Norm

SKIPS = ("added", "none")


@dataclass(frozen=True, eq=False)
class Mlp(Layer):
    """W_in, W_gate: d × k; W_out: k × d', d' = d where the stream is kept; b_in: k; b_out: d'."""

    W_in: DyadicTensor
    W_out: DyadicTensor
    function: str
    W_gate: DyadicTensor | None = None
    b_in: DyadicTensor | None = None
    b_out: DyadicTensor | None = None
    skip: str = "added"
    norm: Norm | None = None

    kind = "mlp"
    axes = {"W_in": "dk", "W_gate": "dk", "W_out": "ko", "b_in": "k", "b_out": "o"}  # noqa: RUF012

    @property
    def gated(self) -> bool:
        return self.W_gate is not None

    def settings(self) -> dict[str, int | str]:
        return {"function": self.function, "gated": int(self.gated), "skip": self.skip}

    def after(self, stream: Stream, where: str) -> Stream:
        if self.function not in FUNCTIONS:
            raise LayerError(f"{where}, function", f"one of {', '.join(FUNCTIONS)}", self.function)
        if self.skip not in SKIPS:
            raise LayerError(f"{where}, skip", " or ".join(SKIPS), self.skip)
        if self.norm is not None:
            self.norm.after(stream, f"{where}, norm")
        known = {"d": stream.width} | ({"o": stream.width} if self.skip == "added" else {})
        return Stream(stream.positions, self.sizes(where, **known)["o"])

    def definition(self, number: int) -> str:
        read, given = self.reading(number)
        has = self.tensors
        inner, outer = (
            f" + b_{{\\mathrm{{{side}}}}}^{{({number})}}" if f"b_{side}" in has else "" for side in ("in", "out")
        )
        weight = {side: f"W_{{\\mathrm{{{side}}}}}^{{({number})}}" for side in ("in", "out", "gate")}
        if self.gated:
            hidden = f"\\varphi({read}_p {weight['gate']}) \\circ ({read}_p {weight['in']}){inner}"
        else:
            hidden = f"\\varphi({read}_p {weight['in']}{inner})"
        before = f"x^{{({number - 1})}}_p + " if self.skip == "added" else ""
        return (
            f"{given}At every position, with {FUNCTIONS[self.function]}:\n"
            f"$$x^{{({number})}}_p = {before}\\left({hidden}\\right) {weight['out']}{outer}.$$"
        )

    def entering(self, read: Term, number: int) -> Term:
        """What the activation function is applied to."""
        gate = self.tensor(number, "W_gate")
        if gate is not None:
            return read @ gate
        return plus_rows(read @ self.needed(number, "W_in"), self.tensor(number, "b_in"))

    def hidden(self, read: Term, number: int) -> Term:
        """What W_out is applied to."""
        if not self.gated:
            return Pointwise(self.entering(read, number), self.function)
        entering = read @ self.needed(number, "W_in")
        active = Pointwise(self.entering(read, number), self.function)
        return plus_rows(Entrywise(active, entering), self.tensor(number, "b_in"))

    def leaving(self, read: Term, number: int) -> Term:
        """What the layer adds to the stream, or puts in its place."""
        return plus_rows(self.hidden(read, number) @ self.needed(number, "W_out"), self.tensor(number, "b_out"))

    def term(self, stream: Term, number: int) -> Term:
        leaving = self.leaving(self.read(stream, number), number)
        return stream + leaving if self.skip == "added" else leaving


LAYER = Mlp
