"""Splitting a set of inputs leaves disjoint parts whose sizes add up."""

from __future__ import annotations

from ...engine.formula import At, Count, ForAll, Num, Range, Sequences, Total, Var
from ...engine.rule import Lemma

_t, _p, _j, _m = Var("t"), Var("p"), Var("j"), Var("m")
_K = Var("K")
_positions = Range(Num(0), _K)
_inputs = Sequences("T", _K)


def _at(index: Var) -> At:
    return At("t", index, subscript=True)


_first_largest = (
    _at(_p).equals(_m) & ForAll(_j, Range(Num(0), _p), _at(_j) < _m) & ForAll(_j, Range(_p + Num(1), _K), _at(_j) <= _m)
)
_everything = Count(_t, _inputs)
_by_maximum = Total(_m, Range(Num(0), Var("V")), Total(_p, _positions, Count(_t, _inputs, _first_largest)))

PARTS = Lemma(
    label="box-parts",
    title="The parts of a product by its largest token and the first place that holds it",
    given=("For all $K \\ge 1$ and $V \\ge 1$, and sets $T_0, \\dots, T_{K-1}$ of tokens below $V$:"),
    statement=_by_maximum.equals(_everything),
    proof=(
        "Every input has one largest token $m$ and one first position $p$ that holds it; the inputs with that $m$ and "
        "$p$ are "
        "the product of $\\{m\\}$ at $p$, the smaller tokens before it, and the tokens up to $m$ behind. The other "
        "splits (a "
        "position by each of its tokens, by one token or not, by smaller tokens or not; a sum of labels by smaller or "
        "not; "
        "lists by the number read last and the next one, and by whether they hold a number) part the inputs by the "
        "values of "
        "one function, and so into disjoint sets. A product has $\\prod_p |T_p|$ inputs; those whose labels have a "
        "given sum are "
        "counted by convolution; lists of $L$ different numbers, of which some are known, by binomials and the $L!$ "
        "orders."
    ),
    source="counting",
)
