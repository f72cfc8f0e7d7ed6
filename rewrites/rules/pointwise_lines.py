"""An MLP behind one mixture collapses to one separable sum: attention is never relaxed."""

from __future__ import annotations

from ...engine.formula import At, ForAll, Larger, Num, Range, Total, Var
from ...engine.rule import Lemma

_p, _i = Var("p"), Var("i")
_positions, _units = Range(Num(0), Var("K")), Range(Num(0), Var("M"))
_z = Total(_p, _positions, At("a", _p) * At("g", _p, _i))
_c, _f, _s, _b = (At(name, _i) for name in ("c", "f", "s", "b"))

LINES = Lemma(
    label="pointwise-lines",
    title="Pointwise maps of a mixture, by lines",
    given=(
        "For all reals $a(p)$, $v(p)$, $g(p, i)$ with $p < K$ and $c(i)$, $f(i)$, $s(i)$, $b(i)$ with $i < M$, where "
        "$\\sum_p a(p) = 1$ (the weights of attention; $f(i)$ is the value of a function at $z_i = \\sum_p a(p) g(p, "
        "i)$, and "
        "$s(i) z + b(i)$ a line in $z$):"
    ),
    statement=Total(_p, _positions, At("a", _p))
    .equals(Num(1))
    .implies(
        ForAll(_i, _units, _c * (_s * _z + _b) <= _c * _f).implies(
            Total(
                _p,
                _positions,
                At("a", _p) * (At("v", _p) + Total(_i, _units, _c * (_s * At("g", _p, _i) + _b))),
            )
            <= Total(_p, _positions, At("a", _p) * At("v", _p)) + Total(_i, _units, _c * _f)
        )
    ),
    proof=(
        "Replace each $c(i) f(i)$ by $c(i)(s(i) z_i + b(i))$, insert $z_i$, and spread the constants with "
        "$\\sum_p a(p) = 1$. The premise asks for a line below the function where $c(i) \\ge 0$, above it where $c(i) "
        "\\le 0$."
    ),
    source="linear relaxation of pointwise maps; the mixture is kept",
)

_zed, _l, _u, _slope = Var("z"), Var("l"), Var("u"), Var("s")
_relu = Larger(_zed, Num(0))

RELU_LINES = Lemma(
    label="relu-lines",
    title="Lines below and above a ReLU",
    given="For all reals $l \\le z \\le u$ and $0 \\le s \\le 1$:",
    statement=(_l <= _zed).implies(
        (_zed <= _u).implies(
            (Num(0) <= _slope).implies(
                (_slope <= Num(1)).implies(
                    (_slope * _zed <= _relu)
                    & ((_relu <= _slope * _zed - _slope * _l) | (_relu <= _slope * _zed + (Num(1) - _slope) * _u))
                )
            )
        )
    ),
    proof=(
        "$s z \\le \\max(z, 0)$ for $0 \\le s \\le 1$. $\\max(z, 0) - s z$ is convex, so on $[l, u]$ at most the "
        "larger of its "
        "values at the ends; at $l$ it is $-s l$ or $(1 - s) l \\le (1-s) u$, at $u$ it is $(1 - s) u$ or $-s u \\le "
        "-s l$."
    ),
    source="the triangle relaxation; any slope is sound",
)

SQUARE_LINES = Lemma(
    label="square-lines",
    title="Lines below and above a square",
    given="For all reals $l \\le z \\le u$:",
    statement=(_l <= _zed).implies(
        (_zed <= _u).implies(
            (Num(4) * (_l + _u) * _zed - (_l + _u).power(Num(2)) <= Num(4) * _zed.power(Num(2)))
            & (_zed.power(Num(2)) <= (_l + _u) * _zed - _l * _u)
        )
    ),
    proof="$(2z - l - u)^2 \\ge 0$, and $(z - l)(u - z) \\ge 0$.",
    source="tangent at the middle, and chord",
)
