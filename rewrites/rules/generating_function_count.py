"""Counting wrong sequences by truncated polynomial products: a two-sided count in one pass.

Theorem.  Fix a cell (q, m) and x != m.  Let D⁻ <= D <= D⁺ be enclosures of D = D_{q,m,x} and h > 0, and put

    k⁺(p,t) = ⌈D⁺(p,t)/h⌉,    k⁻(p,t) = ⌊D⁻(p,t)/h⌋    for the free positions p < K-1,    b± = ⌊D±(K-1,q)/h⌋.

For every sequence: if Σ_p D >= 0 then Σ_{p<K-1} k⁺(p,t_p) + b⁺ >= 0; and if Σ_{p<K-1} k⁻(p,t_p) + b⁻ >= 0 then
Σ_p D >= 0.  So the number N_x of the cell's sequences on which x is at least as large as m lies between
N⁻_x = #{Σ k⁻ + b⁻ >= 0} and N⁺_x = #{Σ k⁺ + b⁺ >= 0}, and the number of wrong sequences between max_x N⁻_x and
min(cell size, Σ_x N⁺_x) over the x whose maximum over the cell is not known to be negative.

Proof.  If Σ_p D >= 0 then Σ_{p<K-1} k⁺ >= -D⁺(K-1,q)/h, and an integer at least a number is at least its ceiling,
-b⁺.  Conversely Σ k⁻ >= -b⁻ >= -D⁻(K-1,q)/h gives Σ_p D⁻ >= 0.  A sequence is wrong if and only if some x wins; x with
a negative maximum never does; the union bound and a single x bound the number of wrong ones.

Steps are powers of two, so that any enclosures are rounded to one grid: tighter ones give N⁺ no larger and N⁻ no
smaller.  With costs M_p - k(p,t), M_p the largest of their row, the numbers #{Σ cost <= B} are coefficient sums of
Π_p Σ_t z^{cost(p,t)}; for q < m the product over t < m (sequences without m) is subtracted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpz, fmpz_poly
from sympy import Symbol

from ...engine.cost import Cost
from ...engine.formula import (
    At,
    Ceiling,
    Count,
    Exists,
    Floor,
    ForAll,
    Max,
    Num,
    Range,
    Sequences,
    Total,
    Var,
)
from ...engine.ledger import Ledger
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST, AdditiveMargin
from .box_extremes import BOX, Cell
from .margin_enclosure import CellTable
from .notions import CELL
from .parts import cells
from .path_decomposition import K, V
from .right_count import RightCount

# A triple asks for this many bits of coefficients at most; the checker grants as many.
SERIES_BITS = 1 << 26

_p, _t, _h = Var("p"), Var("t"), Var("\\delta")
_positions = Range(Num(0), Var("K"))
_token = At("t", _p, subscript=True)
_above = At("D^{+}", _p, _token)
_below = At("D^{-}", _p, _token)
_sum = Total(_p, _positions, At("D", _p, _token)) + Var("\\beta")
_up = Total(_p, _positions, Ceiling(_above.over(_h))) + Floor(Var("\\beta^{+}").over(_h))
_down = Total(_p, _positions, Floor(_below.over(_h))) + Floor(Var("\\beta^{-}").over(_h))

STEPS = Lemma(
    label="grid-steps",
    title="Counting wins on a grid, from both sides",
    given=(
        "For all reals $D^{-}(p,t) \\le D(p,t) \\le D^{+}(p,t)$ and $\\beta^{-} \\le \\beta \\le \\beta^{+}$ (the "
        "query's own term), finite sets $T_p$ of tokens and all $\\delta > 0$:"
    ),
    statement=ForAll(
        _t,
        Sequences("T", Var("K")),
        (_sum >= Num(0)).implies(_up >= Num(0)) & (_down >= Num(0)).implies(_sum >= Num(0)),
    ),
    proof=(
        "If $\\sum_p D + \\beta \\ge 0$ then $\\sum_p \\lceil D^{+}/\\delta \\rceil \\ge \\sum_p D/\\delta \\ge "
        "-\\beta^{+}/\\delta$; the left side is an integer, hence at least $-\\lfloor \\beta^{+}/\\delta \\rfloor$. "
        "Conversely, if $\\sum_p \\lfloor D^{-}/\\delta \\rfloor \\ge -\\lfloor \\beta^{-}/\\delta \\rfloor \\ge "
        "-\\beta^{-}/\\delta$, then $\\sum_p D + \\beta \\ge \\sum_p D^{-} + \\beta^{-} \\ge 0$. The sequences with "
        "$\\sum_p c(p, t_p) \\le B$ for integers $c \\ge 0$, here what their row's largest rounded entry exceeds "
        "them by, are counted by the coefficients of degree at most $B$ of the polynomial $\\prod_p \\sum_t "
        "z^{c(p,t)}$ in $z$. A sequence "
        "is wrong if and only if some output $x \\ne m$ wins or ties, so the wrong sequences of a cell number at "
        "least the largest lower count over $x$ and at most the sum of the upper counts."
    ),
    source="rounding in one direction, and generating functions",
)


_x, _s = Var("x"), Var("s")
_outputs, _sequences = Range(Num(0), Var("V")), Range(Num(0), Var("N"))
_wins = Count(_s, _sequences, At("S", _x, _s) >= Num(0))
_wrong = Count(_s, _sequences, Exists(_x, _outputs, At("S", _x, _s) >= Num(0)))

UNION = Lemma(
    label="union-of-wins",
    title="Wrong sequences from wins of single outputs",
    given="For every table $S(x, s)$ of reals over $V \\ge 1$ outputs $x$ and $N$ sequences $s$:",
    statement=(Max(_x, _outputs, _wins) <= _wrong) & (_wrong <= Total(_x, _outputs, _wins)),
    proof=(
        "A sequence on which one output wins is counted in the middle, so each single count is at most the middle one; "
        "and a sequence in the middle is counted for at least one output on the right."
    ),
    source="the union bound",
)


@dataclass(frozen=True)
class Triple:
    """Advice for one (q, m, x): the step 2^exponent."""

    q: int
    m: int
    x: int
    exponent: int


@dataclass(frozen=True)
class Triples:
    """Advice: triples sorted by (m, q, x), of active x only; an active x without one counts as winning everywhere or
    nowhere."""

    triples: tuple[Triple, ...]


LEDGER = (
    "Each row is an output $x$ that may reach the logit of $m$ somewhere in the cell $(q, m)$, with the least and the "
    "most "
    "sequences of the cell on which it does, as counted. The wrong sequences of a cell are at least the largest "
    "number in "
    "the column at least, and at most the sum of the column at most, and no more than the cell has; the others are "
    "right. "
    "A cell without a row is right throughout."
)


class GeneratingFunctionCount(Rule):
    """Advice: :class:`Triples`; wrong or missing ones only widen the result, or are refused."""

    name = "generating_function_count"
    version = 2
    certifiable = True
    premises = (AdditiveMargin,)
    lemmas = (BOX, STEPS, UNION)
    notions = (CELL,)
    derivation = (
        "Let $x \\ne m$ be an output whose $\\sum_p D_{q,m,x}(p, t_p)$ is not negative throughout the cell "
        "$(q, m)$ by [@box-extremes]. [@grid-steps] with $D = D_{q,m,x}$ at the free positions, $\\beta = "
        "D_{q,m,x}(K-1, q)$ and $K - 1$ for $K$ counts the sequences of the cell on which this sum is at "
        "least 0, from enclosures $D^{-}(p, t) \\le D(p, t) \\le D^{+}(p, t)$ and $\\beta^{-} \\le \\beta \\le "
        "\\beta^{+}$: "
        "their number lies between $L_x$, that of the sequences with $\\sum_p "
        "\\lfloor D^{-}(p, t_p)/\\delta \\rfloor + \\lfloor \\beta^{-}/\\delta \\rfloor \\ge 0$, and $U_x$, "
        "that with $\\sum_p \\lceil D^{+}(p, t_p)/\\delta \\rceil + \\lfloor \\beta^{+}/\\delta \\rfloor \\ge "
        "0$, with the step $\\delta$ that the certificate gives for $x$ (where $q < m$ the sequences without the token "
        "$m$ are counted in the same way, and taken away). By [@union-of-wins] "
        "the number of wrong sequences of the cell is at least $$\\max_x L_x \\quad \\text{and at most} "
        "\\quad \\sum_x U_x,$$ and never more than the cell has."
    )
    cost = MARGIN_COST + Cost(
        multiply=V**3 * (V + 1) * K / 2
        + Symbol("n", positive=True, integer=True) * K * Symbol("G", positive=True) ** 2,
        add=V**3 * (V + 1) * K,
        compare=V**3 * (V + 1) * K / 2,
    )

    def conclude(self, premises: Sequence[Any], advice: Triples) -> RightCount:
        (margin,) = premises
        layer = one_layer_of(margin.statement)
        triples: dict[tuple[int, int], list[Triple]] = {}
        places = [(triple.m, triple.q, triple.x) for triple in advice.triples]
        if places != sorted(set(places)):
            raise NotEstablished(self.tag, "the triples are not sorted by (m, q, x), each once")
        for triple in advice.triples:
            triples.setdefault((triple.q, triple.m), []).append(triple)
        right, wrong = {}, {}
        for q, m in layer.cells():
            size = layer.cell_size(q, m)
            right[q, m], wrong[q, m] = 0, 0
            if size:
                cell = Cell(margin.enclosure, q, m)
                most, least = self._cell(cell, triples.pop((q, m), []), size)
                right[q, m], wrong[q, m] = size - most, least
        if triples:
            raise NotEstablished(self.tag, f"there is no cell {next(iter(triples))}")
        return RightCount(cells(margin.statement), right, wrong)

    def ledger(self, premises: Sequence[Any], advice: Triples) -> Ledger:
        (margin,) = premises
        layer = one_layer_of(margin.statement)
        rows: list[tuple[int | str, ...]] = []
        for q, m in layer.cells():
            if size := layer.cell_size(q, m):
                cell = Cell(margin.enclosure, q, m)
                triples = [triple for triple in advice.triples if (triple.q, triple.m) == (q, m)]
                counted = {t.x: count_wins(cell.table, t, must_hold=q < m) for t in triples}
                rows += [(q, m, x, *counted.get(x, (0, size))) for x in cell.active]
        return Ledger("count.csv", ("q", "m", "x", "at least", "at most"), tuple(rows), LEDGER)

    def encode(self, advice: Triples) -> dict[str, Any]:
        return {"triples": [[t.q, t.m, t.x, t.exponent] for t in advice.triples]}

    def _cell(self, cell: Cell, triples: Sequence[Triple], size: int) -> tuple[int, int]:
        """At most and at least how many of the cell's sequences are wrong."""
        idle = [triple.x for triple in triples if triple.x not in cell.active]
        if idle:
            raise NotEstablished(
                self.tag, f"cell q = {cell.q}, m = {cell.m}: {idle[0]} is not an output that may win there"
            )
        counted = {triple.x: count_wins(cell.table, triple, must_hold=cell.q < cell.m) for triple in triples}
        bounds = [counted.get(x, (0, size)) for x in cell.active]
        return min(size, sum(high for _, high in bounds)), max((low for low, _ in bounds), default=0)


