"""A linear map of the stream, position by position: x_p = x_p W + b."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.arithmetic.tensor import DyadicTensor
from .layer import Layer, Stream


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


LAYER = Linear
