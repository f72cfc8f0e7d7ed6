"""γ_n: what n roundings do to a number.

Theorem.  Let 0 <= u, |δ_i| <= u, n·u < 1 and γ_n = n·u/(1 - n·u).  Then every product of n factors (1 + δ_i) or
1/(1 + δ_i) is 1 + θ with |θ| <= γ_n.

Proof.  By induction from γ_0 = 0; the step is the lemma below.

Source: N. Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1.
"""

from __future__ import annotations

from fractions import Fraction

from ...engine.formula import Absolute, Num, Var
from ...engine.rule import Lemma, NotEstablished

_u, _n, _theta, _delta = Var("u"), Var("n"), Var("\\theta"), Var("\\delta")
_one = Num(1)
_many = _n + _one
_bound = (_many * _u).over(_one - _many * _u)

ROUNDING = Lemma(
    label="one-more-rounding",
    title="One more rounding",
    given=(
        "For all reals $u \\ge 0$, $\\theta$, $\\delta$ and natural $n$ with $(n + 1)\\,u < 1$ (so that $n + 1$ "
        "factors $1 + \\delta$ or $1/(1 + \\delta)$ multiply to $1 + \\theta$ with $|\\theta| \\le \\gamma_{n+1}$, "
        "$\\gamma_n = n\\,u/(1 - n\\,u)$):"
    ),
    statement=((Absolute(_delta) <= _u) & (Absolute(_theta) <= (_n * _u).over(_one - _n * _u))).implies(
        (Absolute((_one + _theta) * (_one + _delta) - _one) <= _bound)
        & (Absolute((_one + _theta).over(_one + _delta) - _one) <= _bound)
    ),
    proof=(
        "Put $\\gamma = n\\,u/(1 - n\\,u)$, so that $1 + \\gamma = 1/(1 - n\\,u)$. The first quantity is at most "
        "$\\gamma + u + \\gamma\\,u$, the second is $|\\theta - \\delta|/(1 + \\delta) \\le (\\gamma + u)/(1 - u)$, "
        "which is no less since $1 + u \\le 1/(1 - u)$. And $(\\gamma + u)/(1 - u) = (1 + \\gamma)/(1 - u) - 1 = "
        "1/((1 - n\\,u)(1 - u)) - 1$ is at most the bound, since $(1 - n\\,u)(1 - u) \\ge 1 - (n+1)\\,u$."
    ),
    source="N. Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1",
)


def gamma(n: int, unit: Fraction) -> Fraction:
    """n·u/(1 - n·u); raises :class:`NotEstablished` where the denominator is not positive.

    >>> gamma(2, Fraction(1, 4))
    Fraction(1, 1)
    """
    if n * unit >= 1:
        raise NotEstablished("float_rounding", f"{n} roundings of relative error {unit} are too many")
    return Fraction(n * unit, 1 - n * unit)