def count_wins(table: CellTable, triple: Triple, *, must_hold: bool) -> tuple[int, int]:
    """(N⁻, N⁺) for one triple; with ``must_hold`` only sequences that hold the token m count."""
    counts = []
    for costs, budget in on_grid(table, triple):
        if budget >= 0 and (budget + 1) * (costs.shape[1] ** len(costs)).bit_length() > SERIES_BITS:
            raise _refused(triple, f"asks for {budget} grid steps, too many to multiply out")
        counts.append(_at_most(costs, budget, must_hold))
    return counts[0], counts[1]


def on_grid(table: CellTable, triple: Triple) -> list[tuple[np.ndarray, int]]:
    """The costs M_p - k(p, t) and the budget Σ_p M_p + b, of the lower ends and of the upper ones."""
    shift = triple.exponent - table.unit
    if not 0 <= shift < 63:
        raise _refused(triple, "has a step that is not on the table's grid")
    free, base = table.free[:, :, triple.x], table.base[triple.x]
    found = []
    for steps, last in ((free.lower >> shift, base.lower >> shift), (-(-free.upper >> shift), base.upper >> shift)):
        tops = steps.max(axis=1)
        found.append((tops[:, None] - steps, sum(map(int, tops)) + int(last)))
    return found


def _refused(triple: Triple, reason: str) -> NotEstablished:
    return NotEstablished(GeneratingFunctionCount.name, f"triple {triple.q, triple.m, triple.x} {reason}")


def _at_most(costs: np.ndarray, budget: int, must_hold: bool) -> int:
    """#{t : Σ_p costs[p, t_p] <= budget}; the last column is the token m, which must occur if ``must_hold``."""
    if budget < 0:
        return 0
    everything = _coefficient_sum(costs, budget)
    return everything - _coefficient_sum(costs[:, :-1], budget) if must_hold else everything


def _coefficient_sum(steps: np.ndarray, budget: int) -> int:
    """The same without the condition: Π_p Σ_t z^{steps[p,t]} up to degree ``budget``, its coefficients added up.

    The last position is not multiplied out: each of its tokens takes a partial sum of the product of the others.
    """
    product = fmpz_poly([1])
    for row in steps[:-1]:
        kept = row[row <= budget]
        factor = fmpz_poly(np.bincount(kept).tolist() if kept.size else [0])
        product = fmpz_poly((product * factor).coeffs()[: budget + 1])
    sums = list(itertools.accumulate(product.coeffs(), initial=fmpz(0)))
    last = steps[-1][steps[-1] <= budget] if len(steps) else np.zeros(1, dtype=np.int64)
    return int(sum((sums[min(budget - k + 1, len(sums) - 1)] for k in last.tolist()), fmpz(0)))
