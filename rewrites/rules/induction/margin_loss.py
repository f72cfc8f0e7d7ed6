"""The mean loss of an induction head from both sides, by the margins that a tree of nodes shows.

The loss of an input is log(1 + Σ_{b≠a} e^{-δ_b}) with δ_b = logit_a - logit_b.  A leaf bounds every δ_b of its inputs
from below by its margin, and from above because δ_b is a mixture of v_k + d, so at most the largest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ....engine.arithmetic.ball import Ball, precision
from ....engine.cost import Cost
from ....engine.formula import ForAll, Num, Range, Total, Var, entry
from ....engine.rule import Lemma, NotEstablished, Rule
from ..enclosed_number import UNIT_BITS, in_units
from ..loss import Loss
from ..network_function import NetworkFunction
from .tables import InductionTables
from .tree import MARGIN_BITS, TOLD, InductionTree, NodeTree

PRECISION = 256
# A certificate's bounds leave this share of the loss, and this much for inputs whose losses are enclosed one by one.
SHARE_BITS, LEAST_BITS = 10, 40

_b, _n, _z = Var("b"), Var("n"), Var("z")
_rivals = Range(Num(0), _n)

MARGIN_LOSS = Lemma(
    label="margin-loss",
    title="What margins say of a cross-entropy",
    given=(
        "For all reals $x_b$ (in use $e^{-\\delta_b}$, $\\delta_b$ a margin), $y_b$ and $z$ with $b < n$; the loss is "
        "the logarithm of the "
        "middle:"
    ),
    statement=ForAll(_b, _rivals, (entry("y", _b) <= entry("x", _b)) & (entry("x", _b) <= _z)).implies(
        (Num(1) + Total(_b, _rivals, entry("y", _b)) <= Num(1) + Total(_b, _rivals, entry("x", _b)))
        & (Num(1) + Total(_b, _rivals, entry("x", _b)) <= Num(1) + _n * _z)
    ),
    proof="Add up; the logarithm is increasing. Every $x_b$ is at most $e^{-\\gamma}$ if all margins exceed $\\gamma$.",
    source="monotonicity of the cross-entropy in the other logits",
)


@dataclass(frozen=True)
class InductionMeanLoss(Loss):
    """``decided`` inputs were decided one by one; their losses add up to ``known`` at least, in units of
    2^-UNIT_BITS."""

    decided: int
    known: int

    def certified(self) -> Loss:
        """What a certificate says: from below what is known of the inputs that are decided one by one."""
        inputs, one = self.inputs, 1 << UNIT_BITS
        room = max(Fraction(self.high, 1 << SHARE_BITS), Fraction(self.decided * one >> LEAST_BITS, inputs))
        units = 1 + room.numerator // room.denominator
        return Loss(self.statement, max(0, self.known // inputs - units), self.high + units)


class InductionLoss(Rule):
    """From the network and its tables.  Advice: a :class:`~.tree.NodeTree` that leaves nothing open."""

    name = "induction_loss"
    certifiable = True
    premises = (NetworkFunction, InductionTables)
    left_out = 1
    lemmas = (*InductionTree.lemmas, MARGIN_LOSS)
    derivation = (
        f"{TOLD} A difference of logits is a mixture, so at most the largest of its members $v_k + \\delta_b$ from "
        f"above; let "
        "$\\eta_b$ bound it, and let $C$ be the number of outputs. By [@margin-loss] the loss of every input of the "
        "leaf lies between $$\\log\\Bigl(1 + "
        "\\sum_{b "
        "\\ne a} e^{-\\eta_b}\\Bigr) \\quad \\text{and} \\quad \\log\\bigl(1 + (C - 1)\\,e^{-\\gamma}\\bigr),$$ "
        "and the losses of the inputs of other leaves are enclosed one by one "
        "([@decided-by-radius]). All are "
        "added up and rounded outward."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: NodeTree) -> InductionMeanLoss:
        _, tables = premises
        low = high = decided = known = 0
        with precision(PRECISION):
            for leaf in InductionTree().leaves(tables, advice, losses=True):
                size = leaf.size
                if leaf.level is not None:
                    margin = Fraction(advice.margins[leaf.level], 1 << MARGIN_BITS)
                    rivals = Ball.dyadic(tables.grid.form.outputs - 1, 0)
                    least = Ball.dyadic(0, 0)
                    for end in tables.test(leaf.nodes[0], wide=False).ceiling().tolist():
                        least += Ball.dyadic(-end, -tables.grid.bits).exp()
                    low += size * max(0, _floor(_loss(least)))
                    high += size * -_floor(Ball.dyadic(-1, 0) * _loss(rivals * Ball.rational(-margin).exp()))
                    continue
                loss = None if leaf.outcome is None else leaf.outcome.loss
                if loss is None:
                    raise NotEstablished(self.tag, f"nothing is known of the losses at {leaf.nodes[0].fixed}")
                least_sum, most_sum = in_units(loss.lower, loss.upper)
                decided, known, low, high = decided + size, known + least_sum, low + least_sum, high + most_sum
        count = tables.statement.inputs
        return InductionMeanLoss(tables.statement, low // count, -(-high // count), decided, known)

    def charge(self, premises: Sequence[Any], advice: NodeTree) -> Cost:
        return InductionTree().charge(premises, advice)

    def encode(self, advice: NodeTree) -> dict[str, Any]:
        return InductionTree().encode(advice)


def _loss(sum_of_rivals: Ball) -> Ball:
    """log(1 + x)."""
    return (Ball.dyadic(1, 0) + sum_of_rivals).log()


def _floor(number: Ball) -> int:
    """An integer that is at most 2^128 times the number."""
    whole = (number.enclosure * (1 << UNIT_BITS)).lower().floor().unique_fmpz()
    assert whole is not None, "an end that was rounded to an integer"
    return int(whole)
