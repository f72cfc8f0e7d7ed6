"""Values averaged with inexact attention, in floats.

Theorem.  Let a'_p >= 0, |a_p - a'_p| <= η a'_p + β, |v'_p - v_p| <= e_p, |θ_p| <= g and |σ| <= s.  Then

    |(1 + σ) Σ_p a_p v'_p (1 + θ_p) - Σ_p a'_p v_p| <= Σ_p a'_p (e_p + ψ (|v_p| + e_p)) + β (1 + g)(1 + s) Σ_p (|v_p| +
    e_p)

with ψ = (1 + η)(1 + g)(1 + s) - 1.  The error is again an average, so that one bound a position and token is enough.
"""

from __future__ import annotations

from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma

_p = Var("p")
_positions = Range(Num(0), Var("K"))
_a, _exact, _v, _computed, _e, _theta = (
    At(name, _p, subscript=True) for name in ("a", "a'", "v", "v'", "e", "\\theta")
)
_eta, _beta, _g, _s, _sigma = Var("\\eta"), Var("\\beta"), Var("g"), Var("s"), Var("\\sigma")
_one = Num(1)
_grown = (_one + _g) * (_one + _s)
_psi = (_one + _eta) * _grown - _one
_size = Absolute(_v) + _e

MIXTURE = Lemma(
    label="float-mixture",
    title="Averaging values in floats",
    given="For all reals $a'_p \\ge 0$, $a_p$, $v_p$, $v'_p$, $\\theta_p$, $\\sigma$ and "
    "$\\eta, \\beta, e_p, g, s \\ge 0$:",
    statement=(
        ForAll(
            _p,
            _positions,
            (Absolute(_a - _exact) <= _eta * _exact + _beta)
            & (Absolute(_computed - _v) <= _e)
            & (Absolute(_theta) <= _g),
        )
        & (Absolute(_sigma) <= _s)
    ).implies(
        Absolute(
            (_one + _sigma) * Total(_p, _positions, _a * _computed * (_one + _theta))
            - Total(_p, _positions, _exact * _v)
        )
        <= Total(_p, _positions, _exact * (_e + _psi * _size)) + _beta * _grown * Total(_p, _positions, _size)
    ),
    proof=(
        "Each term is $a_p v'_p (1 + \\theta_p)(1 + \\sigma)$ with $|v'_p| \\le |v_p| + e_p$ and $a_p = a'_p + "
        "\\epsilon_p$, where $\\epsilon_p = a_p - a'_p$ has $|\\epsilon_p| \\le \\eta\\,a'_p + \\beta$. With $\\psi = "
        "(1 + \\eta)(1 + g)(1 + s) - 1$ it differs from $a'_p v'_p$ by at most "
        "$|v'_p|\\,(\\psi\\,a'_p + \\beta\\,(1 + g)(1 + s))$, and $a'_p v'_p$ from $a'_p v_p$ by at most $a'_p e_p$."
    ),
    source="mechproof",
)
