"""A separable sum over a product of token sets on which another sum, of labels, lies in an interval."""

from __future__ import annotations

from ...engine.formula import At, ForAll, Members, Min, Num, Range, Sequences, Total, Var
from ...engine.rule import Lemma

_p, _t, _a, _factor = Var("p"), Var("t"), Var("a"), Var("\\lambda")
_positions = Range(Num(0), Var("K"))
_held = At("t", _p, subscript=True)
_allowed = Members(At("T", _p, subscript=True))
_sum = Total(_p, _positions, At("D", _p, _held))
_labels = Total(_p, _positions, At("\\ell", _held))
_tilted = Total(_p, _positions, Min(_a, _allowed, At("D", _p, _a) - _factor * At("\\ell", _a)))

SUMS = Lemma(
    label="sum-extremes",
    title="The least separable sum where the labels' sum is known to lie in an interval",
    given=(
        "For all tables $D(p, t)$ and labels $\\ell(t)$ of reals, finite non-empty sets of tokens $T_0, \\dots, "
        "T_{K-1}$ "
        "and reals $\\lambda$, $b$, $c$:"
    ),
    statement=ForAll(
        _t,
        Sequences("T", Var("K")),
        (Var("b") <= _labels).implies(
            (_labels <= Var("c")).implies(
                (_factor * Var("b") + _tilted <= _sum) | (_factor * Var("c") + _tilted <= _sum)
            )
        ),
    ),
    proof=(
        "$\\sum_p D(p, t_p) = \\lambda \\sum_p \\ell(t_p) + \\sum_p (D(p, t_p) - \\lambda \\ell(t_p))$. The second "
        "sum is "
        "at least the sum of the least terms; the first is at least $\\lambda b$ if $\\lambda \\ge 0$, at least "
        "$\\lambda c$ if not."
    ),
    source="Lagrange's multiplier: any $\\lambda$ gives a bound",
)
