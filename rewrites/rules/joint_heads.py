"""Several heads at once, without their denominators: for fixed tokens the form is affine in every ratio of them."""

from __future__ import annotations

from ...engine.formula import At, ForAll, Min, Num, Range, Total, Var, entry
from ...engine.rule import Lemma

_h, _a, _delta = Var("h"), Var("a"), Var("\\delta")
_heads, _others, _ends = Range(Num(0), Var("H")), Range(Num(1), Var("H")), Range(Num(0), Num(2))
_N, _D, _level = entry("N", _h), entry("D", _h), entry("\\gamma", _h)
_first = entry("D", Num(0))

HEADS = Lemma(
    label="joint-heads",
    title="Several heads jointly",
    given=(
        "For all $H \\ge 1$, reals $\\delta$, $N_h$, $D_h > 0$, $\\gamma_h$ with $h < H$, and bounds $\\rho(h, 0)$, "
        "$\\rho(h, 1)$ for $1 \\le h < H$:"
    ),
    statement=Total(_h, _heads, _level)
    .equals(Num(0) - _delta)
    .implies(
        ForAll(
            _h, _others, (At("\\rho", _h, Num(0)) * _D <= _first) & (_first <= At("\\rho", _h, Num(1)) * _D)
        ).implies(
            (entry("N", Num(0)) - entry("\\gamma", Num(0)) * _first)
            + Total(_h, _others, Min(_a, _ends, At("\\rho", _h, _a) * (_N - _level * _D)))
            <= _first * (_delta + Total(_h, _heads, _N.over(_D)))
        )
    ),
    proof=(
        "$\\delta + \\sum_h N_h/D_h = \\sum_h (N_h - \\gamma_h D_h)/D_h$, since the $\\gamma_h$ add up to $-\\delta$. "
        "Times "
        "$D_0$ the first term is $N_0 - \\gamma_0 D_0$ and the others are $\\rho_h (N_h - \\gamma_h D_h)$ with "
        "$\\rho_h = D_0/D_h$ between its bounds; each is affine in $\\rho_h$ and so at least its lesser value at the "
        "ends. On "
        "a set of inputs the least over the corners is therefore the least of one separable sum a corner."
    ),
    source="multiplying by one denominator; ratios of denominators in place of denominators",
)
