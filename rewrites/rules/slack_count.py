"""Counting the sequences that are right with room to spare.

Theorem.  With the softmax weights α_p = w_p / Σ_j w_j of positive numbers w_p, for every γ

    logit_x < logit_m - γ   if and only if   Σ_p w_p (λ_p(x) - λ_p(m) + γ) < 0.

So the tables D of :mod:`.additive_margin`, with γ w added to each entry, decide as they do without it: a box is right
with slack γ when the sums of their largest entries are negative for every x != m.

The slack γ may differ from cell to cell.  It is rounded up to the enclosures' grid, and the weights are enclosed, so
what lies close to the slack is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Symbol

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.interval import IntervalTable, times_nonnegative
from ...engine.arithmetic.printing import count_str
from ...engine.certificate import hex_integer
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.digest import digest, tensor_digest
from ...engine.errors import MagnitudeError
from ...engine.formula import At, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.one_layer import one_layer_of
from ...models.statement import Statement
from .additive_margin import MARGIN_COST, AdditiveMargin
from .box_extremes import BOX
from .margin_enclosure import MarginEnclosure
from .notions import NODE
from .parts import Part, Parts, cells
from .path_decomposition import K, V
from .token_order_tree import PARTITION, BoxTree, Node, TreeReader, require, token_digits, token_order

_p, _j = Var("p"), Var("j")
_positions = Range(Num(0), Var("K"))


def _logit(token: str) -> Total:
    share = At("w", _p, subscript=True).over(Total(_j, _positions, At("w", _j, subscript=True)))
    return Total(_p, _positions, share * At("\\lambda", _p, Var(token)))


SLACK = Lemma(
    label="margin-with-slack",
    title="A logit difference below a number, as a sum over positions",
    given=(
        "For all reals $w_0, \\dots, w_{K-1} > 0$ ($K \\ge 1$), $\\gamma$ and $\\lambda(p, x)$ and all tokens $x$, $m$:"
    ),
    statement=(_logit("x") < _logit("m") - Var("\\gamma")).iff(
        Total(
            _p,
            _positions,
            At("w", _p, subscript=True)
            * (At("\\lambda", _p, Var("x")) - At("\\lambda", _p, Var("m")) + Var("\\gamma")),
        )
        < Num(0)
    ),
    proof=(
        "Both logits have the denominator $W = \\sum_j w_j > 0$. Multiplying by $W = \\sum_p w_p$ keeps the order, and "
        "turns $\\gamma$ into $\\sum_p w_p \\gamma$."
    ),
    source="a softmax with its denominator multiplied out",
)


@dataclass(frozen=True, eq=False)
class SlackAdvice:
    """``slack[q, m]`` >= 0 for every cell (V × V), and a tree: one symbol a node, S split, R right, U given up."""

    slack: DyadicMatrix
    symbols: str


@dataclass(frozen=True)
class SlackCount(Claim):
    """In every cell at least ``right[q, m]`` sequences have logit_x < logit_m - slack[q, m] for all x != m."""

    partition: Parts
    slack: DyadicMatrix
    right: Mapping[Part, int]

    kind = "slack_count"

    @property
    def statement(self) -> Statement:
        """What it is about."""
        return self.partition.statement

    @property
    def low(self) -> int:
        """At least so many sequences are right with their cell's slack."""
        return sum(self.right.values())

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, "right_low": hex_integer(self.low), "slack": tensor_digest(self.slack)}

    def identity(self) -> str:
        numbers = self.partition.listed(self.right)
        return digest([self.statement.sha256, tensor_digest(self.slack), numbers])

    def sentence(self) -> str:
        shown = count_str(self.low, self.statement.inputs)
        return f"On at least {shown} sequences the largest token's logit leads by more than the slack of its cell."


