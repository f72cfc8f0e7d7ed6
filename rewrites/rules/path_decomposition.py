"""Path decomposition: the network's scores and logits as sums of five small exact tables.

Theorem.  With S the selection of a sequence (row p the indicator of t_p) and s its last row, the logits at the last
position are

    α (1 s UU + S EVOU + PVOU),        α = softmax((s EQKE Sᵀ + s EQKP)/sqrt(h)),

with X_q = W_E + 1·W_pos[K-1], Q = X_q W_Q + 1 b_Q, UU = X_q W_U + 1 (b_O W_U + b_U), EQKE = Q (W_E W_K)ᵀ,
EQKP = Q (W_pos W_K + 1 b_K)ᵀ, EVOU = W_E W_V W_O W_U and PVOU = (W_pos W_V + 1 b_V) W_O W_U.  So
score_p = (EQKE[q,t_p] + EQKP[q,p])/sqrt(h) and

    logit_x(t) = Σ_p α_p (UU[q,x] + EVOU[t_p,x] + PVOU[p,x]).

Proof.  The equation between the definition by layers and this term is a premise, which a chain of rewrites derives
(:mod:`..standard_forms`); entry p of a row of S picks the entry of token t_p.

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
from ...engine.equality import Equal
from ...engine.errors import MagnitudeError
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Equation, Ones, Size
from ...models.one_layer import OneLayer, one_layer_of
from ...models.one_layer_terms import OneLayerTerms, placeholder
from ...models.statement import Statement
from .network_function import NetworkFunction

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


def values_of(network: OneLayer) -> Mapping[str, DyadicMatrix]:
    """The network's tensors and the columns of ones that the terms use."""
    ones = {n: Ones(n) for n in (network.d_vocab, network.n_ctx)}
    return dict(network.tensors) | {one.name: DyadicMatrix.ones(n, 1) for n, one in ones.items()}


_shown = OneLayerTerms(3, Size(2, "K"), 2, Size(2, "d_h"))

PATHS = Lemma(
    label="path-decomposition",
    title="Path decomposition",
    given=(
        "For all $K \\ge 1$ positions, all weights $W_E$, $W_{\\mathrm{pos}}$, $W_Q$, $W_K$, $W_V$, $W_O$, $W_U$ of "
        "one attention layer with one head of width $d_h$, and all biases $b_Q$, $b_K$, $b_V$, $b_O$, $b_U$ (zero "
        "where a network has none), with $\\mathbf{1}$ a column of ones, $A[i]$ row $i$ of a matrix $A$, and $S$ the "
        "selection of a sequence (row $p$ is the indicator of token $t_p$), put"
    ),
    statement=(Equation("paths", _shown.definition(placeholder(_shown)), _shown.mixture),),
    proof=(
        "The left side is the definition by layers, and a chain of equations leads from it to the right side; it "
        "stands above for the network at hand, and each of its steps holds for all sizes. "
        "Entry $p$ of $s\\,\\mathrm{EQKE}\\,S^{\\top} + s\\,\\mathrm{EQKP}$, with $s = S[K-1]$ the indicator "
        "of the query $q = t_{K-1}$, is $\\mathrm{EQKE}[q,t_p] + \\mathrm{EQKP}[q,p]$, which is $\\sqrt{d_h}\\,"
        "\\mathrm{score}_p$. Entry $x$ of the right side is $\\sum_p \\alpha_p \\lambda_q(p, t_p, x)$ with "
        "$\\lambda_q(p,t,x) = \\mathrm{UU}[q,x] + \\mathrm{EVOU}[t,x] + \\mathrm{PVOU}[p,x]$; since the weights "
        "$\\alpha_p$ are positive and sum to 1, it is $\\mathrm{UU}[q,x] + \\sum_p \\alpha_p "
        "(\\mathrm{EVOU}[t_p,x] + \\mathrm{PVOU}[p,x])$."
    ),
    source="path expansion of arXiv 2406.11779, with all biases",
)


class Tables(Mapping[str, DyadicMatrix]):
    """The five tables of a network, each multiplied out when it is first looked at."""

    def __init__(self, network: OneLayer) -> None:
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

    @staticmethod
    def of(statement: Statement) -> Paths:
        """The claim about the network of a statement."""
        return Paths(statement, Tables(one_layer_of(statement)))

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, **{name: tensor_digest(self.tables[name]) for name in NAMES}}

    def identity(self) -> str:
        return self.statement.sha256

    def sentence(self) -> str:
        return (
            "$\\mathrm{score}_p = (\\mathrm{EQKE}[q,t_p] + \\mathrm{EQKP}[q,p])/\\sqrt{d_h}$ and $\\mathrm{logit}_x = "
            "\\mathrm{UU}[q,x] + \\sum_p \\alpha_p (\\mathrm{EVOU}[t_p,x] + \\mathrm{PVOU}[p,x])$ for every output "
            "$x$, with $q = "
            "t_{K-1}$, $\\alpha_p = \\exp(\\mathrm{score}_p)/\\sum_j \\exp(\\mathrm{score}_j)$ and five exact tables "
            "of dyadic "
            "rationals."
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
    """From the network and the equation between its definition and the paths; no advice.

    A certificate carries the network alone: the checker multiplies the tables out by itself.
    """

    name = "path_decomposition"
    certifiable = True
    premises = (NetworkFunction, Equal)
    left_out = 1
    lemmas = (PATHS,)
    derivation = (
        "[@path-decomposition], by the equation between the definition of this network and its paths; the tables are "
        "computed exactly where they are used."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> Paths:
        statement, equation = premises[0].statement, premises[1]
        terms = OneLayerTerms.of(one_layer_of(statement))
        if equation.about not in ("", statement.sha256):
            raise NotEstablished(self.tag, "the equation is about another network")
        if equation.left != terms.definition(statement.network):
            raise NotEstablished(self.tag, "the equation's left side is not the definition of the network")
        if equation.right != terms.mixture:
            raise NotEstablished(self.tag, "the equation's right side is not the paths through the five tables")
        return Paths.of(statement)


def exp_of_score(score: Ball) -> Ball:
    """exp of an attention score, or of what it may be off by; raises MagnitudeError unless it is below 2^21 in size."""
    limit = Ball.dyadic(1, SCORE_BITS)
    if not ((score < limit).proved and (score > Ball.dyadic(-1, SCORE_BITS)).proved):
        raise MagnitudeError("the exponential of an attention score", f"exp(2^{SCORE_BITS})")
    return score.exp()
