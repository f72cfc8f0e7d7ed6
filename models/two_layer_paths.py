"""Two attention layers, without norms and biases, by the paths that a token's row takes through them.

A network reads its last position f.  With X the rows of the embedding and x = X[f], A_h the attention of head h of
layer 1, α_h = A_h[f], O_h = X W_V W_O what that head moves, and B = W_Q W_Kᵀ, Y = W_V W_O W_U of a head of layer 2,
this head's scores at f are

    x B Xᵀ + Σ_h x B O_hᵀ A_hᵀ + Σ_h α_h O_h B Xᵀ + Σ_hh' α_h O_h B O_h'ᵀ A_h'ᵀ

(directly, by K-composition, by Q-composition, by both), and with β their softmax the logits are

    x W_U + Σ_h α_h O_h W_U + Σ (β X Y + Σ_h β A_h O_h Y)

(directly, by layer 1, and for each head of layer 2 by itself, and by the virtual heads).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

from ..engine.errors import MechproofError
from ..engine.network_terms import MaskedSoftmax
from ..engine.term import Named, Ones, Term
from .layers.attention import Attention
from .layers.embed import Embed
from .layers.unembed import Unembed
from .network import Network


@dataclass(unsafe_hash=True)
class NoCompositions(MechproofError):
    source: str
    found: str
    sentence = (
        "{source}: the paths of two layers need an embedding, two attention layers under causal masks and an "
        "unembedding, without norms and biases; found {found}"
    )


@dataclass(frozen=True)
class HeadOfOne:
    """A head of layer 1: its attention A at all positions, α at the last, and what it moves."""

    attention: Named
    last: Named
    moved: Named


@dataclass(frozen=True, eq=False)
class TwoLayerPaths:
    """The terms of a network for so many positions.  Raises :class:`NoCompositions` for other layers."""

    network: Network
    positions: int

    def __post_init__(self) -> None:
        layers = self.network.layers
        kinds = [layer.kind for layer in layers]
        plain = kinds == ["embed", "attention", "attention", "unembed"] and all(
            getattr(layer, "norm", None) is None and not any(name.startswith("b_") for name in layer.tensors)
            for layer in layers
        )
        if not plain or any(layer.mask != "causal" for layer in layers if isinstance(layer, Attention)):
            raise NoCompositions(self.network.source, ", ".join(kinds) if not plain else "a layer without mask")

    @cached_property
    def layers(self) -> tuple[Embed, Attention, Attention, Unembed]:
        return self.network.layers  # type: ignore[return-value]

    @cached_property
    def stream(self) -> Term:
        """X."""
        return Named("X^{(0)}", self.layers[0].embedded(self.positions))

    @property
    def own(self) -> Term:
        """x."""
        return self.stream.row(self.positions - 1)

    @cached_property
    def leaving(self) -> Term:
        """W_U."""
        return self.layers[3].needed(3, "W_U")

    def weights(self, number: int, head: int) -> tuple[Term, Term, Term, Term]:
        """W_Q, W_K, W_V, W_O of a head."""
        found = [self.layers[number].of_head(number, f"W_{name}", head) for name in "QKVO"]  # type: ignore[union-attr]
        return tuple(found)  # type: ignore[return-value]

    @cached_property
    def first(self) -> tuple[HeadOfOne, ...]:
        """The heads of layer 1."""
        layer, heads = self.layers[1], list[HeadOfOne]()
        for head in range(layer.heads):
            W_Q, W_K, W_V, W_O = self.weights(1, head)
            mark = f"_{{{head}}}" if layer.heads > 1 else ""

            def softmax(rows: Term, causal: bool, W_Q: Term = W_Q, W_K: Term = W_K) -> Term:
                scores = (rows @ W_Q) @ (self.stream @ W_K).T
                return MaskedSoftmax(scores, layer.scale.factor, layer.scale.root, causal)

            heads.append(
                HeadOfOne(
                    Named(f"A{mark}", softmax(self.stream, True)),
                    Named(f"\\alpha{mark}", softmax(self.own, False)),
                    Named(f"O{mark}", self.stream @ W_V @ W_O),
                )
            )
        return tuple(heads)

    def queries(self, head: int) -> Named:
        """B."""
        W_Q, W_K, _, _ = self.weights(2, head)
        return Named(f"B{self._mark(head)}", W_Q @ W_K.T)

    def values(self, head: int) -> Named:
        """Y."""
        _, _, W_V, W_O = self.weights(2, head)
        return Named(f"Y{self._mark(head)}", W_V @ W_O @ self.leaving)

    def _mark(self, head: int) -> str:
        return f"_{{{head}}}" if self.layers[2].heads > 1 else ""

    def scores(self, head: int) -> Term:
        """The four compositions, before the scale."""
        x, X, B, first = self.own, self.stream, self.queries(head), self.first
        found = [x @ B @ X.T, *(x @ B @ (h.attention @ h.moved).T for h in first)]
        found += [h.last @ h.moved @ B @ X.T for h in first]
        found += [h.last @ h.moved @ B @ (k.attention @ k.moved).T for h in first for k in first]
        return reduce(add, found)

    def second(self, head: int) -> Named:
        """β."""
        scale = self.layers[2].scale
        body = MaskedSoftmax(self.scores(head), scale.factor, scale.root, False)
        return Named(f"\\beta{self._mark(head)}", body)

    @cached_property
    def definition(self) -> Term:
        """The logits at the last position by layers."""
        return self.network.term(self.positions, [self.positions - 1])

    @cached_property
    def paths(self) -> Term:
        """The logits by paths."""
        found = [self.own @ self.leaving, *(h.last @ h.moved @ self.leaving for h in self.first)]
        for head in range(self.layers[2].heads):
            beta, Y = self.second(head), self.values(head)
            found += [beta @ self.stream @ Y, *(beta @ h.attention @ h.moved @ Y for h in self.first)]
        return reduce(add, found)

    @cached_property
    def mixture(self) -> Term:
        """With one head in each layer: what is the same at every key moves into the average that β takes."""
        (h,), ones = self.first, Ones(self.positions)
        own = self.own @ self.leaving + h.last @ h.moved @ self.leaving
        return self.second(0) @ (ones @ own + (self.stream + h.attention @ h.moved) @ self.values(0))

    @cached_property
    def mixed_scores(self) -> Term:
        """With one head in each layer: every score is an average that α takes, of what an atom gives a key."""
        (h,), ones = self.first, Ones(self.positions)
        return h.last @ ((ones @ self.own + h.moved) @ self.queries(0) @ (self.stream + h.attention @ h.moved).T)
