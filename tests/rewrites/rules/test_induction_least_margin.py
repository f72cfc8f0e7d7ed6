"""The least margin of small networks between its bounds; what a tree leaves open, and strangers, are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import induction_networks as small
import mpmath
import pytest

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules.induction.least_margin import InductionMargin

CASES = [
    (1, 4, 4, "induction", 6.0),
    (3, 3, 5, "induction-once", 6.0),
    (5, 4, 4, "induction", 0.0),
]


@pytest.mark.parametrize("case", CASES)
def test_the_least_margin_lies_between_the_bounds(case, tmp_path):
    """Against all inputs; of networks that are right everywhere to 2^-16. What a tree leaves open is refused."""
    seed, tokens, positions, task, sharp = case
    network = small.layers(seed, tokens, positions, sharp=sharp)
    statement = small.statement(network, tmp_path, task)
    least = min(small.margins(network, small.inputs(statement.task.inputs.condition, tokens, positions)).values())
    proof: Any = prove(statement, "net", "induction", metric="margin")
    low, high = proof.theorem.bounds
    with mpmath.workdps(50):
        assert low.numerator / mpmath.mpf(low.denominator) <= least <= high.numerator / mpmath.mpf(high.denominator)
    if least > 0:
        assert high - low < 2**-16 * (1 + high)
    assert proof.certifiable
    (step,) = [step for step in proof.graph.proof(proof.goal) if isinstance(step.rule, InductionMargin)]
    premises = [proof.graph.claim(premise) for premise in step.premises]
    tree, witness = step.advice.tree, step.advice.witness
    with pytest.raises(NotEstablished, match="nothing is known"):
        InductionMargin().conclude(
            premises, replace(step.advice, tree=replace(tree, symbols="?" * proof.theorem.statement.inputs))
        )
    with pytest.raises(NotEstablished, match="is no input"):
        InductionMargin().conclude(premises, replace(step.advice, witness=(*witness[:-1], witness[-2])))
