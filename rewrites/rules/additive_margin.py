"""The sign of a logit difference is the sign of a sum with one term per position.

Theorem.  Let w_0, …, w_{K-1} > 0 and put logit_x = Σ_p α_p λ_p(x) with α_p = w_p / Σ_j w_j.  Then for all x, m

    logit_x < logit_m   if and only if   Σ_p w_p (λ_p(x) - λ_p(m)) < 0.

With w_p = exp(score_p) the α are the softmax weights, so for a sequence with query q and maximum m the network
is right if and only if Σ_p D(p, t_p) < 0 for every x != m, where

    D(p, t) = D_{q,m,x}(p, t) = exp((EQKE[q,t] + EQKP[q,p])/sqrt(h)) · (UU[q,x]-UU[q,m] + EVOU[t,x]-EVOU[t,m] +
    PVOU[p,x]-PVOU[p,m]).

Ties are decided exactly.  Grouping the positions by equal exact score, Σ_p D(p, t_p) = Σ_g exp(s_g) δ_g with distinct
algebraic s_g and rational δ_g.  Exponentials of distinct algebraic numbers are linearly independent over the algebraic
numbers (Lindemann-Weierstrass), so the sum is zero if and only if every δ_g is zero; otherwise enclosures of growing
precision end by showing its sign.

Source: Lindemann-Weierstrass for the ties; the rest is elementary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...engine.arithmetic.ball import Ball, precision
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.formula import At, Num, Range, Total, Var
from ...engine.rule import Lemma, Rule
from ...models.one_layer import one_layer_of
from ...models.statement import Statement
from .margin_enclosure import MarginEnclosure
from .path_decomposition import ALL_TABLES, K, Paths, V, exp_of_score

LADDER = tuple(128 << n for n in range(8))
# What the tables D of all cells are made of; charged to the rules that use their numbers.
MARGIN_COST = ALL_TABLES + Cost(exp=V**2 + V * K, add=V**2 * K + 2 * V**3, multiply=V**2 * K)

p, j, x, m = Var("p"), Var("j"), Var("x"), Var("m")
_positions = Range(Num(0), Var("K"))
_softmax_logit = {
    token: Total(
        p,
        _positions,
        At("w", p, subscript=True).over(Total(j, _positions, At("w", j, subscript=True)))
        * At("\\lambda", p, Var(token)),
    )
    for token in ("x", "m")
}

ADDITIVE = Lemma(
    label="additive-margin",
    title="The sign of a logit difference is additive over positions",
    given="For all reals $w_0, \\dots, w_{K-1} > 0$ ($K \\ge 1$) and $\\lambda(p, x)$ and all tokens $x$, $m$:",
    statement=(_softmax_logit["x"] < _softmax_logit["m"]).iff(
        Total(
            p,
            _positions,
            At("w", p, subscript=True) * (At("\\lambda", p, Var("x")) - At("\\lambda", p, Var("m"))),
        )
        < Num(0)
    ),
    proof=(
        "Both sums on the left have the same denominator $W = \\sum_j w_j > 0$. Multiplying by $W$ keeps the order, "
        "and the difference of the two numerators is the sum on the right."
    ),
    source="a softmax with its denominator multiplied out",
)

_q, _t = Var("q"), Var("t")


@dataclass(frozen=True)
class AdditiveMargin(Claim):
    """Right on t if and only if Σ_p D(p, t_p) < 0 for every x != m; the tables D are those of ``paths``."""

    paths: Paths
    # How often each stage of deciding a sign was the one that decided; not part of what is claimed.
    stages: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    kind = "additive_margin"
    # There is one margin a network, and it is exact.
    looseness = 0

    @property
    def statement(self) -> Statement:
        """What a count of right sequences that follows from this claim is about."""
        return self.paths.statement

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        return self.paths.identity()

    def sentence(self) -> str:
        return (
            "For $q = t_{K-1}$ and $m = \\max t$, the network is right on $t$ if and only if "
            "$\\sum_{p} D_{q,m,x}(p, t_p) < 0$ for every $x \\ne m$, where $D_{q,m,x}(p,t) = w_q(p,t)\\,"
            "(\\lambda_q(p,t,x) - \\lambda_q(p,t,m))$, $w_q(p,t) = \\exp((\\mathrm{EQKE}[q,t] + "
            "\\mathrm{EQKP}[q,p])/\\sqrt{d_h})$ and "
            "$\\lambda_q(p,t,x) = \\mathrm{UU}[q,x] + \\mathrm{EVOU}[t,x] + \\mathrm{PVOU}[p,x]$."
        )

    @cached_property
    def enclosure(self) -> MarginEnclosure:
        """Fixed-point enclosures of all tables D, computed once for this claim."""
        return MarginEnclosure(self.paths)

    def sign(self, q: int, m: int, x: int, tokens: Sequence[int]) -> int | None:
        """The sign of Σ_p D_{q,m,x}(p, t_p) for one sequence: -1, 0 or 1, or None past the precision budget.

        The exact tie test comes first (a precision ladder never ends on a sum that is zero).
        """
        paths = self.paths
        groups: Counter[int] = Counter()
        for position, token in enumerate(tokens):
            groups[paths.score(q, position, token)] += paths.logit_difference(q, position, token, x, m)
        groups = Counter({score: delta for score, delta in groups.items() if delta})
        if not groups:
            self.stages["exact tie"] += 1
            return 0
        for bits in LADDER:
            with precision(bits):
                root = Ball.sqrt(one_layer_of(paths.statement).d_head)
                total = Ball.dyadic(0, 0)
                for score, delta in groups.items():
                    weight = exp_of_score(Ball.dyadic(score, paths.score_exponent).over(root))
                    total = total + weight * Ball.dyadic(delta, paths.logit_exponent)
                sign = total.sign()
            if sign is not None:
                self.stages[f"balls of {bits} bits"] += 1
                return sign
        self.stages["undecided"] += 1
        return None


class AdditiveMarginRule(Rule):
    """From the paths; no advice."""

    name = "additive_margin"
    certifiable = True
    premises = (Paths,)
    lemmas = (ADDITIVE,)
    derivation = (
        "[@additive-margin] with $w_p = \\exp(\\mathrm{score}_p)$, for every sequence and every pair $x \\ne m$."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> AdditiveMargin:
        (paths,) = premises
        return AdditiveMargin(paths)
