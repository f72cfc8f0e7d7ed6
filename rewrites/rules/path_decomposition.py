"""Path decomposition: the network's scores and logits as sums of five small exact tables.

Theorem.  Let X_q = W_E + 1·W_pos[K-1].  For every position p, as V × V matrices over (query q, token t) resp.
(token t, output x):

    scores·sqrt(h)   (Q ((W_E + 1 W_pos[p]) W_K + 1 b_K)ᵀ)ᵀ     =  EQKEᵀ + 1 EQKPᵀ[p]
    attended values  ((W_E + 1 W_pos[p]) W_V + 1 b_V) W_O W_U   =  EVOU + 1 PVOU[p]
    direct path      (X_q + 1 b_O) W_U + 1 b_U                  =  UU

with Q = X_q W_Q + 1 b_Q, EQKE = Q (W_E W_K)ᵀ, EQKP = Q (W_pos W_K + 1 b_K)ᵀ, EVOU = W_E W_V W_O W_U and
PVOU = (W_pos W_V + 1 b_V) W_O W_U.  So score_p = (EQKE[q,t_p] + EQKP[q,p])/sqrt(h), and since the softmax weights α_p
sum to 1,

    logit_x(t) = UU[q,x] + Σ_p α_p (EVOU[t_p,x] + PVOU[p,x]).

Proof.  Each equation is distributivity of the matrix product over sums; the machine check expands both sides into
sums of words of tensors and compares them.

Source: arXiv 2406.11779 (path expansion); the biases' places are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
from sympy import symbols

from ...engine.arithmetic.ball import Ball
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import tensor_digest
from ...engine.errors import MagnitudeError
from ...engine.graph import ProofGraph
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Ones
from ...models.architectures.one_layer_attention import OneLayerAttention
from ...models.architectures.one_layer_terms import OneLayerTerms
from ...models.statement import Statement
from .network_definition import Network, NetworkDefinition

V, K, d, h = symbols("V K d h", positive=True, integer=True)
NAMES = ("UU", "EVOU", "PVOU", "EQKE", "EQKP")
# Differences of a few scores of this size stay below 2^23 in all, which the checker computes with (E241).
SCORE_BITS = 21


def _products(*sizes: tuple[sympy.Expr, sympy.Expr, sympy.Expr]) -> Cost:
    """Of matrix products, (rows, inner, columns) each."""
    total = sum((rows * inner * columns for rows, inner, columns in sizes), sympy.S.Zero)
    return Cost(multiply=total, add=total)


# What multiplying a table out costs; charged to the rules that use its numbers.
TABLE_COSTS = {
    "UU": _products((V, d, V)),
    "EVOU": _products((V, d, h), (V, h, d), (V, d, V)),
    "PVOU": _products((K, d, h), (K, h, d), (K, d, V)),
    "EQKE": _products((V, d, h), (V, d, h), (V, h, V)),
    "EQKP": _products((V, d, h), (K, d, h), (V, h, K)),
}
ALL_TABLES = sum(TABLE_COSTS.values(), Cost())


def values_of(network: OneLayerAttention) -> Mapping[str, DyadicMatrix]:
    """The network's tensors and the columns of ones that the terms use."""
    ones = {n: Ones(n) for n in (network.d_vocab, network.n_ctx)}
    return dict(network.tensors) | {one.name: DyadicMatrix.ones(n, 1) for n, one in ones.items()}


_shown = OneLayerTerms(d_vocab=3, n_ctx=2, d_model=2, d_head=2)

PATHS = Lemma(
    label="path-decomposition",
    title="Path decomposition",
    given=(
        "For all weights, with $\\mathbf{1}$ a column of ones, $A[i]$ row $i$ of $A$, the query at the last "
        "position, and the abbreviations below, the following holds for every position $p$; it is written out here "
        "for a network with two positions ($K - 1 = 1$) and $p = 0$. The left sides are the network's definition: "
        "$\\sqrt{h}$ times the scores of the key at $p$ (over token and query), what attending fully to $p$ adds to "
        "the logits (over token and output), and what does not depend on attention (over query and output)."
    ),
    statement=_shown.equations(0),
    proof=(
        "The matrix product distributes over sums and transposition reverses products. Expanding both sides of each "
        "equation into sums of words of tensors gives the same words with the same multiplicities (the machine "
        "check does exactly this, for every position of the network at hand). Entry $(t,q)$ of the first equation "
        "says that $\\sqrt{h}\\,\\mathrm{score}_p = \\mathrm{EQKE}[q,t_p] + \\mathrm{EQKP}[q,p]$. Since the "
        "attention weights $\\alpha = \\mathrm{softmax}(\\mathrm{score})$ are positive and sum to 1, the logits are "
        "$\\mathrm{UU}[q,x] + \\sum_p \\alpha_p (\\mathrm{EVOU}[t_p,x] + \\mathrm{PVOU}[p,x]) = \\sum_p \\alpha_p "
        "\\lambda_q(p, t_p, x)$ with $\\lambda_q(p,t,x) = \\mathrm{UU}[q,x] + \\mathrm{EVOU}[t,x] + "
        "\\mathrm{PVOU}[p,x]$."
    ),
    source="path expansion of arXiv 2406.11779, with all biases",
    abbreviations=(_shown.query_residual, _shown.query_side, *_shown.tables.values()),
)


