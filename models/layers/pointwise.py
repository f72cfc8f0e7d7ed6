"""A map of every entry of the stream: x_p = φ(x_p)."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine import network_terms
from ...engine.term import Term
from .functions import FUNCTIONS
from .layer import Layer, LayerError, Stream


@dataclass(frozen=True, eq=False)
class Pointwise(Layer):
    """``function`` is φ."""

    function: str

    kind = "pointwise"

    def settings(self) -> dict[str, int | str]:
        return {"function": self.function}

    def after(self, stream: Stream, where: str) -> Stream:
        if self.function not in FUNCTIONS:
            raise LayerError(f"{where}, function", f"one of {', '.join(FUNCTIONS)}", self.function)
        return stream

    def definition(self, number: int) -> str:
        return (
            f"Entry by entry, with {FUNCTIONS[self.function]}: "
            f"$$x^{{({number})}}_p = \\varphi(x^{{({number - 1})}}_p).$$"
        )

    def term(self, stream: Term, number: int) -> Term:
        return network_terms.Pointwise(stream, self.function)


LAYER = Pointwise
