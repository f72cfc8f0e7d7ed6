"""The inner product of two vectors that are both known up to an error.

Theorem.  If |x'_i - x_i| <= e_i and |y'_i - y_i| <= f_i for all i, then
|Σ_i x'_i y'_i - Σ_i x_i y_i| <= Σ_i (e_i |y_i| + (|x_i| + e_i) f_i).

Proof.  x'_i y'_i - x_i y_i = (x'_i - x_i) y_i + x'_i (y'_i - y_i).
"""

from __future__ import annotations

from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma

_i = Var("i")
_terms = Range(Num(0), Var("n"))
_x, _y, _xx, _yy, _e, _f = (At(name, _i, subscript=True) for name in ("x", "y", "x'", "y'", "e", "f"))

PRODUCT = Lemma(
    label="float-product",
    title="An inner product of inexact vectors",
    given="For all reals $x_i$, $y_i$, $x'_i$, $y'_i$ and all $e_i, f_i \\ge 0$:",
    statement=ForAll(_i, _terms, (Absolute(_xx - _x) <= _e) & (Absolute(_yy - _y) <= _f)).implies(
        Absolute(Total(_i, _terms, _xx * _yy) - Total(_i, _terms, _x * _y))
        <= Total(_i, _terms, _e * Absolute(_y) + (Absolute(_x) + _e) * _f)
    ),
    proof=("Each difference of terms is $(x'_i - x_i)\\,y_i + x'_i\\,(y'_i - y_i)$, with $|x'_i| \\le |x_i| + e_i$."),
    source="the triangle inequality",
)