class Tables(Mapping[str, DyadicMatrix]):
    """The five tables of a network, each multiplied out when it is first looked at."""

    def __init__(self, network: OneLayerAttention) -> None:
        self._network, self._known = network, dict[str, DyadicMatrix]()

    def __getitem__(self, name: str) -> DyadicMatrix:
        if name not in self._known:
            term = OneLayerTerms.of(self._network).tables[name]
            self._known[name] = term.evaluate(values_of(self._network))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@dataclass(frozen=True)
class Paths(Claim):
    """score_p = (EQKE[q,t_p] + EQKP[q,p])/sqrt(h) and logits = UU[q] + Σ_p α_p (EVOU[t_p] + PVOU[p]), with these
    exact tables."""

    statement: Statement
    tables: Mapping[str, DyadicMatrix]

    kind = "paths"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, **{name: tensor_digest(self.tables[name]) for name in NAMES}}

    def identity(self) -> str:
        return self.statement.sha256

    def sentence(self) -> str:
        return (
            "$\\mathrm{score}_p = (\\mathrm{EQKE}[q,t_p] + \\mathrm{EQKP}[q,p])/\\sqrt{h}$ and $\\mathrm{logit}_x = "
            "\\mathrm{UU}[q,x] + \\sum_p \\alpha_p (\\mathrm{EVOU}[t_p,x] + \\mathrm{PVOU}[p,x])$ with $q = "
            "t_{K-1}$, $\\alpha = \\mathrm{softmax}(\\mathrm{score})$ and five exact tables of dyadic rationals."
        )

    @cached_property
    def score_exponent(self) -> int:
        return min(self.tables["EQKE"].exponent, self.tables["EQKP"].exponent)

    @cached_property
    def logit_exponent(self) -> int:
        return min(self.tables[name].exponent for name in ("UU", "EVOU", "PVOU"))

    @cached_property
    def _scores(self) -> tuple[list[list[int]], list[list[int]]]:
        return tuple(_over(self.tables[name], self.score_exponent) for name in ("EQKE", "EQKP"))  # type: ignore[return-value]

    @cached_property
    def _logits(self) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
        return tuple(_over(self.tables[name], self.logit_exponent) for name in ("UU", "EVOU", "PVOU"))  # type: ignore[return-value]

    def token_score(self, q: int, t: int) -> int:
        """EQKE[q,t] in units of 2^score_exponent, exact."""
        return self._scores[0][q][t]

    def score(self, q: int, p: int, t: int) -> int:
        """EQKE[q,t] + EQKP[q,p] in units of 2^score_exponent, exact."""
        return self._scores[0][q][t] + self._scores[1][q][p]

    def logit_difference(self, q: int, p: int, t: int, x: int, m: int) -> int:
        """λ_q(p,t,x) - λ_q(p,t,m) in units of 2^logit_exponent, exact."""
        uu, evou, pvou = self._logits
        return uu[q][x] - uu[q][m] + evou[t][x] - evou[t][m] + pvou[p][x] - pvou[p][m]


def _over(matrix: DyadicMatrix, exponent: int) -> list[list[int]]:
    return DyadicMatrix(matrix.at_exponent(exponent), exponent).integers()


class PathDecomposition(Rule):
    """From the network; no advice.  The equations are checked for every position of the network at hand."""

    name = "path_decomposition"
    certifiable = True
    premises = (Network,)
    lemmas = (PATHS,)
    derivation = (
        "[@path-decomposition] at every position of this network; the tables are computed exactly where they are used."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> Paths:
        network = premises[0].statement.network
        terms = OneLayerTerms.of(network)
        for position in range(network.n_ctx):
            for equation in terms.equations(position):
                if not equation.holds():
                    raise NotEstablished(
                        self.tag,
                        f"the equation '{equation.name}' at position {position} does not expand to the same words",
                    )
        return Paths(premises[0].statement, Tables(network))


def exp_of_score(score: Ball) -> Ball:
    """exp of an attention score, or of what it may be off by; raises MagnitudeError unless it is below 2^21 in size."""
    limit = Ball.dyadic(1, SCORE_BITS)
    if not ((score < limit).proved and (score > Ball.dyadic(-1, SCORE_BITS)).proved):
        raise MagnitudeError("the exponential of an attention score", f"exp(2^{SCORE_BITS})")
    return score.exp()


def paths_of(graph: ProofGraph, statement: Statement) -> int:
    """The id of the paths of the statement's network, from its definition."""
    return graph.apply(PathDecomposition(), [graph.apply(NetworkDefinition(), (), statement)])
