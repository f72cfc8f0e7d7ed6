"""Margins that are stated lower: the lemma over fractions, and margins that are too large."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from gap_cells import leaning
from story_claims import told

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.stated_diagonal import LESS, Margins, StatedDiagonal


def instances(count: int = 200) -> list[dict[str, Any]]:
    rng, found = random.Random(1), []
    for _ in range(count):
        n = rng.randint(1, 3)
        o = [Fraction(rng.randint(-4, 4), 2) for _ in range(n)]
        x, p = ([entry + sign * Fraction(rng.choice((0, 0, 1, -1)), 2) for entry in o] for sign in (1, -1))
        found.append({"n": n, "o": Table(o), "x": Table(x), "p": Table(p)})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, and each change of it is noticed."""
    assert examine(LESS.statement, instances()).passed  # type: ignore[arg-type]


def test_stated_margins_are_no_larger(oracle):
    """The true ones are enough; one of them a unit larger is refused, and so are other shapes."""
    bench, story = told(leaning(oracle, 3))
    known = bench.graph.claim(story.diagonal)
    size = known.own.shape[0]
    assert StatedDiagonal().conclude([known], Margins(known.own, known.others)).identity() == known.identity()
    lower = known.own - DyadicMatrix.ones(size, 1)
    claim = StatedDiagonal().conclude([known], Margins(lower, known.others))
    assert claim.identity() != known.identity() and max(claim.margins) < max(known.margins)
    for m in range(size):
        unit = DyadicMatrix.from_integers(size, 1, [int(m == row) for row in range(size)], known.own.exponent)
        with pytest.raises(NotEstablished, match="larger than the true one"):
            StatedDiagonal().conclude([known], Margins(known.own + unit, known.others))
    last = DyadicMatrix.from_integers(size, size, [0] * (size * size - 1) + [1], known.others.exponent)
    with pytest.raises(NotEstablished, match="larger than the true one"):
        StatedDiagonal().conclude([known], Margins(known.own, known.others + last))
    with pytest.raises(NotEstablished, match="margins, not"):
        StatedDiagonal().conclude([known], Margins(known.others, known.own))
