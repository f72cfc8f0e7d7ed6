"""What is proved of one network with room to spare holds for another one near it.

Theorem.  Let the scores of a second network differ from those of the first, on a sequence, by numbers that lie in an
interval of width ω, and put ρ = e^{ω/2}.  Then a logit gap g' = Σ α'_p λ'_p of the second network and the gap
g = Σ α_p λ_p of the first satisfy

    g'  <=  g + max_p (λ'_p - λ_p) + (ρ-1)/(ρ+1)·(max_p λ_p - min_p λ_p).

So with λ_p = UU[q,x] - UU[q,m] + EVOU[t_p,x] - EVOU[t_p,m] + PVOU[p,x] - PVOU[p,m] and Δ the difference of a table, the
gap of x moves on the cell (q, m) by at most the largest, over x != m, of

    ΔUU[q,x]-ΔUU[q,m] + max_{t<=m} (ΔEVOU[t,x]-ΔEVOU[t,m]) + max_p (ΔPVOU[p,x]-ΔPVOU[p,m])
      + tanh(ω/4)·(spread_{t<=m} (EVOU[t,x]-EVOU[t,m]) + spread_p (PVOU[p,x]-PVOU[p,m])),
    ω = (spread_{t<=m} ΔEQKE[q,t] + spread_p ΔEQKP[q,p])/sqrt(h),

where spread is the largest minus the least.  The tables' parts are exact; tanh(ω/4) is rounded up to a short dyadic.

Proof.  g' - g = Σ α'_p (λ'_p - λ_p) + Σ (α'_p - α_p) λ_p.  The second sum is bounded in :data:`MOVE`; it does not see
what all λ_p share, such as UU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Max, Min, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .parts import cells
from .path_decomposition import ALL_TABLES, K, Paths, V
from .right_count import RightCount
from .slack_count import SlackCount

TANH_BITS = 40
WORKING_BITS = 96

_p, _j = Var("p"), Var("j")
_positions = Range(Num(0), Var("K"))
_w, _f, _rho = At("w", _p, subscript=True), At("f", _p, subscript=True), Var("\\rho")
_old, _new = At("\\lambda", _p, subscript=True), At("\\mu", _p, subscript=True)


def _mean(weight: Any, values: Any) -> Any:
    return Total(_p, _positions, weight * values).over(Total(_p, _positions, weight))


MOVE = Lemma(
    label="gap-move",
    title="How far a softmax average moves with its scores and its values",
    given=(
        "For all reals $w_0, \\dots, w_{K-1} > 0$, $f_p$, $\\lambda_p$ and $\\mu_p$ with $K \\ge 1$, and all "
        "$\\rho \\ge 1$:"
    ),
    statement=ForAll(_p, _positions, (Num(1) <= _f) & (_f <= _rho * _rho)).implies(
        _mean(_w * _f, _new)
        <= _mean(_w, _old)
        + Max(_p, _positions, _new - _old)
        + (_rho - Num(1)).over(_rho + Num(1)) * (Max(_p, _positions, _old) - Min(_p, _positions, _old))
    ),
    proof=(
        "Both sides grow alike when all $\\lambda_p$ and $\\mu_p$ do, and both scale; so let $0 \\le \\lambda_p "
        "\\le 1$, and first $\\mu = \\lambda$. Put $a = \\sum_p w_p \\lambda_p / \\sum_p w_p$. On the left, "
        "$\\sum_p w_p f_p \\lambda_p$ is at most $\\rho^{2} a \\sum_p w_p$, and $\\sum_p w_p f_p (1 - "
        "\\lambda_p)$ at least $(1 - a) \\sum_p w_p$, so the left side is at most $\\rho^{2} a / (\\rho^{2} a + 1 "
        "- a)$. This exceeds $a$ by $(\\rho^{2} - 1) a (1 - a) / (1 + (\\rho^{2} - 1) a)$, which is at most "
        "$(\\rho - 1)/(\\rho + 1)$ because $1 + (\\rho^{2} - 1) a - (\\rho + 1)^{2} a (1 - a) = (1 - (\\rho + 1) "
        "a)^{2} \\ge 0$. In general the left side is the same average of $\\lambda$, which is so bounded, and "
        "that of $\\mu - \\lambda$, which is at most the largest of these numbers. Equality holds for two "
        "positions with $w_0 = 1$, $w_1 = \\rho$, $f = (\\rho^{2}, 1)$ and $\\lambda = \\mu = (1, 0)$."
    ),
    source="the constant is that of the total variation of two softmaxes",
)


def moves(old: Paths, new: Paths) -> DyadicMatrix:
    """By (q, m) with q <= m, at most how far the gaps of a cell move from the old network to the new (V × V; >= 0)."""
    change = {name: new.tables[name] - old.tables[name] for name in new.tables}
    parts = [change["UU"], change["EVOU"], change["PVOU"], old.tables["EVOU"], old.tables["PVOU"]]
    exponent = min(part.exponent for part in parts)
    direct, token, place, tokens, places = (_integers(part, exponent) for part in parts)
    share = _attention_moves(change["EQKE"], change["EQKP"], one_layer_of(new.statement).d_head)
    size = direct.shape[0]
    found = np.full((size, size), 0, dtype=object)
    for m in range(size):
        others = [x for x in range(size) if x != m]
        if not others:
            break
        straight, raised, placed, row, spot = (
            part[:, others] - part[:, m : m + 1]
            for part in (direct[: m + 1], token[: m + 1], place, tokens[: m + 1], places)
        )
        values = straight + (raised.max(axis=0) + placed.max(axis=0))
        spread = row.max(axis=0) - row.min(axis=0) + spot.max(axis=0) - spot.min(axis=0)
        total = (values << TANH_BITS) + share[: m + 1, m : m + 1] * spread
        found[: m + 1, m] = np.maximum(total.max(axis=1), 0)
    return DyadicMatrix.from_integers(size, size, found.ravel().tolist(), exponent - TANH_BITS)


def _integers(matrix: DyadicMatrix, exponent: int) -> np.ndarray:
    """Exact entries in units of 2^exponent."""
    return np.array(DyadicMatrix(matrix.at_exponent(exponent), exponent).integers(), dtype=object)


def _attention_moves(tokens: DyadicMatrix, positions: DyadicMatrix, head: int) -> np.ndarray:
    """tanh(ω/4) by (q, m), in units of 2^-TANH_BITS, rounded up."""
    exponent = min(tokens.exponent, positions.exponent)
    rows, places = _integers(tokens, exponent), _integers(positions, exponent)
    width = np.maximum.accumulate(rows, axis=1) - np.minimum.accumulate(rows, axis=1)
    width = width + (places.max(axis=1) - places.min(axis=1))[:, None]
    with precision(WORKING_BITS):
        half = Ball.dyadic(1, exponent - 1).over(Ball.sqrt(head))
        shares = [[_tanh(half, int(number)) for number in row] for row in width.tolist()]
    return np.array(shares, dtype=object)


def _tanh(half: Ball, width: int) -> int:
    """(ρ-1)/(ρ+1) with ρ = exp(half·width), rounded up; it is at most 1, whatever the width."""
    if not width:
        return 0
    one = Ball.dyadic(1, 0)
    shrunk = (Ball.dyadic(-width, 0) * half).exp()
    if (shrunk < Ball.dyadic(1, -TANH_BITS)).proved:
        return 1 << TANH_BITS
    numerator, exponent = ((one - shrunk).over(one + shrunk)).ceil_mantissa(WORKING_BITS)
    shift = exponent + TANH_BITS
    return numerator << shift if shift >= 0 else -(-numerator >> -shift)


class WeightTransfer(Rule):
    """From a count with slack, the paths of its network, and the paths of another one.  No advice.

    The conclusion is about the other network.  In a cell whose gaps may move by more than the slack, nothing is shown.
    """

    name = "weight_transfer"
    premises = (SlackCount, Paths, Paths)
    lemmas = (MOVE,)
    derivation = (
        "By [@gap-move], with $w_p$ the first network's attention weights, $f_p$ the factors by which the second's "
        "differ up to a common one, and $\\lambda_p$ and $\\mu_p$ the logit differences at position $p$, every gap "
        "moves by at most a number that is computed for each cell from the differences of the tables. Where it is at "
        "most the cell's slack, a sequence that the first network gets right with the slack is one that the second "
        "gets right."
    )
    cost = ALL_TABLES + ALL_TABLES + Cost(exp=V**2, add=4 * V**3, multiply=V**3, compare=4 * V**3 + 2 * V**2 * K)

    def conclude(self, premises: Sequence[Any], advice: Any) -> RightCount:
        slack, old, new = premises
        if slack.statement.sha256 != old.statement.sha256:
            raise NotEstablished(self.tag, "the count and the first paths are about different networks")
        networks = [one_layer_of(paths.statement) for paths in (old, new)]
        sizes = {(n.d_vocab, n.n_ctx, n.d_head) for n in networks}
        if len(sizes) != 1 or old.statement.task.describe() != new.statement.task.describe():
            raise NotEstablished(self.tag, "the two networks have not the same tokens, positions and head width")
        room = (slack.slack - moves(old, new)).numerators
        right = {(q, m): count if room[q, m] >= 0 else 0 for (q, m), count in slack.right.items()}
        return RightCount(cells(new.statement), right, dict.fromkeys(right, 0))
