"""Copying wins: a diagonal table under enough attention outweighs the direct path and the positions.

Theorem.  Let row m of M give output m at least g more than any other output, and the rows of the other tokens at
least o (mostly negative).  With attention y >= l on m and 1 - y on the others, together they give at least

    min(g, l g + (1 - l) o).

Proof.  They give at least y g + (1 - y) o, which is affine in y; on [l, 1] it is least at an end.  (The minimum is
needed: where o > g more attention on m gives less.)

A row u of numbers may be moved from the direct path to every row of M, and another one w from every row of PVOU, since
softmax weights add up to one.  With M = EVOU + 1 (u + w), output m wins when the margin above exceeds the row
differences of UU - 1 u and PVOU - 1 w.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpz_mat

from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...engine.term import Equation, Ones, Term
from ...models.one_layer import one_layer_of
from ...models.one_layer_terms import OneLayerTerms
from .attention_floor import AttentionFloor
from .attention_range import GRID_BITS
from .diagonal import Diagonal
from .logit_gap import OTHERS, LogitGap
from .path_decomposition import K, V
from .row_difference import RANGE, RowDifference

ONE = 1 << GRID_BITS

_k, _x = Var("k"), Var("x")
_others = Range(Num(0), Var("n"))
_weight, _value = At("\\beta", _k, subscript=True), At("v", _k, subscript=True)
_attention, _floor, _own = Var("\\alpha"), Var("l"), Var("u")
_given = _attention * _own + Total(_k, _others, _weight * _value)

MARGIN = Lemma(
    label="diagonal-margin",
    title="Copying under enough attention",
    given=(
        "For all numbers $\\alpha \\ge 0$, $l$, $u$, $g$, $o$ and all $\\beta_k$, $v_k$ ($k < n$) with $\\alpha + "
        "\\sum_k \\beta_k = 1$:"
    ),
    statement=(
        ForAll(_k, _others, (_weight >= Num(0)) & (_value >= Var("o"))) & (_attention >= _floor) & (_own >= Var("g"))
    ).implies((_given >= Var("g")) | (_given >= _floor * Var("g") + (Num(1) - _floor) * Var("o"))),
    proof=(
        "The left side is at least $\\alpha g + (1 - \\alpha) o$. If $o \\ge g$, this is at least $g$; otherwise it "
        "rises with $\\alpha$, and is least at $\\alpha = l$. So it is at least the smaller of the two numbers."
    ),
    source="an affine function is least at an end",
)

_p = Var("p")
_positions = Range(Num(0), Var("K"))
_alpha = At("\\alpha", _p, subscript=True)

COMMON = Lemma(
    label="common-rows",
    title="A common row may be moved",
    given="For all numbers $D$, $u$, $w$ and all $\\alpha_p$, $e_p$, $f_p$ ($p < K$):",
    statement=Total(_p, _positions, _alpha)
    .equals(Num(1))
    .implies(
        (Var("D") + Total(_p, _positions, _alpha * (At("e", _p, subscript=True) + At("f", _p, subscript=True)))).equals(
            (Var("D") - Var("u"))
            + Total(_p, _positions, _alpha * (At("e", _p, subscript=True) + (Var("u") + Var("w"))))
            + Total(_p, _positions, _alpha * (At("f", _p, subscript=True) - Var("w")))
        )
    ),
    proof="The attention weights add up to one, so that $u + w$ times their sum is what was taken away.",
    source="softmax",
)


@dataclass(frozen=True)
class CommonRows:
    """Advice: the rows u and w (1 × V) that the premises' terms were formed with, None for zero."""

    direct: Term | None
    positions: Term | None


# What each table does to a logit difference, on all sequences within a reach j.
PARTS = (
    "By [@common-rows] the logits are those of the three tables: $M$, of which the diagonal was shown to "
    "be the largest in its rows, the direct path's and the positions', each with the common row taken "
    "away that $M$ has more than EVOU. Put $$g_m = \\min_{x \\ne m} (M[m,m] - M[m,x]), \\qquad o = "
    "\\min_{0 \\le k \\le j} \\min_{x \\ne m} (M[k,m] - M[k,x]),$$ let $\\delta(q)$ be the largest "
    "difference within row $q$ of the direct path's table and $\\pi$ the largest within any row of the "
    "positions'. By [@diagonal-margin], with $l$ the least attention on $m$, $M$ gives output $m$ at "
    "least $\\min(g_m, l g_m + (1 - l) o)$ more than any other; by [@row-range] the direct path takes "
    "away at most $\\delta(q)$, and positions, by [@gap-others], at most $\\pi$."
)


