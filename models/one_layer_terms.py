"""The one-layer network as terms: its definition by its layers, and the five tables in which papers write it.

A sequence t enters as its *selection* S (K × V): row p is the indicator of token t_p, so S W_E is the embedded
sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.network_terms import Selection
from ..engine.term import Named, Ones, Tensor, Term
from .layers.attention import Attention, Scale
from .network import Network
from .one_layer import NAMES, OneLayer, with_weights
from .path_tables import HeadTables, through_tables


@dataclass(frozen=True)
class OneLayerTerms:
    """The terms for given sizes."""

    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int

    @staticmethod
    def of(network: OneLayer) -> OneLayerTerms:
        return OneLayerTerms(network.d_vocab, network.n_ctx, network.d_model, network.d_head)

    def _weight(self, name: str, rows: int, columns: int) -> Tensor:
        kind, _, index = name.partition("_")
        written = index if len(index) == 1 else f"\\mathrm{{{index}}}"
        return Tensor(name, (rows, columns), f"{kind}_{{{written}}}")

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        v, k, width, head = self.d_vocab, self.n_ctx, self.d_model, self.d_head
        sizes = {
            "W_E": (v, width), "W_pos": (k, width), "W_Q": (width, head), "W_K": (width, head), "W_V": (width, head),
            "W_O": (head, width), "W_U": (width, v), "b_Q": (1, head), "b_K": (1, head), "b_V": (1, head),
            "b_O": (1, width), "b_U": (1, v),
        }  # fmt: skip
        return {name: self._weight(name, *size) for name, size in sizes.items()}

    def definition(self, network: Network) -> Term:
        """The logits at the last position, 1 × V, by the layers; tensors are named as in papers."""
        names = {ours: self.weights[theirs] for ours, theirs in NAMES.items()}
        return with_tensors(network.term(self.n_ctx, [self.n_ctx - 1]), names)

    @cached_property
    def _head(self) -> HeadTables:
        return HeadTables(self.weights, Scale(root=self.d_head))

    @property
    def query_residual(self) -> Named:
        """X_q: what stands at the last position, over (query, d)."""
        return self._head.query_residual

    @property
    def query_side(self) -> Named:
        """Q: all queries, over (query, h)."""
        return self._head.query_side

    @property
    def tables(self) -> dict[str, Named]:
        """The five path tables."""
        return self._head.tables

    # The query-key tables with the mean position folded into the keys, which claims name; any row in its place will do.

    @cached_property
    def mean_position(self) -> Tensor:
        """The row that is folded into the keys, 1 × d."""
        return Tensor("mean", (1, self.d_model), "\\bar{P}")

    @cached_property
    def mean_tables(self) -> dict[str, Named]:
        """EQKE and EQKP with the mean position moved from the positions to the keys."""
        w, ones, positions = self.weights, Ones(self.d_vocab), Ones(self.n_ctx)
        rest = w["W_pos"] - positions @ self.mean_position
        terms = {
            "EQKE_mean": self.query_side @ ((w["W_E"] + ones @ self.mean_position) @ w["W_K"]).T,
            "EQKP_mean": self.query_side @ (rest @ w["W_K"] + positions @ w["b_K"]).T,
        }
        return {name: Named(f"\\overline{{\\mathrm{{{name[:4]}}}}}", term) for name, term in terms.items()}

    # The definition through the tables, on the sequence that S selects.

    @property
    def selection(self) -> Selection:
        """S: one row a position, the indicator of its token."""
        return self._head.selection

    @property
    def attention(self) -> Named:
        """α: what the last position attends to, 1 × K."""
        return self._head.attention

    @property
    def paths(self) -> Term:
        """s UU + α (S EVOU + PVOU), with s the last row of S."""
        return through_tables([self._head])

    @cached_property
    def mixture(self) -> Term:
        """The same as an average over positions: α (1 s UU + S EVOU + PVOU)."""
        direct = Ones(self.n_ctx) @ self._head.direct
        return self.attention @ (direct + self.selection @ self.tables["EVOU"] + self.tables["PVOU"])


def with_tensors(term: Term, tensors: Mapping[str, Tensor]) -> Term:
    """The term with other tensors of the same shapes in place of those named; abbreviations keep their names."""
    match term:
        case Ones():
            return term
        case Tensor():
            return tensors.get(term.name, term)
        case Named():
            return Named(term.name, with_tensors(term.body, tensors))
    for index, part in enumerate(term.parts()):
        term = term.with_part(index, with_tensors(part, tensors))
    return term


def placeholder(terms: OneLayerTerms) -> Network:
    """A network of these sizes that has every bias: where a definition is shown, and no numbers."""
    network = with_weights({name: DyadicMatrix.ones(*tensor.shape) for name, tensor in terms.weights.items()})
    embed, attention, unembed = network.layers
    assert isinstance(attention, Attention), "it is made so"
    scaled = replace(attention, scale=Scale(root=terms.d_head))  # the size by its name, if it has one
    return replace(network, layers=(embed, scaled, unembed))
