"""The extremes of a separable sum over a box are exact, and decide whole cells.

Theorem.  For tables D(p, t) and token sets T_p, every sequence t with t_p in T_p satisfies
Σ_p min_{T_p} D(p,·) <= Σ_p D(p, t_p) <= Σ_p max_{T_p} D(p,·), and both ends are attained.

Use.  A cell (q, m) is the disjoint union of its *roots*: for q = m the one box in which every free position may
hold any token <= m; for q < m, and p = 0 … K-2, the box in which p holds m and the positions before p hold smaller
tokens (p is the first to hold m). An output x whose upper end is negative on every root never wins in the cell (it
is *inactive*); an output whose lower end is >= 0 on every root wins or ties on all of it.

Proof.  The sum is separable, so its extremes over a product of sets are the sums of the extremes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ...engine.formula import At, ForAll, Max, Members, Min, Num, Range, Sequences, Total, Var
from ...engine.rule import Lemma
from .margin_enclosure import CellTable, MarginEnclosure

_p, _t, _a = Var("p"), Var("t"), Var("a")
_positions = Range(Num(0), Var("K"))
_chosen = Total(_p, _positions, At("D", _p, At("t", _p, subscript=True)))
_allowed = Members(At("T", _p, subscript=True))

BOX = Lemma(
    label="box-extremes",
    title="The extremes of a separable sum over a box",
    given="For all tables $D(p, t)$ of reals and all finite non-empty sets of tokens $T_0, \\dots, T_{K-1}$:",
    statement=ForAll(
        _t,
        Sequences("T", Var("K")),
        (Total(_p, _positions, Min(_a, _allowed, At("D", _p, _a))) <= _chosen)
        & (_chosen <= Total(_p, _positions, Max(_a, _allowed, At("D", _p, _a)))),
    ),
    proof=(
        "Each term $D(p, t_p)$ lies between the least and the largest value over $T_p$, and sums keep the order. "
        "Both ends are attained, since the positions may be chosen independently: the test is exact for a box, not "
        "only sound."
    ),
    source="a sum with one term a position is largest where every term is",
)


class Cell:
    """One cell (q, m) of the inputs with the enclosures of its margins."""

    def __init__(self, enclosure: MarginEnclosure, q: int, m: int) -> None:
        self.q, self.m, self.free_positions = q, m, enclosure.n_ctx - 1
        self._enclosure = enclosure

    @cached_property
    def table(self) -> CellTable:
        return self._enclosure.cell(self.q, self.m)

    @cached_property
    def active(self) -> list[int]:
        """The outputs x != m whose maximum over the cell is not known to be negative, ascending."""
        known = self._enclosure.active
        if (self.q, self.m) not in known:
            upper = self._root_bounds(self.table.base.upper, self.table.free.upper, np.max)
            known[self.q, self.m] = [int(x) for x in np.flatnonzero((upper >= 0).any(axis=0)) if x != self.m]
        return known[self.q, self.m]

    def wins_everywhere(self) -> list[int]:
        """The outputs that are shown at least as large as m on every sequence of the cell, ascending."""
        lower = self._root_bounds(self.table.base.lower, self.table.free.lower, np.min)
        return [x for x in self.active if (lower[:, x] >= 0).all()]

    def _root_bounds(self, base: np.ndarray, table: np.ndarray, extreme: Callable[..., np.ndarray]) -> np.ndarray:
        """Bounds of Σ_p D over each root, (number of roots) × V; the cell must not be empty."""
        return root_bounds(self.q, self.m, base, table, extreme)


def root_bounds(q: int, m: int, base: np.ndarray, table: np.ndarray, extreme: Callable[..., np.ndarray]) -> np.ndarray:
    """Sums over the positions, each with its extreme, over each root of the cell: (number of roots) × V."""
    everything = extreme(table, axis=1)
    if q == m:
        return (base + everything.sum(axis=0))[None, :]
    without = extreme(table[:, :m, :], axis=1)
    before = np.cumsum(without, axis=0) - without
    after = everything.sum(axis=0) - np.cumsum(everything, axis=0)
    return base + table[:, m] + before + after
