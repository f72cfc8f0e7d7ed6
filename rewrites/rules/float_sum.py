"""The error of a sum in any order, and of storing it.

Theorem.  Let a_i and b be reals, |θ_i|, |φ| <= g and |σ|, |σ'| <= s.  Then

    |(1 + σ) Σ_i a_i (1 + θ_i) + (1 + σ') b (1 + φ) - Σ_i a_i - b| <= (1 + s) g (Σ_i |a_i| + |b|) + s (|Σ_i a_i| + |b|).

Use.  a_i = x_i W_i are the exact terms of an inner product and b its bias.  In whatever order n terms are added, each
passes through at most n roundings, products included and fused or not, so g = γ_n (float_rounding); storing once or
twice with relative error s_0 gives s = s_0 or (1 + s_0)^2 - 1.

Source: N. Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1.
"""

from __future__ import annotations

from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma

_i = Var("i")
_terms = Range(Num(0), Var("n"))
_a, _theta = At("a", _i, subscript=True), At("\\theta", _i, subscript=True)
_b, _phi, _sigma, _tau, _g, _s = Var("b"), Var("\\phi"), Var("\\sigma"), Var("\\sigma'"), Var("g"), Var("s")
_one = Num(1)
_exact = Total(_i, _terms, _a)
_size = Total(_i, _terms, Absolute(_a)) + Absolute(_b)
_computed = (_one + _sigma) * Total(_i, _terms, _a * (_one + _theta)) + (_one + _tau) * _b * (_one + _phi)

SUM = Lemma(
    label="float-sum",
    title="A sum in any order, stored",
    given="For all reals $a_0, \\dots, a_{n-1}$, $b$, $\\theta_i$, $\\phi$, $\\sigma$, $\\sigma'$ and $g, s \\ge 0$:",
    statement=(
        ForAll(_i, _terms, Absolute(_theta) <= _g)
        & (Absolute(_phi) <= _g)
        & (Absolute(_sigma) <= _s)
        & (Absolute(_tau) <= _s)
    ).implies(
        Absolute(_computed - (_exact + _b))
        <= (_one + _s) * _g * _size + _s * (Absolute(Total(_i, _terms, _a)) + Absolute(_b))
    ),
    proof=(
        "The difference is $(1 + \\sigma) \\sum_i a_i \\theta_i + (1 + \\sigma')\\,b\\,\\phi + \\sigma \\sum_i a_i + "
        "\\sigma' b$; take absolute values. Whatever the order of additions, each term passes through at most as "
        "many roundings as there are terms, so the $\\theta_i$ are bounded by [@one-more-rounding]."
    ),
    source="N. Higham, Accuracy and Stability of Numerical Algorithms, section 3.1",
)
