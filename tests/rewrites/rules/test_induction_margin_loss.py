"""Losses by margins: the lemma over fractions, and the mean loss of small networks between its bounds."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import induction_networks as small
import layered_network as second
import mpmath
import pytest
from induction_networks import formula

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.proof import prove
from mechproof.rewrites.rules.induction.margin_loss import MARGIN_LOSS


def environment(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(0, 3)
    x = [Fraction(rng.randint(0, 4)) for _ in range(n)]
    y = [a - rng.choice((0, 0, 1, -2)) for a in x]
    return {"n": n, "x": Table(x), "y": Table(y), "z": max(x, default=Fraction(0)) + rng.choice((0, 1, -2))}


def test_lemma_is_tight_and_its_mutants_fail():
    """True of random numbers, attained on both sides; turned round, or without a premise, false."""
    rng = random.Random(7)
    assert examine(formula(MARGIN_LOSS), [environment(rng) for _ in range(300)]).passed


@pytest.mark.parametrize(
    "case",
    [
        (1, 4, 4, "induction", 6.0, 1),
        (3, 3, 5, "induction-once", 6.0, 1),
        (5, 4, 4, "induction", 0.0, 1),
        (1, 3, 4, "induction", 14.0, 64),
    ],
)
def test_the_mean_loss_lies_between_the_bounds(case, tmp_path):
    """Against the losses of all inputs to 50 digits; some of the last cannot be told from 0 at 256 bits."""
    seed, tokens, positions, task, sharp, factor = case
    network = small.layers(seed, tokens, positions, sharp=sharp)
    network[-1]["W_U"] *= factor
    statement = small.statement(network, tmp_path, task)
    every = small.inputs(statement.task.inputs.condition, tokens, positions)
    low, high = prove(statement, "net", "induction", metric="loss").theorem.bounds
    with mpmath.workdps(50):
        total = mpmath.mpf(0)
        for t in every:
            logits, right = second.logits(network, t)[-1], t[t.index(t[-1]) + 1]
            total += mpmath.log(mpmath.fsum(mpmath.exp(logit - logits[right]) for logit in logits))
        mean = total / len(every)
        assert 0 < low.numerator / mpmath.mpf(low.denominator) <= mean
        assert mean <= high.numerator / mpmath.mpf(high.denominator)
