"""Embedding: x_p = E[t_p] + P[p], with one table for all positions or one of its own for each."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.network_terms import Selection, stacked
from ...engine.term import Tensor, Term
from .layer import Layer, LayerError, Stream, named_tensor, spelled, tensor_name


@dataclass(frozen=True, eq=False)
class Embed(Layer):
    """``tables``: one (V × d) for all positions, or one (V_p × d) for each; ``P``: positions × d.

    ``shared`` says which; a network with its own table for each position has exactly as many positions.
    """

    tables: tuple[DyadicTensor, ...]
    P: DyadicTensor | None = None
    shared: bool = True

    kind = "embed"
    axes = {"P": "nd"}  # noqa: RUF012

    @property
    def tensors(self) -> dict[str, DyadicTensor]:
        names = ["E"] if self.shared else [f"E_{p}" for p in range(len(self.tables))]
        return {**dict(zip(names, self.tables, strict=True)), **super().tensors}

    @property
    def most_positions(self) -> int | None:
        """The largest number of positions that the layer is defined for; None for any."""
        if not self.shared:
            return len(self.tables)
        return None if self.P is None or not self.P.shape else self.P.shape[0]

    def table(self, position: int) -> DyadicTensor:
        """The table of a position, V_p × d."""
        return self.tables[0 if self.shared else position]

    def settings(self) -> dict[str, int | str]:
        return {"tables": "shared" if self.shared else "own"}

    def after(self, stream: Stream, where: str) -> Stream:
        width: int | None = None
        for number, table in enumerate(self.tables):
            name = "E" if self.shared else f"E_{number}"
            if len(table.shape) != 2 or (width is not None and table.shape[1] != width):
                expected = "two axes (token, width)" if width is None else f"width {width}, as E_0 has it"
                raise LayerError(f"{where}, tensor {name}", expected, "shape " + spelled(table.shape))
            width = table.shape[1]
        if width is None or (self.shared and len(self.tables) != 1):
            raise LayerError(where, "one table of embeddings", str(len(self.tables)))
        most = self.most_positions
        if not self.shared and stream.positions != len(self.tables):
            raise LayerError(where, f"{len(self.tables)} positions, one a table", str(stream.positions))
        if most is not None and stream.positions > most:
            raise LayerError(where, f"at most {most} positions, as P has rows", str(stream.positions))
        self.sizes(where, d=width)
        return Stream(stream.positions, width)

    def definition(self, number: int) -> str:
        shift = f" + P^{{({number})}}[p]" if "P" in self.tensors else ""
        table = f"E^{{({number})}}" if self.shared else f"E^{{({number})}}_p"
        own = "" if self.shared else " (each position has a table of its own)"
        return (
            f"$$x^{{({number})}}_p = {table}[t_p]{shift}$$\nis the embedding of token $t_p$ at position $p$, "
            f"a row of {self.tables[0].shape[1]} numbers{own}."
        )

    def without_positions(self, positions: int) -> Term:
        """The tokens' rows of the tables."""
        if self.shared:
            table = self.needed(0, "E")
            return Selection(tuple(range(positions)), table.shape[0]) @ table
        tables = [self.needed(0, f"E_{p}") for p in range(positions)]
        return stacked([Selection((p,), table.shape[0]) @ table for p, table in enumerate(tables)])

    def embedded(self, positions: int) -> Term:
        """The stream of so many positions, from the tokens alone: layer 0."""
        result = self.without_positions(positions)
        return result if "P" not in self.tensors else result + self.first_rows(positions)

    def first_rows(self, positions: int) -> Tensor:
        """The rows of P that so many positions have, as they are named in terms."""
        return named_tensor(0, self.kind, "P", (positions, self.tables[0].shape[1]))

    def first_positions(self, positions: int) -> dict[str, DyadicMatrix]:
        """The rows of P that so many positions have, by the name that :meth:`embedded` gives them."""
        P = self.tensors.get("P")
        return {} if P is None else {tensor_name(0, self.kind, "P"): P[:positions].matrix()}

    def term(self, stream: Term, number: int) -> Term:
        raise TypeError("an embedding has no stream before it")


LAYER = Embed
