"""What the query reads is a mixture, and a gap of scores is a ratio.

With α = A_f the row of the query, s_k = Σ_m α_m Φ_k(m, t_m), Φ_k(m, t) = c (x_f(q) + o_m(t)) W_Q W_Kᵀ r_kᵀ: the score
of key k seen from the *atom* (m, t).  The lemma turns bounds of Φ_{k*} - Φ_k, atom by atom, into a ratio of sums with
the weights of row f, which :mod:`.ratio` bounds.  It is used for each key and each pair (t_k, t_{k-1}) with the two
tokens fixed in the ratio as well: the same tokens act in the query's row and in the key's.

The query is a key itself (k = f); its row is the same mixture, bounded from above for each atom by the ratio of
-values.
"""

from __future__ import annotations

from ....engine.formula import ForAll, Num, Range, Total, Var, entry
from ....engine.rule import Lemma

_m = Var("m")
_rows = Range(Num(0), Var("n"))


QUERY_ATOMS = Lemma(
    label="query-atoms",
    title="A gap of scores is a mixture of its atoms' gaps",
    given=(
        "For all reals $\\alpha_m \\ge 0$ with $m < n$, $n \\ge 1$, and $\\sum_m \\alpha_m = 1$, all $x'$, $x$, "
        "$o'_m$, $o_m$ (what the reference key and another key give the query's own row and what it reads), and $G_m$:"
    ),
    statement=ForAll(_m, _rows, entry("G", _m) <= (Var("x'") + entry("o'", _m)) - (Var("x") + entry("o", _m))).implies(
        Total(_m, _rows, entry("\\alpha", _m) * entry("G", _m))
        <= (Var("x'") + Total(_m, _rows, entry("\\alpha", _m) * entry("o'", _m)))
        - (Var("x") + Total(_m, _rows, entry("\\alpha", _m) * entry("o", _m)))
    ),
    proof=(
        "$\\sum_m \\alpha_m = 1$ distributes $x' - x$ over the atoms; multiply the premise by $\\alpha_m \\ge 0$ and "
        "add up. With weights $w_f(m, s)$ of the tokens $s$ and $\\alpha_m = w_f(m, t_m) / \\sum_l w_f(l, t_l)$ the "
        "left side is a ratio as in [@least-ratio]."
    ),
    source="path expansion: the query of layer 2 is a mixture of what layer 1 reads",
)
