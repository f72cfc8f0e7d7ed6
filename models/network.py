"""Networks as data: a list of layers over a residual stream (docs/statement.md §1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.network_terms import stacked
from ..engine.term import Named, Term
from .layers.embed import Embed
from .layers.layer import Layer, LayerError, Stream
from .layers.unembed import Unembed


@dataclass(frozen=True, eq=False)
class Network:
    """``layers``: an embedding first, an unembedding last; ``source``: the file they came from, for messages.

    ``assumed``: what the reader must assume, since neither tensors nor configuration nor user said it.
    """

    source: str
    layers: tuple[Layer, ...]
    assumed: tuple[str, ...] = ()

    @property
    def embed(self) -> Embed:
        first = self.layers[0] if self.layers else None
        if not isinstance(first, Embed):
            raise self._disordered()
        return first

    @property
    def most_positions(self) -> int | None:
        """The largest number of positions that the network is defined for; None for any."""
        return self.embed.most_positions

    def vocabulary(self, positions: int) -> tuple[int, ...]:
        """V_p for each of so many positions."""
        return tuple(self.embed.table(p).shape[0] for p in range(positions))

    @property
    def outputs(self) -> int:
        """C, the number of logits at a position."""
        last = self.layers[-1]
        assert isinstance(last, Unembed), "a checked network ends with its unembedding"
        return last.W_U.shape[1]

    def check(self, positions: int) -> Stream:
        """The shape of the logits for so many positions.

        Raises :class:`~.layers.layer.LayerError`, with the number of the layer (from 0) in its text, when layers do
        not fit each other.
        """
        if not self.layers or not isinstance(self.layers[0], Embed) or not isinstance(self.layers[-1], Unembed):
            raise self._disordered()
        if any(isinstance(layer, Embed | Unembed) for layer in self.layers[1:-1]):
            raise LayerError(self.source, "one embed and one unembed", "several")
        stream = Stream(positions, 0)
        for number, layer in enumerate(self.layers):
            stream = layer.after(stream, f"{self.source}: layer {number} ({layer.kind})")
        return stream

    def _disordered(self) -> LayerError:
        found = ", ".join(layer.kind for layer in self.layers) or "no layer"
        return LayerError(self.source, "layers that begin with embed and end with unembed", found)

    def streams(self, positions: int) -> list[Term]:
        """The stream behind each layer but the last, as a function of the tokens."""
        streams: list[Term] = [Named("X^{(0)}", self.embed.embedded(positions))]
        for number, layer in enumerate(self.layers[1:-1], 1):
            streams.append(Named(f"X^{{({number})}}", layer.term(streams[-1], number)))
        return streams

    def term(self, positions: int, read: Sequence[int]) -> Term:
        """The definition of the network: its logits at the read positions, one row each, as a function of the
        tokens."""
        last = len(self.layers) - 1
        logits = self.layers[last].term(self.streams(positions)[-1], last)
        return stacked([logits.row(p) for p in read])

    def values(self, positions: int) -> dict[str, DyadicMatrix]:
        """The matrices that :meth:`term` names."""
        found: dict[str, DyadicMatrix] = {}
        for number, layer in enumerate(self.layers):
            found |= layer.values(number)
        return found | self.embed.first_positions(positions)

    def describe(self, positions: int) -> dict[str, Any]:
        """The ``network`` object of docs/statement.md §3."""
        return {
            "vocabulary": list(self.vocabulary(positions)),
            "outputs": self.outputs,
            "layers": [layer.describe() for layer in self.layers],
        }

    def tensors(self) -> Sequence[tuple[str, Any]]:
        """Every tensor that counts, with the number and the kind of its layer in its name."""
        return [
            (f"{number}.{layer.kind}.{name}", tensor)
            for number, layer in enumerate(self.layers)
            for name, tensor in layer.tensors.items()
        ]
