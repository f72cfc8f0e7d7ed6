"""The positions are joined side by side, and one is left: x = (x_0, x_1, …, x_{n-1})."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.network_terms import Joined
from ...engine.term import Term
from .layer import Layer, Stream


@dataclass(frozen=True, eq=False)
class Concat(Layer):
    """No tensors and no settings."""

    kind = "concat"

    def after(self, stream: Stream, where: str) -> Stream:
        return Stream(1, stream.positions * stream.width)

    def definition(self, number: int) -> str:
        before = f"x^{{({number - 1})}}"
        return f"The positions are joined side by side: $$x^{{({number})}}_0 = ({before}_0, {before}_1, \\dots).$$"

    def term(self, stream: Term, number: int) -> Term:
        return Joined(stream)


LAYER = Concat
