"""A linear map of the stream, position by position: x_p = x_p W + b."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.term import Term
from .layer import Layer, Stream, plus_rows


@dataclass(frozen=True, eq=False)
class Linear(Layer):
    """W: d × d'; b: d'."""

    W: DyadicTensor
    b: DyadicTensor | None = None

    kind = "linear"
    axes = {"W": "do", "b": "o"}  # noqa: RUF012

    def after(self, stream: Stream, where: str) -> Stream:
        return Stream(stream.positions, self.sizes(where, d=stream.width)["o"])

    def definition(self, number: int) -> str:
        shift = f" + b^{{({number})}}" if "b" in self.tensors else ""
        return f"$$x^{{({number})}}_p = x^{{({number - 1})}}_p W^{{({number})}}{shift}.$$"

    def term(self, stream: Term, number: int) -> Term:
        return plus_rows(stream @ self.needed(number, "W"), self.tensor(number, "b"))


LAYER = Linear
