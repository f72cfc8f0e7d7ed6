"""Accuracy of every float run: what it says, and what it refuses to be concluded from."""

from __future__ import annotations

from typing import Any

import pytest

from mechproof.engine.arithmetic.float_format import FORMATS
from mechproof.engine.rule import NotEstablished
from mechproof.models.float_statement import FloatStatement
from mechproof.rewrites.rules.accuracy import Accuracy, AccuracyFromCount
from mechproof.rewrites.rules.float_accuracy import FloatAccuracyFromCounts
from mechproof.rewrites.rules.parts import cells
from mechproof.rewrites.rules.right_count import RightCount


def count(statement: Any, right: int, wrong: int) -> RightCount:
    none = dict.fromkeys(cells(statement).sizes, 0)
    first = next(iter(none))
    return RightCount(cells(statement), none | {first: right}, none | {first: wrong})


@pytest.fixture
def statements(oracle):
    stored = oracle.random_net(0, "float16", 3, 2).statement
    return stored, FloatStatement(stored.network, stored.task, FORMATS["float32"])


def test_the_theorem_names_both_counts(statements):
    """The relation begins with the semantics; the counts of runs and the real ones are told apart."""
    stored, runs = statements
    theorem = FloatAccuracyFromCounts().conclude([count(runs, 5, 2), Accuracy(stored, 6, 6)], None)
    assert theorem.relation() == "accuracy of every float32 run >= 5/9 (real: = 6/9)"
    assert (theorem.low, theorem.high, theorem.between) == (5, 7, 2)
    assert theorem.data()["real"]["right_low"] == 6


def test_hashes_of_the_two_statements_differ(statements):
    """Format and assumption about the exponential are part of what is hashed."""
    stored, runs = statements
    others = [FloatStatement(stored.network, stored.task, FORMATS[name], ulps) for name in FORMATS for ulps in (1, 2)]
    assert len({one.sha256 for one in (stored, runs, *others)}) == 8
    assert runs.stored.sha256 == runs.rounded.sha256 == stored.sha256


def test_a_real_count_is_not_taken_for_one_of_runs(statements):
    """Nor one of runs for a real one, nor a real accuracy of another network."""
    stored, runs = statements
    with pytest.raises(NotEstablished, match="not about float runs"):
        FloatAccuracyFromCounts().conclude([count(stored, 5, 2), Accuracy(stored, 6, 6)], None)
    with pytest.raises(NotEstablished, match="no theorem about real numbers"):
        AccuracyFromCount().conclude([count(runs, 5, 2)], None)
    with pytest.raises(NotEstablished, match="different networks"):
        FloatAccuracyFromCounts().conclude([count(runs, 5, 2), Accuracy(runs, 6, 6)], None)
