"""Logits that are nearly a function of x⁻¹ z y⁻¹: how nearly, over all inputs and outputs.

Theorem.  On a group let v(x, y, z) be the logit of z less the mean of all logits of (x, y).  For g in the group let
F(g) be the middle between the least and the largest v(x, y, x g y) over all x, y, and half the largest such range r.
Then |v(x, y, z) - F(x⁻¹ z y⁻¹)| <= r for all x, y, z, and no other function of x⁻¹ z y⁻¹ comes nearer.

A network that multiplies has its largest F at the unit, since z = x y has x⁻¹ z y⁻¹ = 1.

Proof.  [@middle-of-a-range] for each g; each difference of two logits is right up to the grid's slack, and so is one of
a logit and their mean; the mean is rounded down.  ∎

Source: the symmetry that arXiv 2410.07476 explains these networks by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.arithmetic.integer_product import integer_product
from ...engine.arithmetic.printing import ceil_str, floor_str
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.formula import Absolute, At, ForAll, Num, Range, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from ...models.tasks.errors import TaskDoesNotFit
from ...models.tasks.group_tables import check_group
from .grid_network import GridNetwork

DIGITS = 4
_j, _low, _high = Var("j"), Var("a"), Var("b")
_inputs = Range(Num(0), Var("k"))
MIDDLE = Lemma(
    label="middle-of-a-range",
    title="Numbers in a range and its middle",
    given="For all reals $v_j$ with $j < k$ and $a$, $b$:",
    statement=ForAll(_j, _inputs, _low <= At("v", _j)).implies(
        ForAll(_j, _inputs, At("v", _j) <= _high).implies(
            ForAll(
                _j,
                _inputs,
                Absolute(At("v", _j) - (_low + _high).over(Num(2))) <= (_high - _low).over(Num(2)),
            )
        )
    ),
    proof="$a - (a + b)/2 = -(b - a)/2$ and $b - (a + b)/2 = (b - a)/2$.",
    source="halving",
)


@dataclass(frozen=True, eq=False)
class BiEquivariant(Claim):
    """|v(x, y, z) - values[x⁻¹ z y⁻¹]| <= distance; ``lead``: F at the unit less its largest other value (of F itself);
    ``near``: on so many of the inputs all v(x, y, ·) are nearer than half of that, so that F alone shows them right."""

    statement: Statement
    values: tuple[Fraction, ...]
    distance: Fraction
    lead: Fraction
    near: int

    kind = "bi_equivariant"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        numbers = " ".join(map(str, (*self.values, self.distance, self.lead, self.near)))
        return f"{self.statement.sha256}:{hashlib.sha256(numbers.encode('ascii')).hexdigest()}"

    def sentence(self) -> str:
        return (
            "For all $x$, $y$, $z$ the logit of $z$, less the mean of all logits, is within "
            f"${ceil_str(self.distance, DIGITS)}$ of a function $F(x^{{-1}} z y^{{-1}})$ of which the value at the "
            f"unit leads by ${floor_str(self.lead, DIGITS)}$; on ${self.near}$ of ${self.statement.inputs}$ inputs all "
            "logits are nearer to it than half of that, and so $F$ by itself shows them right."
        )


class BiEquivariance(Rule):
    """No advice; refuses tasks that are no group's multiplication."""

    name = "bi_equivariance"
    premises = (GridNetwork,)
    lemmas = (MIDDLE,)
    derivation = (
        "Every logit of every input is evaluated on the grids, the range over all inputs is formed for each value of "
        "$x^{-1} z y^{-1}$, and [@middle-of-a-range] gives the distance, to which the grids' slack is added."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> BiEquivariant:
        (grid,) = premises
        table = grid.answers
        try:
            check_group("answers", table)
        except TaskDoesNotFit as error:
            raise NotEstablished(self.tag, str(error)) from None
        n = len(table)
        if grid.out.shape[1] != n:
            raise NotEstablished(self.tag, f"there are {grid.out.shape[1]} outputs, not one an element of the group")
        low, high = np.full(n, 1 << 62, dtype=np.int64), np.full(n, -(1 << 62), dtype=np.int64)
        for rows in _by_quotient(grid):
            low, high = np.minimum(low, rows.min(axis=0)), np.maximum(high, rows.max(axis=0))
        middle = low + high  # twice F
        unit = int(np.flatnonzero((table == np.arange(n)).all(axis=1))[0])
        lead = int(middle[unit]) - max(int(value) for g, value in enumerate(middle) if g != unit) if n > 1 else 0
        known, near = 2 * (grid.slack + 1), 0
        for rows in _by_quotient(grid):
            near += int((2 * (np.abs(2 * rows - middle).max(axis=1) + known) < lead).sum())
        half = Fraction(1, 2 << grid.grids.bits)
        values = tuple(int(value) * half for value in middle)
        distance = (int((high - low).max()) + known) * half
        return BiEquivariant(grid.statement, values, distance, lead * half, near)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        return Cost(multiply=premises[0].brute)


def _by_quotient(grid: GridNetwork) -> Iterator[np.ndarray]:
    """For each x: the centred logits of every y, the columns by g = x⁻¹ z y⁻¹."""
    table, outputs = grid.answers, grid.out.shape[1]
    every = np.arange(len(table))[:, None]
    for x in range(len(table)):
        hidden = np.maximum(grid.left[x] + grid.right, 0)
        logits = integer_product(hidden, grid.out) + grid.left_out[x] + grid.right_out
        logits -= (logits.sum(axis=1) // outputs)[:, None]
        yield logits[every, table[table[x]].T]
