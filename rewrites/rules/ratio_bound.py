"""A weighted mean over a set of inputs, from a separable sum: no division before the end."""

from __future__ import annotations

from ...engine.formula import At, Num, Range, Smaller, Total, Var
from ...engine.rule import Lemma

_p, _level, _F, _W = Var("p"), Var("\\gamma"), Var("F"), Var("W")
_positions = Range(Num(0), Var("K"))
_w, _v = At("w", _p), At("v", _p)
_weights = Total(_p, _positions, _w)

RATIO = Lemma(
    label="ratio-bound",
    title="A weighted mean from a sum",
    given="For all reals $w(p)$, $v(p)$ with $p < K$, and all reals $\\gamma$, $F$, $W$:",
    statement=(Total(_p, _positions, _w * (_v - _level)) >= _F).implies(
        (Num(0) < _W).implies(
            (_weights >= _W).implies(
                _level + Smaller(Num(0), _F).over(_W) <= Total(_p, _positions, _w * _v).over(_weights)
            )
        )
    ),
    proof=(
        "$\\sum w v / \\sum w = \\gamma + \\sum w (v - \\gamma) / \\sum w \\ge \\gamma + F / \\sum w$, and "
        "$F / \\sum w \\ge \\min(0, F) / W$, since $0 < W \\le \\sum w$. In particular the mean is at least $\\gamma$ "
        "as "
        "soon as $\\sum w (v - \\gamma) \\ge 0$: on a set of inputs one separable sum decides it, for any $\\gamma$."
    ),
    source="Dinkelbach's form of a fractional programme",
)
