"""A distractor's row is nearly its previous token: a box around it.

Row k with t_k = t and t_{k-1} = p fixed reads mostly the position before it.  Its mixture is o_{k-1}(p) plus shares of
differences, and each share lies between two ends that the enclosures of the weights give.  For k = 0 the row is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....engine.formula import At, ForAll, Min, Num, Range, Total, Var, Where, entry
from ....engine.rule import Lemma
from .grid import SHARE_BITS

_m, _j, _p, _l = Var("m"), Var("j"), Var("p"), Var("l")
_rows = Range(Num(0), Var("n"))
_others = Where(_rows, _m.differs(_p), _m)
_ends = Range(Num(0), Num(2))

SHARE_ENDS = Lemma(
    label="share-ends",
    title="A share of a sum between two ends",
    given="For all reals $w_m > 0$, $u_m \\ge w_m$ and $v_m$ with $0 < v_m \\le w_m$, $m < n$:",
    statement=ForAll(
        _m,
        _rows,
        (
            entry("w", _m).over(Total(_l, _rows, entry("w", _l)))
            <= entry("u", _m).over(entry("u", _m) + Total(_l, Where(_rows, _l.differs(_m), _l), entry("v", _l)))
        )
        & (
            entry("w", _m).over(Total(_l, _rows, entry("w", _l)))
            >= entry("v", _m).over(entry("v", _m) + Total(_l, Where(_rows, _l.differs(_m), _l), entry("u", _l)))
        ),
    ),
    proof="$x / (x + y)$ grows with $x > 0$ and falls as $y > 0$ grows.",
    source="monotonicity of a softmax in its scores",
)
DISTRACTOR_ROW = Lemma(
    label="distractor-row",
    title="A mixture near one of its members",
    given=(
        "For all reals $A_m \\ge 0$ with $\\sum_m A_m = 1$ and $b(0, m) \\le A_m \\le b(1, m)$ ($m < n$, $n \\ge 1$), "
        "a position $p < n$, all $o_m$, and $h_m$:"
    ),
    statement=ForAll(_m, _others, entry("h", _m) <= entry("o", _m) - entry("o", _p)).implies(
        entry("o", _p) + Total(_m, _others, Min(_j, _ends, At("b", _j, _m) * entry("h", _m)))
        <= Total(_m, _rows, entry("A", _m) * entry("o", _m))
    ),
    proof=(
        "$\\sum_m A_m = 1$ gives $\\sum_m A_m o_m = o_p + \\sum_{m \\ne p} A_m (o_m - o_p)$, and $A_m \\ge 0$ gives "
        "$A_m (o_m - o_p) \\ge A_m h_m$, which lies between $b(0, m) h_m$ and $b(1, m) h_m$. An upper bound is minus "
        "the lower one of the numbers $-o_m$."
    ),
    source="a previous-token head: the box is small where A is nearly 1 at p",
)


def share_ends(least: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of every share in units of 2^-24, outward, from weights with the members in the last axis."""
    below, above = least.sum(axis=-1, keepdims=True), most.sum(axis=-1, keepdims=True)
    for_most, for_least = most + below - least, least + above - most
    highest = -(-(most << SHARE_BITS) // np.maximum(for_most, 1))
    lowest = (least << SHARE_BITS) // np.maximum(for_least, 1)
    return np.where(for_least > 0, lowest, 0), np.where(for_most > 0, highest, 1 << SHARE_BITS)


def box_floor(around: np.ndarray, members: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> np.ndarray:
    """The lower bound of the lemma, rounded down: ``around`` is o_p, the members are (lowest, highest, h)."""
    total = np.zeros_like(around)
    for lowest, highest, off in members:
        total = total + np.minimum(lowest * off, highest * off)
    return around + (total >> SHARE_BITS)
