"""A separable sum over sets of different numbers, some of which also count at their rank.

A number that stands at one of several places, it is not known which, counts at least the least of its entries there
(d); so only which numbers there are, and their ranks, remain.
"""

from __future__ import annotations

from ...engine.formula import At, ForAll, Num, Range, Sequences, Smaller, Total, Var
from ...engine.rule import Lemma

_j, _n, _t = Var("j"), Var("n"), Var("t")
_k, _N, _level = Var("k"), Var("N"), Var("\\theta")
_chosen, _next = At("t", _j, subscript=True), At("t", _j + Num(1), subscript=True)
_increasing = ForAll(_j, Range(Num(0), _k - Num(1)), _chosen < _next)
_places = Range(Num(0), _k)

LISTS = Lemma(
    label="list-extremes",
    title="The least sum over increasing choices, by a programme",
    given=(
        "For all tables $D(j, n)$ and $B(j, n)$ of reals, natural numbers $k$ and $N$, and $T_j = \\{0, \\dots, "
        "N-1\\}$:"
    ),
    statement=ForAll(_n, Range(Num(0), _N + Num(1)), At("B", Num(0), _n) <= Num(0)).implies(
        ForAll(
            _j,
            _places,
            ForAll(
                _n,
                Range(Num(0), _N),
                (At("B", _j + Num(1), _n + Num(1)) <= At("B", _j + Num(1), _n))
                & (At("B", _j + Num(1), _n + Num(1)) <= At("B", _j, _n) + At("D", _j, _n)),
            ),
        ).implies(
            ForAll(
                _t,
                Sequences("T", _k),
                _increasing.implies(At("B", _k, _N) <= Total(_j, _places, At("D", _j, _chosen))),
            )
        )
    ),
    proof=(
        "For $n \\le N$ and $j \\le k$, $B(j, n)$ is at most the sum over every increasing choice of $j$ numbers "
        "below $n$, "
        "by induction on $n$: for $j = 0$ by the first premise; for $j > 0$ and $n = 0$ there is no choice; else the "
        "last "
        "number is $n - 1$, and the sum is at least $B(j-1, n-1) + D(j-1, n-1)$, or all are below $n - 1$, and it is "
        "at "
        "least $B(j, n-1)$. Numbers that must be chosen, or must not, only drop cases."
    ),
    source="dynamic programming over numbers and ranks",
)

SMALLEST = Lemma(
    label="smallest-numbers",
    title="The least sum over so many different numbers",
    given="For all reals $D(n)$, a real $\\theta$, natural numbers $k$ and $N$, and $T_j = \\{0, \\dots, N-1\\}$:",
    statement=ForAll(
        _t,
        Sequences("T", _k),
        _increasing.implies(
            _k * _level + Total(_n, Range(Num(0), _N), Smaller(Num(0), At("D", _n) - _level))
            <= Total(_j, _places, At("D", _chosen))
        ),
    ),
    proof=(
        "The sum of the $k$ chosen $D - \\theta$ is at least the sum of all negative ones. With $\\theta$ the $k$-th "
        "smallest "
        "of the $D(n)$ the left side is the sum of the $k$ smallest, which is attained."
    ),
    source="the k smallest",
)
