"""One stated bound for all rows: the lemma over fractions, and bounds that are too small."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from gap_cells import leaning
from story_claims import told

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.stated_row_difference import LARGER, StatedRowDifference


def instances(count: int = 200) -> list[dict[str, Any]]:
    rng, found = random.Random(1), []
    for _ in range(count):
        n = rng.randint(1, 3)
        b = [Fraction(rng.randint(0, 4), 2) for _ in range(n)]
        x = [entry - Fraction(rng.choice((0, 0, 1, -1)), 2) for entry in b]
        found.append({"n": n, "b": Table(b), "x": Table(x), "c": max(b) + Fraction(rng.choice((0, 0, 1, -1)), 2)})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, and each change of it is noticed."""
    assert examine(LARGER.statement, instances()).passed  # type: ignore[arg-type]


def test_the_stated_number_stands_for_every_row(oracle):
    """The largest bound itself is enough; a unit less is refused, and so is what is not one number."""
    bench, story = told(leaning(oracle, 3))
    known = bench.graph.claim(story.direct)
    most = DyadicMatrix.from_integers(1, 1, [max(row[0] for row in known.bounds.integers())], known.bounds.exponent)
    claim = StatedRowDifference().conclude([known], most)
    assert {row[0] for row in claim.bounds.fractions()} == {known.largest} and claim.term == known.term
    assert claim.identity() != known.identity() and claim == replace(known, bounds=claim.bounds)
    less = most - DyadicMatrix.from_integers(1, 1, [1], known.bounds.exponent)
    with pytest.raises(NotEstablished, match="smaller than the true one"):
        StatedRowDifference().conclude([known], less)
    with pytest.raises(NotEstablished, match="not one number"):
        StatedRowDifference().conclude([known], DyadicMatrix.ones(2, 1))
