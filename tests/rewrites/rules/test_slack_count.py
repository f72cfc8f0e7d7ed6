"""Right with room to spare: the lemma over fractions, counts against enumeration, advice made to mislead."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Num, Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.slack_search import search
from mechproof.rewrites.advice.token_order_search import Limits
from mechproof.rewrites.rules.slack_count import SLACK, SlackAdvice, SlackTree

STATEMENT: Any = SLACK.statement
RULE = SlackTree()


def environment(weights: list[Any], logits: list[list[Any]], slack: Any) -> dict[str, Any]:
    return {"K": len(weights), "w": Table(weights), "\\lambda": Table(logits), "\\gamma": slack, "x": 0, "m": 1}


def random_environment(rng: random.Random) -> dict[str, Any]:
    K = rng.randint(1, 3)
    logits = [[Fraction(rng.randint(-4, 4), 2) for _ in range(2)] for _ in range(K)]
    return environment([rng.randint(1, 3) for _ in range(K)], logits, Fraction(rng.randint(-4, 4), 2))


def test_lemma_holds_and_its_mutants_fail():
    """True of random numbers; turned round on either side, or with another slack on one, it is false."""
    rng = random.Random(1)
    instances = [random_environment(rng) for _ in range(150)]
    report = examine(STATEMENT, instances)
    assert report.passed and len([m for m in report.mutants if m.required]) == 2
    for unit in (-1, 1):
        mutant = replace(STATEMENT, right=replace(STATEMENT.right, right=Num(unit)))
        assert not all(mutant.value(env) for env in instances)


def test_lemma_is_strict():
    """A gap of exactly the slack is not below it."""
    exact = environment([1, 3], [[0, 4], [2, 2]], 1)
    less = environment([1, 3], [[0, 4], [2, 2]], Fraction(15, 16))
    assert [STATEMENT.left.value(exact), STATEMENT.left.value(less)] == [False, True]
    assert STATEMENT.value(exact) and STATEMENT.value(less)


def slacks(rng: random.Random, V: int, scale: int) -> DyadicMatrix:
    return DyadicMatrix.from_integers(V, V, [rng.randint(0, 40) for _ in range(V * V)], scale)


def leads(net: Any, tokens: tuple[int, ...]) -> Any:
    """By how much the largest token's logit leads, to sixty digits."""
    truth, m = net.truth, max(tokens)
    with mpmath.workdps(80):
        total = mpmath.fsum(truth.weight(tokens[-1], p, t, 60) for p, t in enumerate(tokens))
        gaps = [truth.margin(tokens, x, 60)[0] / total for x in range(net.V) if x != m]
        return -mpmath.ldexp(max(gaps), -truth.places)


def faults(net: Any, count: Any) -> list[tuple[int, int]]:
    """Cells with fewer sequences that lead by more than the slack than the claim says."""
    found = dict.fromkeys(count.right, 0)
    for tokens in net.sequences:
        cell = tokens[-1], max(tokens)
        slack = count.slack.fraction(*cell)
        with mpmath.workdps(80):
            found[cell] += bool(leads(net, tokens) > mpmath.mpf(slack.numerator) / slack.denominator)
    return [cell for cell in found if found[cell] < count.right[cell]]


@pytest.mark.parametrize("flavour", ["float16", "eighths", "uniform attention", "huge"])
def test_counts_are_true_and_nearly_all(oracle, flavour):
    """Every cell's count is at most the truth by enumeration, and with no slack it is the exact count or close to."""
    rng = random.Random(2)
    for seed in range(2):
        net = oracle.random_net(seed, flavour, 3, 3)
        margin = net.margin()
        for slack in (slacks(rng, 3, -6), slacks(rng, 3, -2), slacks(rng, 3, 190)):
            assert faults(net, RULE.conclude([margin], search(margin, slack))) == []
        none = DyadicMatrix.zero(3, 3)
        count = RULE.conclude([margin], search(margin, none))
        assert faults(net, count) == []
        # a grid fit for logits of 2^200 is too coarse for the others
        assert count.low == net.truth.right or flavour == "huge"


def test_more_slack_counts_less(oracle):
    """The counts fall with the slack, to nothing."""
    net = oracle.random_net(0, "eighths", 4, 3)
    margin = net.margin()
    ones = DyadicMatrix.ones(4, 4)
    counts = [
        RULE.conclude([margin], search(margin, DyadicMatrix(ones.numerators, exponent))).low
        for exponent in (-20, -3, -1, 0, 2, 20, 9999)
    ]
    assert counts == sorted(counts, reverse=True) and counts[0] == net.truth.right > counts[2] > counts[-1] == 0


def test_garbage_is_refused_and_what_is_given_up_is_not_counted(oracle):
    """False leaves, other symbols, too many, too few, negative slacks and other shapes; U weakens only."""
    margin = oracle.random_net(5, "eighths", 3, 3).margin()
    slack = slacks(random.Random(4), 3, -4)
    good = search(margin, slack)
    assert {"S", "R", "U"} == set(good.symbols)
    full = RULE.conclude([margin], good)
    for symbols, reason in (
        (good.symbols.replace("U", "R", 1), "not shown right"),
        (good.symbols.replace("R", "W1", 1), "marked W"),
        (good.symbols[:-1], "symbol"),
        (good.symbols + "U", "left over"),
    ):
        with pytest.raises(NotEstablished, match=reason):
            RULE.conclude([margin], SlackAdvice(slack, symbols))
    for bad, reason in ((DyadicMatrix.ones(2, 2), "shape"), (-DyadicMatrix.ones(3, 3), "negative")):
        with pytest.raises(NotEstablished, match=reason):
            RULE.conclude([margin], SlackAdvice(bad, good.symbols))
    weaker = RULE.conclude([margin], SlackAdvice(slack, good.symbols.replace("R", "U", 1)))
    assert weaker.low < full.low
    assert RULE.conclude([margin], search(margin, slack, Limits(cut=10**6))).low <= full.low


def test_identity_says_all(oracle):
    """Another slack, or another count, is another claim; advice is written exactly."""
    margin = oracle.random_net(0, "eighths", 3, 2).margin()
    small, large = (DyadicMatrix(DyadicMatrix.ones(3, 3).numerators, e) for e in (-30, -29))
    claims = [RULE.conclude([margin], search(margin, slack)) for slack in (small, large)]
    assert claims[0].right == claims[1].right and claims[0].identity() != claims[1].identity()
    assert np.array(claims[0].conclusion()["right_low"]) == hex(claims[0].low)
