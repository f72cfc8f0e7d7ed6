"""The logits: y_p W_U + b_U, y = N(x) if the layer has a norm, else x."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.term import Term
from .layer import Layer, Stream, plus_rows
from .norm import Norm


@dataclass(frozen=True, eq=False)
class Unembed(Layer):
    """W_U: d × C; b_U: C, over the C outputs that count."""

    W_U: DyadicTensor
    b_U: DyadicTensor | None = None
    norm: Norm | None = None

    kind = "unembed"
    axes = {"W_U": "dC", "b_U": "C"}  # noqa: RUF012

    def after(self, stream: Stream, where: str) -> Stream:
        if self.norm is not None:
            self.norm.after(stream, f"{where}, norm")
        return Stream(stream.positions, self.sizes(where, d=stream.width)["C"])

    def definition(self, number: int) -> str:
        read, given = self.reading(number)
        shift = f" + b_U^{{({number})}}" if "b_U" in self.tensors else ""
        return (
            f"{given}The logits at position $p$ are the {self.W_U.shape[1]} numbers\n"
            f"$$\\mathrm{{logits}}_p = {read}_p W_U^{{({number})}}{shift}.$$"
        )

    def term(self, stream: Term, number: int) -> Term:
        return plus_rows(self.read(stream, number) @ self.needed(number, "W_U"), self.tensor(number, "b_U"))


LAYER = Unembed
