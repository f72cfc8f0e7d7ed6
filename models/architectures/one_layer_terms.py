"""The one-layer network as terms: its definition on a sequence, and the abbreviations in which papers write it.

A sequence t enters as its *selection* S (K × V): row p is the indicator of token t_p, so S W_E is the embedded
sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...engine.term import Equation, Named, Ones, Softmax, Tensor, Term
from .one_layer_attention import OneLayerAttention

SCALE = "\\tfrac{1}{\\sqrt{h}}"


@dataclass(frozen=True)
class OneLayerTerms:
    """The terms for given sizes."""

    d_vocab: int
    n_ctx: int
    d_model: int
    d_head: int

    @staticmethod
    def of(network: OneLayerAttention) -> OneLayerTerms:
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

    # The definition, on the sequence that S selects.

    @cached_property
    def selection(self) -> Tensor:
        """S: one row a position, the indicator of its token."""
        return Tensor("S", (self.n_ctx, self.d_vocab), "S")

    @cached_property
    def residual(self) -> Named:
        """X: the residual stream, over (position, d)."""
        return Named("X", self.selection @ self.weights["W_E"] + self.weights["W_pos"])

    @cached_property
    def scores(self) -> Term:
        """The last position's scores before scaling, 1 × K: (query) (keys)ᵀ."""
        w, ones = self.weights, Ones(self.n_ctx)
        query = self.residual.row(self.n_ctx - 1) @ w["W_Q"] + w["b_Q"]
        return query @ (self.residual @ w["W_K"] + ones @ w["b_K"]).T

    @cached_property
    def logits(self) -> Term:
        """The network's output, 1 × V."""
        w, ones = self.weights, Ones(self.n_ctx)
        values = self.residual @ w["W_V"] + ones @ w["b_V"]
        attended = Softmax(self.scores, SCALE) @ (values @ w["W_O"])
        return (self.residual.row(self.n_ctx - 1) + attended + w["b_O"]) @ w["W_U"] + w["b_U"]

    # The same per token, for every token at once.

    @cached_property
    def query_residual(self) -> Named:
        """X_q: what stands at the last position, over (query, d)."""
        w, ones = self.weights, Ones(self.d_vocab)
        return Named("X_q", w["W_E"] + ones @ w["W_pos"].row(self.n_ctx - 1))

    @cached_property
    def query_side(self) -> Named:
        """Q: all queries, over (query, h)."""
        w, ones = self.weights, Ones(self.d_vocab)
        return Named("Q", self.query_residual @ w["W_Q"] + ones @ w["b_Q"])

    def score(self, position: int) -> Term:
        """sqrt(h)·score of the key at ``position``, over (query, token): the definition."""
        w, ones = self.weights, Ones(self.d_vocab)
        keys = (w["W_E"] + ones @ w["W_pos"].row(position)) @ w["W_K"] + ones @ w["b_K"]
        return self.query_side @ keys.T

    def attended(self, position: int) -> Term:
        """What attending to ``position`` adds to the logits, over (token, output): the definition."""
        w, ones = self.weights, Ones(self.d_vocab)
        return ((w["W_E"] + ones @ w["W_pos"].row(position)) @ w["W_V"] + ones @ w["b_V"]) @ w["W_O"] @ w["W_U"]

    def direct(self) -> Term:
        """The rest of the logits, over (query, output): the definition."""
        w, ones = self.weights, Ones(self.d_vocab)
        return (self.query_residual + ones @ w["b_O"]) @ w["W_U"] + ones @ w["b_U"]

    @cached_property
    def tables(self) -> dict[str, Named]:
        """The five path tables."""
        w, positions, everywhere = self.weights, Ones(self.n_ctx), Ones(self.d_vocab)
        terms = {
            "UU": self.query_residual @ w["W_U"] + everywhere @ (w["b_O"] @ w["W_U"] + w["b_U"]),
            "EVOU": w["W_E"] @ w["W_V"] @ w["W_O"] @ w["W_U"],
            "PVOU": (w["W_pos"] @ w["W_V"] + positions @ w["b_V"]) @ w["W_O"] @ w["W_U"],
            "EQKE": self.query_side @ (w["W_E"] @ w["W_K"]).T,
            "EQKP": self.query_side @ (w["W_pos"] @ w["W_K"] + positions @ w["b_K"]).T,
        }
        return {name: Named(f"\\mathrm{{{name}}}", term) for name, term in terms.items()}

    @cached_property
    def path_logits(self) -> Term:
        """The output through the path tables: s UU + softmax(s EQKE Sᵀ + s EQKP)(S EVOU + PVOU), s the query's row of
        S."""
        s, table = self.selection.row(self.n_ctx - 1), self.tables
        scores = s @ table["EQKE"] @ self.selection.T + s @ table["EQKP"]
        values = self.selection @ table["EVOU"] + table["PVOU"]
        return s @ table["UU"] + Softmax(scores, SCALE) @ values

    # The same with the mean position folded into the keys (the papers' subcubic form); any row in place of the mean
    # will do.

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

    @cached_property
    def mean_key_logits(self) -> Term:
        """The output through the path tables with the mean position in the keys."""
        s, table, mean = self.selection.row(self.n_ctx - 1), self.tables, self.mean_tables
        scores = s @ mean["EQKE_mean"] @ self.selection.T + s @ mean["EQKP_mean"]
        values = self.selection @ table["EVOU"] + table["PVOU"]
        return s @ table["UU"] + Softmax(scores, SCALE) @ values

    def equations(self, position: int) -> tuple[Equation, ...]:
        """Path decomposition at one position, for all tokens; a column is written as the row of a transpose."""
        ones, tables = Ones(self.d_vocab), self.tables
        return (
            Equation("scores", self.score(position).T, tables["EQKE"].T + ones @ tables["EQKP"].T.row(position)),
            Equation("attended values", self.attended(position), tables["EVOU"] + ones @ tables["PVOU"].row(position)),
            Equation("direct path", self.direct(), tables["UU"]),
        )
