"""How far an average moves when its weights are tilted.

Theorem.  Let w_p, w'_p > 0 with w_p/r <= w'_p <= r·w_p for all p, and lo <= f_p <= hi.  Then
|Σ w'_p f_p/Σ w'_p - Σ w_p f_p/Σ w_p| <= (r - 1)/(r + 1)·(hi - lo).

Proof.  It is enough that the share of any set A of positions moves by at most (r - 1)/(r + 1), since the difference of
two averages is the integral over the levels c of the differences of the shares of {f >= c}.  The odds of A change by a
factor within [r^-2, r^2], so a share s goes to at most r²s/(r²s + 1 - s), and the difference is largest at
s = 1/(r + 1), where it is (r - 1)/(r + 1).

With r = e^ε the factor is tanh(ε/2) <= ε/2.

Source: classical (total variation of a tilted distribution).
"""

from __future__ import annotations

from ...engine.formula import Absolute, At, ForAll, Max, Min, Num, Range, Total, Var
from ...engine.rule import Lemma

_p, _r = Var("p"), Var("r")
_positions = Range(Num(0), Var("K"))
_w, _tilted, _f = (At(name, _p, subscript=True) for name in ("w", "w'", "f"))
_one = Num(1)


def _mean(weight: At) -> Total:
    return Total(_p, _positions, weight * _f)


TILT = Lemma(
    label="tilted-average",
    title="An average with tilted weights",
    given="For all reals $w_p, w'_p > 0$ and $f_p$ ($p < K$, $K \\ge 1$) and $r \\ge 1$:",
    statement=ForAll(_p, _positions, (_w <= _r * _tilted) & (_tilted <= _r * _w)).implies(
        Absolute(_mean(_tilted).over(Total(_p, _positions, _tilted)) - _mean(_w).over(Total(_p, _positions, _w)))
        <= (_r - _one).over(_r + _one) * (Max(_p, _positions, _f) - Min(_p, _positions, _f))
    ),
    proof=(
        "An average of $f$ is the least value plus the integral, over levels $c$ from the least to the largest, of the "
        "share of the positions with $f_p \\ge c$. So it is enough that no share moves by more than $(r-1)/(r+1)$. The "
        "odds of a set change at most by the factor $r^2$, so a share $s$ becomes at most "
        "$r^2 s/(r^2 s + 1 - s)$. The difference from $s$ is largest at $s = 1/(r + 1)$, where it is $(r-1)/(r+1)$; "
        "downward, exchange the two."
    ),
    source="total variation of tilted distributions; classical",
)
