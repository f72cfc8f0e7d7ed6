"""The least ratio of two sums over independent choices, from below in two passes.

Row m of a mixture has weight w(m, t) > 0 and value g(m, t) for its token t; each position chooses its token by itself.
For every γ the numerator of Σ w (g - γ)/Σ w is separable, so its minimum is a sum of minima.  γ is advice: it is found
by one pass at γ = 0 and the ratio of what that pass chose (a step of Dinkelbach's method).  The bound is attained
where γ is the minimum, since the minimum of the numerator is then 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....engine.formula import At, ForAll, Members, Min, Num, Range, Sequences, Total, Var
from ....engine.rule import Lemma

_m, _t, _s, _g, _W = Var("m"), Var("t"), Var("s"), Var("\\gamma"), Var("W")
_rows = Range(Num(0), Var("K"))
_allowed = Members(At("T", _m, subscript=True))
_chosen = At("t", _m, subscript=True)
_weight = Total(_m, _rows, At("w", _m, _chosen))
_ratio = Total(_m, _rows, At("w", _m, _chosen) * At("g", _m, _chosen)).over(_weight)
_least = Total(_m, _rows, Min(_s, _allowed, At("f", _m, _s)))
_every = Sequences("T", Var("K"))

RATIO = Lemma(
    label="least-ratio",
    title="A ratio of sums over independent choices, from below",
    given=(
        "For all finite non-empty sets $T_m$ with $m < K$, $K \\ge 1$, all reals $w(m, s) > 0$, $g(m, s)$, $f(m, s)$, "
        "all $\\gamma$, and $W > 0$ (in use: $f(m, s)$ is the smaller of $u (g - \\gamma)$ over both ends $u$ of an "
        "enclosure of $w$):"
    ),
    statement=ForAll(
        _m, _rows, ForAll(_s, _allowed, At("f", _m, _s) <= At("w", _m, _s) * (At("g", _m, _s) - _g))
    ).implies(
        (Total(_m, _rows, Min(_s, _allowed, At("w", _m, _s))) >= _W).implies(
            (_least >= Num(0)).implies(ForAll(_t, _every, _ratio >= _g))
            & (_least < Num(0)).implies(ForAll(_t, _every, _ratio >= _g + _least.over(_W)))
        )
    ),
    proof=(
        "For each choice $\\sum_m w (g - \\gamma) \\ge \\sum_m f(m, t_m) \\ge F$, $F$ the sum of the minima. If $F "
        "\\ge 0$ the ratio is at least $\\gamma$. Else ratio $- \\gamma \\ge F / \\sum_m w \\ge F / W$, since "
        "$\\sum_m w \\ge W > 0$ and $F < 0$. A maximum is minus the minimum of $-g$."
    ),
    source="Dinkelbach's parametric form of a fractional program",
)


class Choice(NamedTuple):
    """One position: enclosures of its weights, and values, over its tokens in the last axis; the others broadcast."""

    least: np.ndarray
    most: np.ndarray
    values: np.ndarray


def least_ratio(choices: Sequence[Choice]) -> np.ndarray:
    """A lower bound of Σ w g/Σ w over all choices of tokens, rounded down."""
    total, weight = np.zeros((), dtype=np.int64), np.zeros((), dtype=np.int64)
    for least, most, values in choices:
        product = np.minimum(least * values, most * values)
        if product.shape[-1] == 1:
            total, weight = total + product[..., 0], weight + least[..., 0]
            continue
        where = product.argmin(axis=-1)
        total = total + product.min(axis=-1)
        if least.ndim == 1:
            weight = weight + least[where]
        else:
            chosen = np.take_along_axis(np.broadcast_to(least, product.shape), where[..., None], axis=-1)
            weight = weight + chosen[..., 0]
    trial = total // np.maximum(weight, 1)
    lowest, floor = np.zeros((), dtype=np.int64), np.zeros((), dtype=np.int64)
    bottom: np.ndarray | None = None
    for least, most, values in choices:
        off = values - trial[..., None]
        product, smallest = np.minimum(least * off, most * off), values
        if values.shape[-1] == 1:
            product, least, smallest = product[..., 0], least[..., 0], values[..., 0]
        else:
            product, least, smallest = product.min(axis=-1), least.min(axis=-1), values.min(axis=-1)
        floor, lowest = floor + product, lowest + least
        bottom = smallest if bottom is None else np.minimum(bottom, smallest)
    assert bottom is not None, "a mixture of at least one position"
    bound = trial + np.minimum(floor // np.maximum(lowest, 1), 0)
    return np.maximum(np.where(lowest > 0, bound, bottom), bottom)
