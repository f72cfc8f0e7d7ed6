"""The softmax of the second layer disappears from the sign of a margin.

With b ≠ a, v_k = r_k W_V W_O W_U differences (a minus b), d = r_f W_U differences and B_k = e^{s_k}/Σ e^{s_l}, the
margin is Σ_k B_k (v_k + d), a mixture with weights w_k = e^{s_k}; whether it exceeds γ is the sign of a sum in which
only the gaps g_k = s_{k*} - s_k to one *reference* key k* occur.  γ = 0 is being right; γ > 0 is a margin, and so a
bound of the loss: log(1 + Σ_{b≠a} e^{-(logit_a - logit_b)}) <= log(1 + (C - 1) e^{-γ}).
"""

from __future__ import annotations

from ....engine.formula import ForAll, Num, Range, Total, Var, Where, entry
from ....engine.rule import Lemma

_k, _r, _g = Var("k"), Var("r"), Var("\\gamma")
_keys = Range(Num(0), Var("n"))
_weights = Total(_k, _keys, entry("w", _k))
_others = Where(_keys, _k.differs(_r), _k)

SIGN_FORM = Lemma(
    label="sign-form",
    title="Whether a mixture exceeds a number, without its weights' sum",
    given=(
        "For all reals $w_k$, $x_k$ with $k < n$, $n \\ge 1$, a key $r < n$ and every $\\gamma$ (in use: $w_k = "
        "e^{s_k}$, and $w_k / w_r = e^{-(s_r - s_k)}$):"
    ),
    statement=ForAll(_k, _keys, entry("w", _k) > Num(0)).implies(
        (Total(_k, _keys, entry("w", _k) * entry("x", _k)).over(_weights) > _g).iff(
            entry("x", _r) - _g + Total(_k, _others, entry("w", _k).over(entry("w", _r)) * (entry("x", _k) - _g))
            > Num(0)
        )
    ),
    proof=(
        "The left side says $\\sum_k w_k (x_k - \\gamma) > 0$, since $\\sum_k w_k > 0$. Dividing by $w_r > 0$ keeps "
        "the sign and gives the right side."
    ),
    source="two softmax layers: the weights of the second enter the sign through score gaps only",
)
