"""The loss of every sequence of a box, bounded on the leaves of a tree over tokens.

Theorem.  Let Δ_x = logit_x - logit_m, R_x = Σ_p D_{q,m,x}(p, t_p) and W = Σ_p w_q(p, t_p), so that Δ_x = R_x/W.  On a
box of sequences R_x and W are separable sums, which lie between the sums of their extremes; hence Δ_x lies between the
quotients of those sums, and also between the least and the largest logit difference of the cell.  The loss is
log(1 + Σ_{x≠m} exp Δ_x), increasing in every Δ_x.  The leaves of a tree partition the inputs, so the losses add up to
at least Σ size·(lower bound) and at most Σ size·(upper bound).

Rounding.  Bounds of Δ_x go outward to multiples of 2^-GRID_BITS, the only points where exp is taken; exp Δ for Δ below
-FLOOR is bounded by 0 and exp(-FLOOR).  With Δ* = max(0, max_x Δ_x) the logarithm is Δ* + log(exp(-Δ*) + Σ exp(Δ_x -
Δ*)), so that no exponential is large.  Each leaf's bounds leave ROOM to spare for checkers that round otherwise.

Nothing in the tree needs trust: any tree, with any order, gives true bounds; more leaves give narrower ones.

The tree is that of :mod:`.token_order_tree`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sympy import Symbol

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.interval import IntervalTable
from ...engine.cost import Cost
from ...engine.formula import At, ForAll, Max, Min, Num, Range, Total, Var, Where
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from .additive_margin import MARGIN_COST
from .box_extremes import BOX
from .loss import UNIT_BITS, LossSum
from .margin_enclosure import MarginEnclosure
from .notions import MARGIN_TERMS, NODE
from .parts import cells
from .path_decomposition import K, Paths, V
from .token_order_tree import ORDER, PARTITION, BoxTree, Node, TreeReader, token_digits, token_order

GRID_BITS = 12
FLOOR = 64 << GRID_BITS
ROOM = 1 << 28  # units of 2^-UNIT_BITS
WORKING_BITS = 2 * UNIT_BITS
LOW, HIGH = 0, 1

_p, _j, _x, _i, _s = Var("p"), Var("j"), Var("x"), Var("i"), Var("s")
_positions = Range(Num(0), Var("K"))
_w = At("w", _p, subscript=True)
_alpha = _w.over(Total(_j, _positions, At("w", _j, subscript=True)))
_difference = At("\\lambda", _p, _x) - At("\\lambda", _p, Var("m"))
_logits = Total(_p, _positions, _alpha * At("\\lambda", _p, _x)) - Total(
    _p, _positions, _alpha * At("\\lambda", _p, Var("m"))
)
_quotient = Total(_p, _positions, _w * _difference).over(Total(_p, _positions, _w))

DIFFERENCE = Lemma(
    label="logit-difference",
    title="A logit difference is a quotient of two separable sums",
    given="For all reals $w_0, \\dots, w_{K-1} > 0$ ($K \\ge 1$) and $\\lambda(p, x)$ and all tokens $x$, $m$:",
    statement=_logits.equals(_quotient)
    & (Min(_p, _positions, _difference) <= _quotient)
    & (_quotient <= Max(_p, _positions, _difference)),
    proof=(
        "Both logits have the denominator $\\sum_j w_j > 0$; the difference of the numerators is the sum on top of the "
        "quotient. It is a mean of the differences with positive weights, so it lies between their extremes."
    ),
    source="a softmax with its denominator multiplied out, and a weighted mean",
)

_ends = Range(Num(0), Num(2))
_sides = At("W", _i, subscript=True)

QUOTIENT = Lemma(
    label="quotient-bounds",
    title="Bounds of a quotient",
    given="For all reals $R^{-} \\le R \\le R^{+}$ and $0 < W_0 \\le W \\le W_1$:",
    statement=(Min(_i, _ends, Var("R^{-}").over(_sides)) <= Var("R").over(Var("W")))
    & (Var("R").over(Var("W")) <= Max(_i, _ends, Var("R^{+}").over(_sides))),
    proof=(
        "$R/W \\le R^{+}/W$ because $W > 0$. As $1/W$ lies between $1/W_1$ and $1/W_0$, the right side is at most "
        "$R^{+}/W_0$ when $R^{+} \\ge 0$, and at most $R^{+}/W_1$ when $R^{+} < 0$. The lower bound is the upper bound "
        "of $-R/W$."
    ),
    source="mechproof",
)

_outputs = Range(Num(0), Var("V"))
_others = Where(_outputs, _x.differs(Var("m")), _x)
_e, _em = At("e", _x, subscript=True), At("e", Var("m"), subscript=True)
_inverse = Num(1).over(_em.over(Total(_x, _outputs, _e)))

CROSS_ENTROPY = Lemma(
    label="cross-entropy",
    title="The loss increases with every logit difference",
    given="For all reals $e_0, \\dots, e_{V-1} > 0$, all tables $a(x)$, $b(x)$ of reals and every token $m$:",
    statement=ForAll(_x, _others, (At("a", _x) <= _e.over(_em)) & (_e.over(_em) <= At("b", _x))).implies(
        (Num(1) + Total(_x, _others, At("a", _x)) <= _inverse) & (_inverse <= Num(1) + Total(_x, _others, At("b", _x)))
    ),
    proof=(
        "$\\sum_x e_x$ over $e_m$ is $1 + \\sum_{x \\ne m} e_x/e_m$, and sums keep the order. With $e_x = "
        "\\exp(\\mathrm{logit}_x)$ the fraction $e_m/\\sum_x e_x$ is $\\mathrm{softmax}(\\mathrm{logits})_m$ and "
        "$e_x/e_m = \\exp(\\mathrm{logit}_x - \\mathrm{logit}_m)$. Exponential and logarithm increase, so bounds of "
        "the logit differences give bounds of $-\\log \\mathrm{softmax}(\\mathrm{logits})_m$."
    ),
    source="softmax",
)

_parts = Range(Num(0), Var("J"))
_members = Range(Num(0), At("n", _j, subscript=True))
_c = At("c", _j, _s)
_sum = Total(_j, _parts, Total(_s, _members, _c))

MEAN = Lemma(
    label="sum-over-parts",
    title="A sum from bounds on parts",
    given="For $J$ parts of $n_0, \\dots, n_{J-1}$ members, all tables $c(j, s)$ of reals and all reals $l_j$, $u_j$:",
    statement=ForAll(
        _j, _parts, ForAll(_s, _members, (At("l", _j, subscript=True) <= _c) & (_c <= At("u", _j, subscript=True)))
    ).implies(
        (Total(_j, _parts, At("n", _j, subscript=True) * At("l", _j, subscript=True)) <= _sum)
        & (_sum <= Total(_j, _parts, At("n", _j, subscript=True) * At("u", _j, subscript=True)))
    ),
    proof="Add the inequalities of all members of all parts.",
    source="mechproof",
)


@dataclass(frozen=True)
class Shape:
    """Advice: one symbol a node, all cells in order: S is split, U is a leaf (docs/certificate.md §8)."""

    symbols: str


class LossCell:
    """One cell (q, m): its boxes, and bounds of the loss on each."""

    def __init__(self, enclosure: MarginEnclosure, q: int, m: int) -> None:
        outputs = [x for x in range(enclosure.d_vocab) if x != m]
        order = list(token_order(enclosure, q, m))
        table, attention = enclosure.cell(q, m), enclosure.attention(q, m)
        base = _joined(table.base[outputs], attention.base[None])
        free = _joined(table.free[:, order][:, :, outputs], attention.free[:, order][:, :, None])
        self.tree = BoxTree(q, m, order, base, free)
        self.exponent = attention.exponent
        self.least, self.largest = attention.least[outputs], attention.largest[outputs]
        # a quotient in steps of 2^-GRID_BITS is (numerator << up)//(denominator << down)
        self._up, self._down = max(GRID_BITS + self.exponent, 0), max(-GRID_BITS - self.exponent, 0)
        self._limits = [(v << self._up) >> self._down for v in self.least.tolist()]
        self._negative_limits = [(-v << self._up) >> self._down for v in self.largest.tolist()]

    def boxes(self) -> list[Node]:
        """The roots that hold sequences."""
        return [node for root in self.tree.roots() if (node := self.tree.settled(root)) is not None]

    def bounds(self, node: Node) -> tuple[int, int]:
        """Bounds of the loss on every sequence of the node, in units of 2^-UNIT_BITS."""
        *upper, heaviest = self.tree.fields(node.upper).tolist()
        *lower, lightest = self.tree.fields(node.lower).tolist()
        weights = heaviest << self._down, lightest << self._down
        below = self._below(lower, *weights, self._limits)
        above = self._below([-total for total in upper], *weights, self._negative_limits)
        return cross_entropy(below, LOW), cross_entropy([-steps for steps in above], HIGH)

    def _below(self, sums: Sequence[int], heaviest: int, lightest: int, limits: Sequence[int]) -> list[int]:
        """Lower bounds of the quotients in steps, each at least its limit; a weight that may be zero bounds nothing."""
        return [
            max(limit, (total << self._up) // (heaviest if total >= 0 else lightest))
            if total >= 0 or lightest > 0
            else limit
            for total, limit in zip(sums, limits, strict=True)
        ]


def _joined(a: IntervalTable, b: IntervalTable) -> IntervalTable:
    """Side by side along the last axis."""
    return IntervalTable(np.concatenate([a.lower, b.lower], axis=-1), np.concatenate([a.upper, b.upper], axis=-1))


def cross_entropy(differences: Sequence[int], side: int) -> int:
    """A bound (LOW or HIGH) of log(1 + Σ exp(Δ_x)) in units of 2^-UNIT_BITS, for Δ_x in steps of 2^-GRID_BITS.

    Exactly zero without any Δ; otherwise with ROOM to spare.

    >>> low, high = cross_entropy([0], LOW), cross_entropy([0], HIGH)  # log 2
    >>> low * 10**12 >> UNIT_BITS, high * 10**12 >> UNIT_BITS, high - low < 3 * ROOM
    (693147180559, 693147180559, True)
    """
    if not differences:
        return 0
    top = max(0, *differences)
    total = _exponential(-top)[side] + sum([_exponential(steps - top)[side] for steps in differences])
    shift = top << UNIT_BITS - GRID_BITS
    with precision(WORKING_BITS):
        logarithm = Ball.dyadic(total, -UNIT_BITS).log()
        if side == LOW:
            return max(0, shift + _floored(*logarithm.floor_mantissa(WORKING_BITS)) - ROOM)
        return shift + _ceiled(*logarithm.ceil_mantissa(WORKING_BITS)) + ROOM


@cache
def _exponential(steps: int) -> tuple[int, int]:
    """Bounds of exp(steps·2^-GRID_BITS) for steps <= 0, in units of 2^-UNIT_BITS."""
    if steps < -FLOOR:
        return 0, _exponential(-FLOOR)[1]
    with precision(WORKING_BITS):
        power = Ball.dyadic(steps, -GRID_BITS).exp()
        low, high = power.floor_mantissa(WORKING_BITS), power.ceil_mantissa(WORKING_BITS)
    return _floored(*low), _ceiled(*high)


def _floored(numerator: int, exponent: int) -> int:
    """numerator·2^exponent in units of 2^-UNIT_BITS, rounded down."""
    shift = exponent + UNIT_BITS
    return numerator << shift if shift >= 0 else numerator >> -shift


def _ceiled(numerator: int, exponent: int) -> int:
    """The same rounded up."""
    return -_floored(-numerator, exponent)


class LossTree(Rule):
    """Advice: a :class:`Shape`."""

    name = "loss_tree"
    certifiable = True
    premises = (Paths,)
    lemmas = (DIFFERENCE, BOX, QUOTIENT, CROSS_ENTROPY, PARTITION, MEAN)
    notions = (MARGIN_TERMS, NODE)
    derivation = (
        "Every cell is parted along a tree of nodes, whose leaves partition it by [@token-order-partition]. "
        "By [@logit-difference] with $w_p = w_q(p, t_p)$, every logit difference $\\mathrm{logit}_x - "
        "\\mathrm{logit}_m$ is a quotient $R_x/W$ of the sums $R_x = \\sum_p D_{q,m,x}(p, t_p)$ and $W = "
        "\\sum_p w_q(p, t_p)$. On a leaf, where position $p$ may hold the tokens $T_p$, [@box-extremes] says "
        "that $$R^{-}_x = \\sum_{0 \\le p < K} \\min_{t \\in T_p} D_{q,m,x}(p,t) \\le R_x \\le R^{+}_x = "
        "\\sum_{0 \\le p < K} \\max_{t \\in T_p} D_{q,m,x}(p,t)$$ and that $W$ lies between $W_0$ and $W_1$, "
        "the same sums for $w_q$. By [@quotient-bounds] the differences lie between $$d^{-}_x = "
        "\\min(R^{-}_x/W_0, R^{-}_x/W_1), \\qquad d^{+}_x = \\max(R^{+}_x/W_0, "
        "R^{+}_x/W_1),$$ also between their extremes at single positions where these are nearer, and so by "
        "[@cross-entropy] the loss of every sequence of the leaf between $$\\log\\Bigl(1 + \\sum_{x \\ne m} "
        "e^{d^{-}_x}\\Bigr) \\quad \\text{and} \\quad \\log\\Bigl(1 + \\sum_{x \\ne m} e^{d^{+}_x}\\Bigr).$$ "
        "[@sum-over-parts] adds up the leaves. The certificate holds the shape of the tree, one symbol a "
        "node; any tree gives true bounds."
    )
    cost = MARGIN_COST + Cost(
        multiply=V**3 * (V + 1) / 2 * K + V * Symbol("n", positive=True, integer=True),
        add=V**3 * (V + 1) / 2 * K + 4 * V * Symbol("n", positive=True, integer=True),
        exp=2 * V * Symbol("n", positive=True, integer=True),
        compare=V**3 * (V + 1) * K,
    )

    def conclude(self, premises: Sequence[Any], advice: Shape) -> LossSum:
        (paths,) = premises
        layer, enclosure = one_layer_of(paths.statement), MarginEnclosure(paths)
        reader = TreeReader(advice.symbols, token_digits(layer.d_vocab), self.name)
        low, high = dict.fromkeys(layer.cells(), 0), dict.fromkeys(layer.cells(), 0)
        for q, m in low:
            if layer.cell_size(q, m):
                low[q, m], high[q, m] = self._cell(LossCell(enclosure, q, m), reader)
        reader.finish()
        return LossSum(cells(paths.statement), low, high)

    def encode(self, advice: Shape) -> dict[str, Any]:
        return {"order": ORDER, "tree": advice.symbols}

    def _cell(self, cell: LossCell, reader: TreeReader) -> tuple[int, int]:
        """Bounds of the sum of the losses of the cell's sequences."""
        low = high = 0
        split = self._is_split(reader)
        stack = cell.boxes()[::-1]
        while stack:
            node = cell.tree.settled(stack.pop())
            if node is None:
                continue
            if split and self._is_split(reader):
                if not node.positions:
                    raise NotEstablished(
                        self.tag, f"cell q = {cell.tree.q}, m = {cell.tree.m}: a single sequence is split"
                    )
                stack.extend(reversed(cell.tree.split(node)))
                continue
            size, bounds = cell.tree.size(node), cell.bounds(node)
            low, high = low + size * bounds[0], high + size * bounds[1]
        return low, high

    def _is_split(self, reader: TreeReader) -> bool:
        symbol = reader.symbol()
        if symbol not in ("S", "U"):
            raise NotEstablished(self.tag, f"a node is marked {symbol}, not S or U")
        return symbol == "S"