class SlackCell:
    """One cell with its slack: the nodes of its tree, and whether all of a node is right with the slack."""

    def __init__(self, enclosure: MarginEnclosure, q: int, m: int, slack: DyadicMatrix) -> None:
        self.q, self.m = q, m
        self._enclosure, self._slack = enclosure, slack

    @cached_property
    def tree(self) -> BoxTree:
        table, weights = self._enclosure.cell(self.q, self.m), self._enclosure.attention(self.q, self.m)
        steps = np.full(1, self._steps, dtype=np.int64)
        free, base = raised(table.free, weights.free, steps), raised(table.base, weights.base, steps)
        if self._enclosure.n_ctx * max(free.magnitude(), base.magnitude()) >= 1 << 62:
            raise MagnitudeError("a sum of margins with slack over the positions", "62 bits")
        order = token_order(self._enclosure, self.q, self.m)
        kept = self._possible(base, free)
        return BoxTree(self.q, self.m, order, base[kept], free[:, list(order), :][:, :, kept])

    @cached_property
    def _steps(self) -> int:
        """The slack in units of the logits' grid, rounded up, and cut where no sequence of the cell can have it."""
        table = self._enclosure.attention(self.q, self.m)
        shift = self._slack.exponent - table.exponent
        numerator = int(self._slack.numerators[self.q, self.m])
        steps = numerator << shift if shift >= 0 else -(-numerator >> -shift)
        # With this slack every sum over a box has a positive upper bound, so none is right with it or with more.
        return min(steps, 1 - int(table.least.min()))

    def _possible(self, base: IntervalTable, free: IntervalTable) -> list[int]:
        """The outputs x != m whose sum is not negative on all of the cell."""
        upper = base.upper + free.upper.max(axis=1).sum(axis=0)
        return [x for x in np.flatnonzero(upper >= 0).tolist() if x != self.m]

    def is_right(self, node: Node) -> bool:
        return bool((self.tree.fields(node.upper) < 0).all())

    def is_hopeless(self, node: Node) -> bool:
        """Whether some sum is nowhere negative: for a search; no conclusion rests on it."""
        return bool((self.tree.fields(node.lower) >= 0).any())


def raised(table: IntervalTable, weight: IntervalTable, steps: np.ndarray) -> IntervalTable:
    """Entries of the table, the last axis by output, plus steps (by output, or one for all) times their weights."""
    more = times_nonnegative(weight[..., None], IntervalTable(steps, steps))
    if more.magnitude() + table.magnitude() >= 1 << 62:
        raise MagnitudeError("a margin with slack", "62 bits")
    return IntervalTable(table.lower + more.lower, table.upper + more.upper)


class SlackTree(Rule):
    """From the margin.  Advice: :class:`SlackAdvice`.  A false R refuses the whole tree."""

    name = "slack_tree"
    premises = (AdditiveMargin,)
    lemmas = (SLACK, BOX, PARTITION)
    notions = (NODE,)
    derivation = (
        "[@margin-with-slack] for every $x \\ne m$, with the slack $\\gamma$ of the cell $(q, m)$, which the proof "
        "chooses. Every cell "
        "is parted along a tree of nodes, whose leaves partition it by [@token-order-partition]; by [@box-extremes] "
        "every "
        "sequence of a leaf is right with the slack when the sum over $p$ of the largest $D_{q,m,x}(p, t) + "
        "\\gamma\\,w_q(p, t)$ "
        "over the tokens $t$ that position $p$ may hold is negative for every $x \\ne m$."
    )
    cost = MARGIN_COST + Cost(
        multiply=V**3 * (V + 1) * K,
        add=V**3 * (V + 1) * K + 2 * V * Symbol("n", positive=True, integer=True),
        compare=V**3 * (V + 1) * K + V * Symbol("n", positive=True, integer=True),
    )

    def conclude(self, premises: Sequence[Any], advice: SlackAdvice) -> SlackCount:
        (margin,) = premises
        statement = margin.paths.statement
        layer = one_layer_of(statement)
        if advice.slack.shape != (layer.d_vocab, layer.d_vocab):
            raise NotEstablished(self.tag, f"the slacks are a table of shape {advice.slack.shape}")
        if any(entry < 0 for entry in advice.slack.numerators.entries()):
            raise NotEstablished(self.tag, "a slack is negative")
        reader = TreeReader(advice.symbols, token_digits(layer.d_vocab), self.name)
        right = dict.fromkeys(layer.cells(), 0)
        for q, m in right:
            if layer.cell_size(q, m):
                right[q, m] = self._count(SlackCell(margin.enclosure, q, m, advice.slack), reader)
        reader.finish()
        return SlackCount(cells(statement), advice.slack, right)

    def _count(self, cell: SlackCell, reader: TreeReader) -> int:
        right, stack = 0, cell.tree.roots()[::-1]
        while stack:
            node = cell.tree.settled(stack.pop())
            if node is None:
                continue
            match reader.symbol():
                case "S":
                    require(self, bool(node.positions), cell, "a single sequence cannot be split")
                    stack.extend(reversed(cell.tree.split(node)))
                case "R":
                    require(self, cell.is_right(node), cell, "a node is not shown right with the slack")
                    right += cell.tree.size(node)
                case "W":
                    require(self, False, cell, "a node is marked W")
        return right
