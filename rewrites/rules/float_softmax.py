"""A softmax in floats is close to the exact softmax of nearby scores, relatively.

Theorem.  Let c_0, …, c_{K-1} >= 0 with S = Σ_p c_p >= 1/2 (the exponentials of the computed scores minus their largest:
one of them is nearly 1), |ê_p - c_p| <= τ, Ŝ = Σ_p ê_p (1 + θ_p) + σ with |θ_p| <= g <= 1 and |σ| <= 2Kτ, and put
g' = g + 8Kτ < 1.  If a_p = (ê_p/Ŝ)(1 + φ) + ζ with |φ| <= f and |ζ| <= τ, then

    |a_p - c_p/S| <= ((1 + f)/(1 - g') - 1)·c_p/S + 2τ(1 + f)/(1 - g') + τ.

Proof.  |Ŝ - S| <= g·S + 2Kτ + 2Kτ <= g'·S, because S >= 1/2.  So ê_p/Ŝ is within (c_p/S)(1/(1 - g') - 1) +
2τ/(1 - g') of c_p/S; multiply by 1 + φ and add ζ.

The maximum is exact, and exp of non-positive numbers cannot overflow.
"""

from __future__ import annotations

from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma

_p = Var("p")
_positions = Range(Num(0), Var("K"))
_c, _e, _theta = (At(name, _p, subscript=True) for name in ("c", "e", "\\theta"))
_g, _f, _t = Var("g"), Var("f"), Var("\\tau")
_sigma, _phi, _zeta = Var("\\sigma"), Var("\\phi"), Var("\\zeta")
_one, _two = Num(1), Num(2)
_sum = Total(_p, _positions, _c)
_computed_sum = Total(_p, _positions, _e * (_one + _theta)) + _sigma
_rest = _one - (_g + Num(8) * Var("K") * _t)
_grown = (_one + _f).over(_rest)

SOFTMAX = Lemma(
    label="float-softmax",
    title="A softmax in floats",
    given=(
        "For all reals $c_p \\ge 0$, $e_p$, $\\theta_p$, $\\sigma$, $\\phi$, $\\zeta$ and $f, g, \\tau \\ge 0$ with "
        "$g + 8 K \\tau < 1$:"
    ),
    statement=(
        (_sum >= Num(1).over(_two))
        & ForAll(_p, _positions, (Absolute(_e - _c) <= _t) & (Absolute(_theta) <= _g))
        & (Absolute(_sigma) <= _two * Var("K") * _t)
        & (Absolute(_phi) <= _f)
        & (Absolute(_zeta) <= _t)
    ).implies(
        ForAll(
            _p,
            _positions,
            Absolute(_e.over(_computed_sum) * (_one + _phi) + _zeta - _c.over(_sum))
            <= (_grown - _one) * _c.over(_sum) + _two * _t * _grown + _t,
        )
    ),
    proof=(
        "With $S = \\sum_p c_p \\ge 1/2$, the computed sum differs from $S$ by at most $g\\,S + (1 + g)\\,K\\,\\tau + "
        "2 K \\tau \\le (g + 8 K \\tau)\\,S = g' S$ (as $g < 1$). So $e_p$ over it differs from $c_p/S$ by at most "
        "$(c_p/S)\\,(1/(1 - g') - 1) + 2 \\tau/(1 - g')$; multiplying by $1 + \\phi$ and adding $\\zeta$ gives the "
        "bound."
    ),
    source="mechproof",
)
