"""The size direction: the lemma over fractions, and exceptions against a comparison of all pairs."""

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
from mechproof.engine.oracle import examine, fails
from mechproof.rewrites.rules.increasing import RECORDS, Increasing, IncreasingRule
from mechproof.rewrites.rules.rank_one import Factors, RankOne

STATEMENT: Any = RECORDS.statement


def instances(count: int = 200) -> list[dict[str, Any]]:
    rng, found = random.Random(1), []
    for _ in range(count):
        s = [rng.randint(-3, 3) for _ in range(rng.randint(1, 4))]
        tops = [max(s[: t + 1]) - (rng.random() < 0.1) for t in range(len(s))]
        found.append({"n": len(s), "h": rng.randint(-1, 2), "s": Table(s), "P": Table(tops)})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, and each change of it is noticed."""
    assert examine(STATEMENT, instances()).passed


def test_mutant_that_compares_with_the_token_before_only_is_false():
    """The running maximum is needed: the last token alone may be out of order."""
    wrong = [env | {"P": env["s"]} for env in instances()]
    assert fails(STATEMENT.right, wrong)


def direction(oracle: Any, *sizes: int) -> Increasing:
    bench, story = told(leaning(oracle, 0, 3, 2))
    claim: RankOne = bench.graph.claim(story.rank_one)
    row = DyadicMatrix.from_integers(1, len(sizes), list(sizes), -1)
    return IncreasingRule().conclude([replace(claim, factors=Factors(claim.factors.strength, row))], None)  # type: ignore


@pytest.mark.parametrize("seed", range(8))
def test_exceptions_are_the_tokens_that_some_smaller_one_reaches(oracle, seed):
    """Against all pairs; the steps are the distances to the nearest smaller token from above."""
    rng = random.Random(seed)
    sizes = [rng.randint(0, 9) for _ in range(6)]
    claim = direction(oracle, *sizes)
    assert claim.exceptions == tuple(t for t in range(6) if any(sizes[k] >= sizes[t] for k in range(t)))
    assert claim.steps == tuple(min(Fraction(sizes[t] - sizes[k], 2) for k in range(t)) for t in range(1, 6))


def test_sentences_say_what_holds(oracle):
    """Strictly increasing, some exceptions, none above another; least steps rounded down."""
    assert "strictly increasing, by at least 0.500000" in direction(oracle, 0, 1, 3).sentence()
    assert "the tokens 2 do not" in direction(oracle, 0, 3, 3, 4).sentence()
    assert "no token" in direction(oracle, 3, 2, 1).sentence()
    assert direction(oracle, 0, 3, 3, 4).conclusion() == {"kind": "increasing", "exceptions": 1}
