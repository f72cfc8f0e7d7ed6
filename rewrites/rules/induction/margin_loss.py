"""The mean loss of an induction head from both sides, by the margins that a tree of nodes shows.

The loss of an input is log(1 + Σ_{b≠a} e^{-δ_b}) with δ_b = logit_a - logit_b.  A leaf bounds every δ_b of its inputs
from below by its margin, and from above because δ_b is a mixture of v_k + d, so at most the largest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ....engine.arithmetic.ball import Ball, precision
from ....engine.cost import Cost
from ....engine.formula import At, ForAll, Num, Range, Total, Var
from ....engine.rule import Lemma, NotEstablished, Rule
from ..loss import UNIT_BITS, Loss
from ..network_function import NetworkFunction
from .tables import InductionTables
from .tree import MARGIN_BITS, InductionTree, NodeTree

PRECISION = 256

_b, _n, _z = Var("b"), Var("n"), Var("z")
_rivals = Range(Num(0), _n)

MARGIN_LOSS = Lemma(
    label="margin-loss",
    title="What margins say of a cross-entropy",
    given=(
        "For all reals $x_b$ (in use $e^{-\\delta_b}$), $y_b$ and $z$ with $b < n$; the loss is the logarithm of the "
        "middle:"
    ),
    statement=ForAll(_b, _rivals, (At("y", _b) <= At("x", _b)) & (At("x", _b) <= _z)).implies(
        (Num(1) + Total(_b, _rivals, At("y", _b)) <= Num(1) + Total(_b, _rivals, At("x", _b)))
        & (Num(1) + Total(_b, _rivals, At("x", _b)) <= Num(1) + _n * _z)
    ),
    proof="Add up; the logarithm is increasing. Every $x_b$ is at most $e^{-\\gamma}$ if all margins exceed $\\gamma$.",
    source="monotonicity of the cross-entropy in the other logits",
)


class InductionLoss(Rule):
    """From the network and its tables.  Advice: a :class:`~.tree.NodeTree` that leaves nothing open."""

    name = "induction_loss"
    premises = (NetworkFunction, InductionTables)
    left_out = 1
    lemmas = (*InductionTree.lemmas, MARGIN_LOSS)
    derivation = (
        "The groups $(q, i, a)$ and every branching part the inputs ([@partition]). At a leaf, gaps and values of keys "
        "are bounded for every pair of neighbouring tokens ([@query-atoms], [@least-ratio], [@reference-row], "
        "[@share-ends], [@distractor-row]), and [@node-test] with [@sign-form] shows that each of its inputs has the "
        "leaf's margin over every other output; margins of the inputs of other leaves are enclosed one by one "
        "([@decided-by-radius]). From above, a difference of logits is a mixture, and at most its largest member. "
        "[@margin-loss] turns both into bounds of the losses, which are added up and rounded outward."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: NodeTree) -> Loss:
        _, tables = premises
        low = high = 0
        with precision(PRECISION):
            for leaf in InductionTree().leaves(tables, advice):
                if leaf.level is not None:
                    margin: Fraction | None = Fraction(advice.margins[leaf.level], 1 << MARGIN_BITS)
                else:
                    found = None if leaf.outcome is None else leaf.outcome.margin
                    margin = None if found is None else found.lower
                if margin is None:
                    raise NotEstablished(self.tag, f"nothing is known of the margins at {leaf.node.fixed}")
                rivals = Ball.dyadic(tables.grid.form.outputs - 1, 0)
                most = _loss(rivals * Ball.rational(-margin).exp())
                ends = tables.test(leaf.node, wide=False).ceiling().tolist()
                least = Ball.dyadic(0, 0)
                for end in ends:
                    least += Ball.dyadic(-end, -tables.grid.bits).exp()
                low += leaf.node.size * max(0, _floor(_loss(least)))
                high += leaf.node.size * -_floor(Ball.dyadic(-1, 0) * most)
        inputs = tables.statement.inputs
        return Loss(tables.statement, low // inputs, -(-high // inputs))

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
