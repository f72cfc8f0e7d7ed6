"""The reference row, atom by atom, with the atom's own token in it.

Φ_{k*}(m, t) and v_{k*}(b) are mixtures over row k* with weights w_{k*}(·, ·): exact minima of ratios (:mod:`.ratio`) if
tokens may be chosen independently.  For the atom (m, t), m <= k*, the row's token at m is t.
"""

from __future__ import annotations

from ....engine.formula import At, Expr, ForAll, Min, Num, Range, Sequences, Total, Var, Where
from ....engine.rule import Lemma

_m, _j, _t, _u = Var("m"), Var("j"), Var("t"), Var("u")
_rows = Range(Num(0), Var("K"))
_every = Sequences("T", Var("K"))


def _row(tokens: str) -> Expr:
    chosen = At(tokens, _j, subscript=True)
    return Total(_j, _rows, At("w", _j, chosen) * At("o", _m, _j, chosen)).over(Total(_j, _rows, At("w", _j, chosen)))


_same = At("u", _m, subscript=True).equals(At("t", _m, subscript=True))

REFERENCE_ROW = Lemma(
    label="reference-row",
    title="A row seen from an atom, whose token the row holds as well",
    given=(
        "For all finite non-empty sets $T_j$ with $j < K$, all $w(j, s) > 0$ and $o(m, j, s)$ (what the atom at $m$ "
        "gives the token $s$ at $j$):"
    ),
    statement=ForAll(_t, _every, ForAll(_m, _rows, Min(_u, Where(_every, _same, _u), _row("u")) <= _row("t"))),
    proof=(
        "$t$ itself is among the sequences $u$ with $u_m = t_m$. The minimum is the least ratio of [@least-ratio] with "
        "$T_m = \\{t_m\\}$."
    ),
    source="the same tokens act in the query's row and in the key's",
)
