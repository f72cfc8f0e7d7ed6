"""The positions are added up, and one is left: x = Σ_p x_p."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.term import Ones, Term
from .layer import Layer, Stream


@dataclass(frozen=True, eq=False)
class Sum(Layer):
    """No tensors and no settings."""

    kind = "sum"

    def after(self, stream: Stream, where: str) -> Stream:
        return Stream(1, stream.width)

    def definition(self, number: int) -> str:
        return f"The positions are added up: $$x^{{({number})}}_0 = \\sum_p x^{{({number - 1})}}_p.$$"

    def term(self, stream: Term, number: int) -> Term:
        return Ones(stream.shape[0]).T @ stream


LAYER = Sum
