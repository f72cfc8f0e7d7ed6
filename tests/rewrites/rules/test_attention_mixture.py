"""Attention as it is, on integer grids: the lemmas over fractions, and the slack against the interpreter's balls."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from two_token_transformer import M, N, mixed, transformer, true_logits

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.statement import Statement
from mechproof.rewrites.rules.attention_mixture import MIXTURE, WEIGHTS, AttentionMixture


def weights(rng: random.Random) -> dict:
    K = rng.randint(1, 3)
    E = [rng.randint(0, 3) for _ in range(K)]
    e = [n + rng.choice([-1, 0, 1, Fraction(1, 2), 2]) for n in E]
    if sum(e) <= 0 or sum(E) <= 0:
        return weights(rng)
    return {"K": K, "E": Table(E), "e": Table(e)}


def mixture(rng: random.Random) -> dict:
    K = rng.randint(0, 3)
    a, b, t, r = ([rng.randint(low, 3) for _ in range(K)] for low in (0, 0, -3, 0))
    b = [m + rng.choice([-d, d, 0, 4]) for m, d in zip(a, r, strict=True)]
    eta = rng.randint(0, 2)
    T = [m + rng.choice([-eta, eta, 0, 3]) for m in t]
    tables = (("a", a), ("b", b), ("t", t), ("T", T), ("r", r))
    return {"K": K, "\\eta": eta} | {name: Table(rows) for name, rows in tables}


@pytest.mark.parametrize(("lemma", "instances"), [(WEIGHTS, weights), (MIXTURE, mixture)], ids=["weights", "mixture"])
def test_lemmas_hold_and_their_mutants_do_not(lemma, instances):
    """True of random numbers, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(2)
    report = examine(lemma.statement, [instances(rng) for _ in range(4000)])
    assert report.holds, report.counterexample
    assert report.attained
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


def off(grid: AttentionMixture) -> tuple[Fraction, Fraction]:
    """By how much a difference of two logits misses that of the integers at most, and the slack, in logits."""
    worst, unit = Fraction(0), Fraction(1, 1 << grid.grids.bits)
    for x, y in product(range(N), repeat=2):
        read = grid.columns(x, np.array([y]))[0]
        near = np.maximum(read[:M], 0) @ grid.weights + read[M:]
        true = true_logits(grid.statement, x, y)
        for c, z in product(range(N), repeat=2):
            worst = max(worst, abs(true[c] - true[z] - int(near[c] - near[z]) * unit))
    return worst, grid.slack * unit


@pytest.mark.parametrize("seed", range(5))
def test_differences_of_logits_are_within_the_slack(seed):
    """For attention that varies little and much, on coarse and fine grids; the slack is no idle number either."""
    for spread in (1, 8, 40):
        for bits, scale in ((24, 1 << 12), (10, 1 << 5), (12, 3)):
            worst, slack = off(mixed(transformer(seed, spread), bits, scale))
            assert worst <= slack
            assert slack <= 200 * worst


def test_a_reach_that_is_too_small_is_noticed():
    """The error comes near enough to the slack that a hundredth of it is not enough."""
    claims = [mixed(transformer(seed, 40), 10, 1 << 5) for seed in range(3)]
    assert any(worst * 100 > slack for worst, slack in map(off, claims))


def test_weights_are_told_outward():
    """The percents hold the true weights of the first token."""
    claim = mixed(transformer(1, 40))
    low, high = claim.ranges()
    for powers in claim.powers:
        for own, other in product(powers[0].tolist(), powers[1].tolist()):
            assert low <= Fraction(100 * own, own + other + int(powers[2][0])) <= high
    assert "percent" in claim.sentence()


def test_what_does_not_fit_is_refused():
    """Scales must be natural numbers, one a neuron; scores that lie too far apart and grids too fine have a reason."""
    with pytest.raises(NotEstablished, match="natural scales"):
        mixed(transformer(0), 24, 0)
    with pytest.raises(NotEstablished, match=r"words|bits"):
        mixed(transformer(0), 48)
    embed, attention, mlp, last = transformer(0).network.layers
    wide = replace(attention, W_K=replace(attention.W_K, exponent=8))  # type: ignore[type-var, attr-defined]
    statement = transformer(0)
    network = replace(statement.network, layers=(embed, wide, mlp, last))
    with pytest.raises(NotEstablished, match="too far apart"):
        mixed(Statement(network, statement.task))
