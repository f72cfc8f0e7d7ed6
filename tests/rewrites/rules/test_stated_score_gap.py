"""Score gaps by worse numbers: the lemma over fractions, every gap against the true one, numbers that are better."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from gap_cells import leaning
from story_claims import told

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.rank_one import Factors
from mechproof.rewrites.rules.score_gap import ScoreGap, Scores
from mechproof.rewrites.rules.stated_score_gap import WORSE, StatedScoreGap


def instances(count: int = 400) -> list[dict[str, Any]]:
    rng, found = random.Random(1), []
    for _ in range(count):
        a, d, r = (Fraction(rng.randint(low, 4), 2) for low in (-1, -2, -1))
        b, e, s = (x + Fraction(rng.choice((0, 0, 1, -1, -2)), 2) for x in (a, d, r))
        found.append({"a": a, "b": b, "d": d, "e": e, "r": r, "s": s})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, and each change of it is noticed."""
    assert examine(WORSE.statement, instances()).passed  # type: ignore[arg-type]


def column(values: list[Fraction]) -> DyadicMatrix:
    """Numbers over 2^40, rounded down."""
    return DyadicMatrix.from_integers(len(values), 1, [value * 2**40 // 1 for value in values], -40)


def worse(gap: ScoreGap, rng: random.Random) -> Scores:
    """Numbers that are mostly a little worse, and sometimes better."""
    strengths = [row[0] * Fraction(rng.choice((8, 8, 7, 9)), 8) for row in gap.scores.factors.strength.fractions()]
    noises = [row[0] + Fraction(rng.choice((1, 1, 2, -1)), 8) for row in gap.scores.noise.fractions()]
    (true,) = gap.scores.factors.size.fractions()
    size = [Fraction(0)]
    for before, here in pairwise(true):
        size.append(max(size) + (here - before) * Fraction(rng.choice((8, 7, 4, 0, 9, 8)), 8))
    return Scores(Factors(column(strengths), column(size).T), column(noises))


def test_what_is_concluded_is_true_and_what_is_better_is_refused(oracle):
    """Every stated gap of every (q, m, j) is below the true one; where one would be above, the rule refuses."""
    counted = {"taken": 0, "refused": 0}
    rng = random.Random(2)
    for seed in range(60):
        net = leaning(oracle, seed % 6)
        bench, story = told(net)
        gap, table = bench.graph.claim(story.gap), bench.graph.claim(bench.paths).tables["EQKE"].fractions()
        stated = worse(gap, rng)
        claim = ScoreGap(gap.increasing, stated)
        good = [m for m in range(1, net.V) if m not in claim.exceptions]
        lies = [
            (q, m, j)
            for q in range(net.V) for m in good for j in range(m)
            if claim.gap(q, m, j) > min(table[q][m] - table[q][k] for k in range(j + 1))
        ]  # fmt: skip
        try:
            assert StatedScoreGap().conclude([gap], stated) == claim
        except NotEstablished:
            counted["refused"] += 1
        else:
            counted["taken"] += 1
            assert not lies
            assert all(claim.gap(q, m, j) <= gap.gap(q, m, j) for q in range(net.V) for m in good for j in range(m))
    assert min(counted.values()) > 3


@pytest.mark.parametrize(
    ("part", "reason"),
    [("strength", "strength is not positive, or is larger"), ("noise", "noise is smaller"), ("size", "rise further")],
)
def test_each_number_that_is_better_is_refused(oracle, part, reason):
    """By a unit, with the others as they are."""
    bench, story = told(leaning(oracle, 3))
    gap = bench.graph.claim(story.gap)
    assert gap.exceptions == ()
    strength, size, noise = gap.scores.factors.strength, gap.scores.factors.size, gap.scores.noise
    unit = DyadicMatrix.from_integers(1, 1, [1], -60)
    if part == "strength":
        strength = strength + DyadicMatrix.ones(strength.shape[0], 1) @ unit
    elif part == "noise":
        noise = noise - DyadicMatrix.ones(noise.shape[0], 1) @ unit
    else:
        last = DyadicMatrix.from_integers(1, size.shape[1], [0] * (size.shape[1] - 1) + [1], 0)
        size = size + unit @ last
    with pytest.raises(NotEstablished, match=reason):
        StatedScoreGap().conclude([gap], Scores(Factors(strength, size), noise))


def test_tokens_that_do_not_rise_and_other_shapes_are_refused(oracle):
    """A token out of order is not stated to be in order; tables of other sizes are no numbers of this network."""
    bench, story = told(leaning(oracle, 3))
    gap = bench.graph.claim(story.gap)
    factors, noise = gap.scores.factors, gap.scores.noise
    flat = Factors(factors.strength, factors.size - factors.size)
    unordered = ScoreGap(gap.increasing, Scores(flat, noise))
    with pytest.raises(NotEstablished, match="above all smaller ones"):
        StatedScoreGap().conclude([unordered], gap.scores)
    others = (
        Scores(factors, noise.T),
        Scores(Factors(noise.T, factors.size), noise),
        Scores(Factors(factors.strength, noise), noise),
    )
    for scores in others:
        with pytest.raises(NotEstablished, match=r"numbers, not|one a token"):
            StatedScoreGap().conclude([gap], scores)
