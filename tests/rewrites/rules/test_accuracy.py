"""From counts to accuracy: sums, identities, and relations that never say more than the counts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mechproof.rewrites.rules.accuracy import Accuracy, AccuracyFromCount
from mechproof.rewrites.rules.parts import cells
from mechproof.rewrites.rules.right_count import RightCount


def count(statement: Any, right: dict[tuple[int, int], int], wrong: dict[tuple[int, int], int]) -> RightCount:
    none = dict.fromkeys(cells(statement).sizes, 0)
    return RightCount(cells(statement), none | right, none | wrong)


@pytest.fixture
def statement(oracle):
    return oracle.random_net(0, "eighths", 3, 3).statement


@pytest.mark.parametrize(
    ("right", "wrong", "relation"),
    [
        ({(0, 0): 1, (2, 2): 9}, {(0, 2): 5, (1, 2): 5, (1, 1): 4, (0, 1): 3}, "accuracy = 10/27"),
        ({(0, 0): 1, (2, 2): 3}, {}, "accuracy >= 4/27"),
        ({(0, 0): 1}, {(2, 2): 2}, "accuracy in [1/27, 25/27]"),
        ({}, {}, "accuracy >= 0/27"),
        ({}, {(2, 2): 1}, "accuracy in [0/27, 26/27]"),
    ],
)
def test_relations(statement, right, wrong, relation):
    """The relation is the verdict's, over the number of inputs and unreduced; bounds are exact fractions."""
    accuracy = AccuracyFromCount().conclude([count(statement, right, wrong)], None)
    low, high = sum(right.values()), 27 - sum(wrong.values())
    assert (accuracy.low, accuracy.high, accuracy.inputs) == (low, high, 27)
    assert accuracy.bounds == (Fraction(low, 27), Fraction(high, 27))
    assert accuracy.relation() == relation
    assert accuracy.conclusion() == {
        "kind": "accuracy",
        "right_low": hex(low),
        "right_high": hex(high),
        "inputs": "0x1b",
    }
    assert ("Exactly" in accuracy.sentence()) is (low == high)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (26, 26, "In decimals, cut off, it is 0.96296296."),
        (27, 27, "In decimals it is 1."),
        (26, 27, "In decimals it is at least 0.96296296."),
        (2, 25, "In decimals it lies between 0.07407407 and 0.92592593."),
    ],
)
def test_decimals_are_rounded_in_the_safe_direction(statement, low, high, said):
    """Protects readers: no decimal overstates, no bound is set beside a trivial one, 'is' only where it is."""
    assert Accuracy(statement, low, high).in_decimals() == said


def test_counts_in_words(statement):
    """A count says 'exactly' only when nothing is open."""
    assert count(statement, {(2, 2): 3}, {}).sentence() == "At least 3 of 27 sequences are right."
    sizes: Any = dict(cells(statement).sizes)
    assert count(statement, sizes, {}).sentence() == "Exactly 27 of 27 sequences are right."
    assert count(statement, sizes, {}).conclusion() == {
        "kind": "right_count",
        "right_low": "0x1b",
        "right_high": "0x1b",
    }


def test_identities_tell_claims_apart(statement, oracle):
    """Another network, another cell or another side is another claim; the same counts are the same claim."""
    other = oracle.random_net(1, "eighths", 3, 3).statement
    claims = [
        count(statement, {(2, 2): 3}, {}),
        count(statement, {(1, 2): 3}, {}),
        count(statement, {}, {(2, 2): 3}),
        count(other, {(2, 2): 3}, {}),
    ]
    assert len({claim.identity() for claim in claims}) == len(claims)
    assert count(statement, {(2, 2): 3}, {}).identity() == claims[0].identity()
    accuracies = [
        Accuracy(statement, 3, 27),
        Accuracy(statement, 3, 26),
        Accuracy(statement, 2, 27),
        Accuracy(other, 3, 27),
    ]
    assert len({claim.identity() for claim in accuracies}) == len(accuracies)