class DiagonalGap(Rule):
    """From attention floors, the diagonal of EVOU + 1 (u + w), row differences of UU - 1 u and of PVOU - 1 w.

    Advice: :class:`CommonRows`.
    """

    name = "diagonal_gap"
    premises = (AttentionFloor, Diagonal, RowDifference, RowDifference)
    lemmas = (MARGIN, COMMON, RANGE, OTHERS)
    derivation = (
        f"{PARTS} So all sequences within the reach $j$ of a treated $(q, m, c)$ are right when "
        "$$\\min(g_m, l g_m + (1 - l) o) > \\delta(q) + \\pi,$$ and the one of $(m, m, 0)$, which is $m$ "
        "throughout, when "
        "$g_m > \\delta(m) + \\pi$."
    )
    cost = Cost(multiply=2 * V**2 * K, add=3 * V**2 * K, compare=2 * V**2 * K + K)

    def conclude(self, premises: Sequence[Any], advice: CommonRows) -> LogitGap:
        attention, diagonal, direct, positions = premises
        claims = (diagonal, direct, positions)
        if len({attention.paths.statement.sha256, *(claim.statement.sha256 for claim in claims)}) != 1:
            raise NotEstablished(self.tag, "the premises are not about one network")
        meant = {pair for claim in claims for pair in claim.meanings}
        if len({name for name, _ in meant}) != len(meant):
            raise NotEstablished(self.tag, "a name stands for different matrices in the premises")
        self._check_terms(OneLayerTerms.of(one_layer_of(attention.paths.statement)), claims, advice)
        return LogitGap(attention, _certified(attention, diagonal, direct, positions))

    def _check_terms(self, terms: OneLayerTerms, claims: Sequence[Any], advice: CommonRows) -> None:
        """Each premise's term must expand to its table with the common rows added or taken away."""
        tables = {"EVOU": terms.tables["EVOU"], "UU": terms.tables["UU"], "PVOU": terms.tables["PVOU"]}
        parts: dict[str, Term] = dict(tables)
        for row, name in ((advice.direct, "UU"), (advice.positions, "PVOU")):
            if row is not None:
                if row.shape != (1, terms.d_vocab):
                    raise NotEstablished(self.tag, f"the common row is {row.shape}, not (1, {terms.d_vocab})")
                parts["EVOU"] = parts["EVOU"] + Ones(terms.d_vocab) @ row
                parts[name] = parts[name] - Ones(tables[name].shape[0]) @ row
        for claim, (name, part) in zip(claims, parts.items(), strict=True):
            if claim.term.shape != part.shape or not Equation(name, claim.term, part).holds():
                raise NotEstablished(self.tag, f"{claim.term} does not expand to the same words as {part}")


def _certified(
    attention: AttentionFloor, diagonal: Diagonal, direct: RowDifference, positions: RowDifference
) -> np.ndarray:
    """The cells whose margin exceeds what the other parts take away, exactly."""
    parts, reach = Shares(diagonal, direct, positions), attention.reach.table
    certified = np.zeros(reach.shape, dtype=np.bool_)
    q, m, c = np.nonzero(reach >= 0)
    certified[q, m, c] = parts.gaps(q, m, reach[q, m, c], attention.low[q, m, c]) < 0
    alone = np.arange(len(reach))
    certified[alone, alone, 0] = parts.alone < 0
    return certified


class Shares:
    """What the diagonal table gives and the others take away, exactly, in units of 2^exponent."""

    def __init__(self, diagonal: Diagonal, direct: RowDifference, positions: RowDifference) -> None:
        parts = (diagonal.own, diagonal.others, direct.bounds, positions.bounds)
        self.exponent = min(part.exponent for part in parts)
        own, self._others, noise, most = (_exact(part.at_exponent(self.exponent)) for part in parts)
        self._own, self._against = own[:, 0], noise[:, 0] + most.max()

    @property
    def alone(self) -> np.ndarray:
        """By m: what logit differences are at most on the sequence of m throughout."""
        return self._against - self._own

    def gaps(self, q: np.ndarray, m: np.ndarray, j: np.ndarray, low: np.ndarray) -> np.ndarray:
        """The same within a reach, with attention of at least low/ONE; in units of 1/ONE of the others."""
        share = low.astype(object)
        mixed = share * self._own[m] + (ONE - share) * self._others[m, j]
        return ONE * self._against[q] - np.minimum(ONE * self._own[m], mixed)


def _exact(matrix: fmpz_mat) -> np.ndarray:
    """The entries as an array of Python integers, which do not overflow."""
    return np.array([[int(entry) for entry in row] for row in matrix.tolist()], dtype=object)
