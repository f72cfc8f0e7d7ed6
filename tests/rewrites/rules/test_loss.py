"""Claims about the mean cross-entropy: sums, rounding in the safe direction, and relations that never overstate."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechproof.rewrites.rules.loss import UNIT_BITS, Loss, LossFromSum, LossSum, digits_of
from mechproof.rewrites.rules.parts import cells

ONE = 1 << UNIT_BITS


@pytest.fixture
def statement(oracle):
    return oracle.random_net(0, "eighths", 3, 3).statement


def sums(statement: Any, low: dict[tuple[int, int], int], high: dict[tuple[int, int], int]) -> LossSum:
    none = dict.fromkeys(cells(statement).sizes, 0)
    return LossSum(cells(statement), none | low, none | high)


def test_the_mean_is_rounded_outward(statement):
    """Sums over 27 inputs: the lower bound is a floor, the upper one a ceiling, each within one unit."""
    loss = LossFromSum().conclude([sums(statement, {(0, 0): 20, (1, 2): 8}, {(0, 0): 20, (1, 2): 9})], None)
    assert (loss.low, loss.high) == (1, 2)
    exact = LossFromSum().conclude([sums(statement, {(2, 2): 54}, {(2, 2): 54})], None)
    assert (exact.low, exact.high) == (2, 2)


@pytest.mark.parametrize(
    ("low", "high", "relation"),
    [
        (ONE // 3, 2 * ONE // 3, "loss in [0.3333, 0.6667]"),
        (ONE // 3, ONE // 3 + ONE // 10**6, "loss in [0.333333333, 0.333334334]"),
        (0, 0, "loss in [0.0000, 0.0000]"),
        (5 * ONE, 5 * ONE, "loss in [5.0000, 5.0000]"),
    ],
)
def test_relations_hold_the_bounds(statement, low, high, relation):
    """What is printed encloses what was proved, with as many decimals as the width deserves."""
    loss = Loss(statement, low, high)
    assert loss.relation() == relation
    printed = [Fraction(text) for text in loss.decimals()]
    assert printed[0] <= loss.bounds[0] <= loss.bounds[1] <= printed[1]
    assert loss.conclusion() == {"kind": "loss", "low": hex(low), "high": hex(high)}
    assert loss.data() == {"loss_low": loss.decimals()[0], "loss_high": loss.decimals()[1], "inputs": 27}


def test_decimals_are_bounded():
    """However narrow the interval, at most 40 decimals are printed."""
    assert digits_of(Fraction(1, 10**60)) == 40
    assert digits_of(Fraction(100)) == 4


def test_identities_tell_claims_apart(statement, oracle):
    """Another network, another cell or another side is another claim."""
    other = oracle.random_net(1, "eighths", 3, 3).statement
    claims = [
        sums(statement, {(2, 2): 3}, {(2, 2): 3}),
        sums(statement, {(1, 2): 3}, {(2, 2): 3}),
        sums(statement, {(2, 2): 3}, {(2, 2): 4}),
        sums(other, {(2, 2): 3}, {(2, 2): 3}),
        Loss(statement, 3, 3),
        Loss(statement, 2, 3),
        Loss(other, 3, 3),
    ]
    assert len({claim.identity() for claim in claims}) == len(claims)
    assert claims[0].conclusion() == {"kind": "loss_sum", "low": "0x3", "high": "0x3"}
    assert "add up to between" in claims[0].sentence()
