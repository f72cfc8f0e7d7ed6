"""A norm before the unembedding multiplies the margin by an unknown number, and what the biases add is bounded.

With σ the norm's denominator, σ·margin = ⟨u, z⟩ + κσ: z is the row, centred if the norm centres, u holds the gains, κ
what the shift and the bias of the unembedding add. For κ >= 0 the last term is dropped; for κ < 0 σ is bounded from
above.
"""

from __future__ import annotations

from ...engine.formula import At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma

_p, _i, _d, _sigma, _eta, _eps = Var("p"), Var("i"), Var("d"), Var("\\sigma"), Var("\\eta"), Var("\\varepsilon")
_positions, _entries = Range(Num(0), Var("K")), Range(Num(0), _d)
_mixed = Total(_p, _positions, At("a", _p) * At("z", _p, _i))
_z = At("z", _p, _i)

NORM = Lemma(
    label="norm-before-unembedding",
    title="A norm's denominator is at most the mixture of its values",
    given=(
        "For all $d \\ge 1$ and reals $a(p)$, $s(p)$, $z(p, i)$ with $p < K$, $i < d$, and $\\sigma$, $\\eta$, "
        "$\\varepsilon$ with $\\varepsilon, \\sigma \\ge 0$:"
    ),
    statement=ForAll(_p, _positions, (Num(0) <= At("a", _p)) & (Num(0) <= At("s", _p))).implies(
        ForAll(_p, _positions, Total(_i, _entries, _z.power(Num(2))) <= _d * At("s", _p).power(Num(2))).implies(
            (Num(0) <= _eta).implies(
                (_eps <= _eta.power(Num(2))).implies(
                    (_d * _sigma.power(Num(2)) <= Total(_i, _entries, _mixed.power(Num(2))) + _d * _eps).implies(
                        _sigma <= _eta + Total(_p, _positions, At("a", _p) * At("s", _p))
                    )
                )
            )
        )
    ),
    proof=(
        "$\\sqrt{d}\\,\\sigma$ is at most the length of the vector $(\\sum_p a(p) z(p, \\cdot), \\sqrt{d "
        "\\varepsilon})$, and by "
        "the triangle inequality that is at most $\\sum_p a(p) \\sqrt{d}\\,s(p) + \\sqrt{d}\\,\\eta$. The same with "
        "several "
        "heads, and with what an MLP writes, the size of each hidden number times the length of its row, as further "
        "summands."
    ),
    source="the triangle inequality",
)
