"""A sum from layers: so many members are at most this, so many more at most that.

Theorem.  Let 0 = n_0 <= n_1 <= … <= n_J = N, and let at least n_{i+1} of N numbers be at most u_i.  Then the numbers
add up to at most Σ_i (n_{i+1} - n_i) u_i.

Proof.  Sort the numbers.  The first n_{i+1} of them are at most u_i, those from number n_i on in particular.

With the losses of the sequences of a cell as the numbers, every proof that so many sequences have a logit gap below a
threshold becomes a bound of the cell's loss.

Source: layer-cake summation.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...engine.formula import At, Count, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma

_i, _s = Var("i"), Var("s")
_levels, _members = Range(Num(0), Var("J")), Range(Num(0), Var("N"))
_here, _next = At("n", _i, subscript=True), At("n", _i + Num(1), subscript=True)
_value, _bound = At("c", _s), At("u", _i, subscript=True)

LAYERS = Lemma(
    label="loss-layers",
    title="A sum from layers",
    given="For all reals $c(s)$ of $N$ members, all reals $u_i$ of $J$ levels and all naturals $n_0 = 0, \\dots, n_J$:",
    statement=(
        ForAll(_i, _levels, (_here <= _next) & (_next <= Count(_s, _members, _value <= _bound)))
        & At("n", Var("J"), subscript=True).equals(Var("N"))
    ).implies(Total(_s, _members, _value) <= Total(_i, _levels, (_next - _here) * _bound)),
    proof=(
        "Sort the numbers. The first $n_{i+1}$ of them are at most $u_i$, so those with number $n_i$ to $n_{i+1} - 1$ "
        "add up to at most $(n_{i+1} - n_i)\\,u_i$; these parts make up all numbers."
    ),
    source="layer-cake summation",
)


def layered(layers: Iterable[tuple[int, int]]) -> int:
    """What numbers add up to at most: of each (u, n), at least n of them are at most u; the largest n is their number.

    >>> layered([(5, 2), (1, 1), (9, 4), (7, 2)])
    24
    """
    total = most = 0
    for bound, number in sorted(layers):
        total += max(number - most, 0) * bound
        most = max(number, most)
    return total
