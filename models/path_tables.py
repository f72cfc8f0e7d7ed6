"""The five path tables of an attention head, and a network of one attention layer written with them.

A network reads its last position.  With S the selection of the tokens, s its last row, and for every head h

    EQKE_h = Q_h (W_E W_K)ᵀ,  EQKP_h = Q_h (W_pos W_K + 1 b_K)ᵀ,  Q_h = X_q W_Q + 1 b_Q,  X_q = W_E + 1 W_pos[K-1],
    EVOU_h = W_E W_V W_O W_U,  PVOU_h = (W_pos W_V + 1 b_V) W_O W_U,  UU = X_q W_U + 1 (b_O W_U + b_U),

its logits are s UU + Σ_h α_h (S EVOU_h + PVOU_h) with α_h = softmax(c (s EQKE_h Sᵀ + s EQKP_h)).  Biases that a network
does not have are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

from ..engine.errors import MechproofError
from ..engine.network_terms import MaskedSoftmax, Selection
from ..engine.term import Named, Ones, Term
from .layers.attention import Attention, Scale
from .layers.embed import Embed
from .layers.unembed import Unembed
from .network import Network

HEAD = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V")


@dataclass(unsafe_hash=True)
class NoPathTables(MechproofError):
    source: str
    found: str
    sentence = (
        "{source}: path tables need an embedding with positions, one attention layer and an unembedding, without "
        "norms; found {found}"
    )


@dataclass(frozen=True)
class HeadTables:
    """``weights``: by the papers' names, W_E to b_U, those of one head; ``mark`` is written on the names of what
    depends on the head."""

    weights: Mapping[str, Term]
    scale: Scale
    mark: str = ""

    @property
    def positions(self) -> int:
        return self.weights["W_pos"].shape[0]

    def biased(self, term: Term, *biases: Term | None) -> Term:
        """The term with the sum of these rows, those that are there, added to every row."""
        present = [bias for bias in biases if bias is not None]
        return term + Ones(term.shape[0]) @ reduce(add, present) if present else term

    @cached_property
    def selection(self) -> Selection:
        """S: one row a position, the indicator of its token."""
        return Selection(tuple(range(self.positions)), self.weights["W_E"].shape[0])

    @cached_property
    def query(self) -> Term:
        """s: the row of the last position, which asks."""
        return self.selection.row(self.positions - 1)

    @cached_property
    def query_residual(self) -> Named:
        """X_q: what stands at the last position, over (query, d)."""
        last = self.weights["W_pos"].row(self.positions - 1)
        return Named("X_q", self.biased(self.weights["W_E"], last))

    @cached_property
    def query_side(self) -> Named:
        """Q: all queries, over (query, h)."""
        w = self.weights
        return Named(f"Q{self.mark}", self.biased(self.query_residual @ w["W_Q"], w.get("b_Q")))

    @cached_property
    def tables(self) -> dict[str, Named]:
        """The five path tables."""
        w = self.weights
        b_O = w.get("b_O")
        direct = self.biased(self.query_residual @ w["W_U"], None if b_O is None else b_O @ w["W_U"], w.get("b_U"))
        terms = {
            "EVOU": w["W_E"] @ w["W_V"] @ w["W_O"] @ w["W_U"],
            "PVOU": self.biased(w["W_pos"] @ w["W_V"], w.get("b_V")) @ w["W_O"] @ w["W_U"],
            "EQKE": self.query_side @ (w["W_E"] @ w["W_K"]).T,
            "EQKP": self.query_side @ self.biased(w["W_pos"] @ w["W_K"], w.get("b_K")).T,
        }
        named = {name: Named(f"\\mathrm{{{name}}}{self.mark}", term) for name, term in terms.items()}
        return {"UU": Named("\\mathrm{UU}", direct), **named}

    @cached_property
    def direct(self) -> Term:
        """What does not depend on attention: s UU."""
        return self.query @ self.tables["UU"]

    @cached_property
    def attention(self) -> Named:
        """α: what the last position attends to, 1 × K."""
        scores = self.query @ self.tables["EQKE"] @ self.selection.T + self.query @ self.tables["EQKP"]
        return Named(f"\\alpha{self.mark}", MaskedSoftmax(scores, self.scale.factor, self.scale.root, causal=False))

    @cached_property
    def values(self) -> Term:
        """What attending to a position adds to the logits, over (position, output): S EVOU + PVOU."""
        return self.selection @ self.tables["EVOU"] + self.tables["PVOU"]


def heads_of(network: Network, positions: int) -> list[HeadTables]:
    """The tables of each head of a network read at the last of so many positions.

    Raises :class:`NoPathTables` for a network of other layers.
    """
    match network.layers:
        case (Embed(shared=True) as embed, Attention(norm=None) as attention, Unembed(norm=None) as unembed) if (
            "P" in embed.tensors
        ):
            pass
        case layers:
            normed = (f"{layer.kind} with a norm" if layer.inner_norm is not None else layer.kind for layer in layers)
            raise NoPathTables(network.source, ", ".join(normed))
    shared = {
        "W_E": embed.needed(0, "E"),
        "W_pos": embed.first_rows(positions),
        "b_O": attention.tensor(1, "b_O"),
        "W_U": unembed.needed(2, "W_U"),
        "b_U": unembed.tensor(2, "b_U"),
    }
    found = []
    for head in range(attention.heads):
        weights = shared | {name: attention.of_head(1, name, head) for name in HEAD}
        present = {name: tensor for name, tensor in weights.items() if tensor is not None}
        found.append(HeadTables(present, attention.scale, f"_{{{head}}}"))
    return found


def through_tables(heads: list[HeadTables]) -> Term:
    """s UU + Σ_h α_h (S EVOU_h + PVOU_h)."""
    total = heads[0].direct
    for head in heads:
        total = total + head.attention @ head.values
    return total
