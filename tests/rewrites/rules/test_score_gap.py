"""Score gaps: R16 over fractions, the claim against every pair of tokens, and the distance that it names."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from gap_cells import leaning
from story_claims import told

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.score_gap import GAP, ScoreGapRule

STATEMENT: Any = GAP.statement


def instances(count: int = 300) -> list[dict[str, Any]]:
    """Scores that mostly follow a·s within d; a is sometimes negative."""
    rng, found = random.Random(1), []
    for _ in range(count):
        n = rng.randint(2, 4)
        m, a, d = n - 1, Fraction(rng.randint(-1, 4), 2), Fraction(rng.randint(0, 2), 2)
        s = [rng.randint(-3, 3) for _ in range(n)]
        t = [*(a * size + rng.choice((d, d, d, -d, d + 1)) for size in s[:-1]), a * s[-1]]
        found.append({"a": a, "d": d, "m": m, "j": rng.randint(0, m - 1), "T": Table(t), "s": Table(s)})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, and each change of it is noticed."""
    assert examine(STATEMENT, instances()).passed


def test_mutants_without_one_of_the_premises_are_false():
    """The scores' bound is used, and so is a >= 0."""
    for kept in (STATEMENT.left.left, STATEMENT.left.right):
        assert fails(replace(STATEMENT, left=kept), instances())


def test_every_score_gap_is_bounded(oracle):
    """EQKE[q,m] - EQKE[q,k] against gap(q, m, j) for all k <= j < m, on networks of the kind and on others."""
    for net in (leaning(oracle, 2), leaning(oracle, 3), oracle.random_net(3, "float16", 4, 2)):
        bench, story = told(net)
        claim, table = bench.graph.claim(story.gap), bench.graph.claim(bench.paths).tables["EQKE"].fractions()
        for q in range(net.V):
            for m in range(1, net.V):
                for j in range(m):
                    assert claim.gap(q, m, j) <= min(table[q][m] - table[q][k] for k in range(j + 1))


def test_the_distance_is_the_least_that_works(oracle):
    """From it on all gaps of tokens above all smaller ones are positive, and not from one less."""
    seen = set()
    for seed in range(8):
        net = leaning(oracle, seed) if seed % 2 else oracle.random_net(seed, "float16", 5, 2)
        bench, story = told(net)
        claim = bench.graph.claim(story.gap)
        targets = [m for m in range(1, net.V) if m not in claim.increasing.exceptions]

        def good(distance: int, claim: Any = claim, targets: Any = targets, size: int = net.V) -> bool:
            return all(claim.gap(q, m, m - distance) > 0 for q in range(size) for m in targets if m >= distance)

        distances = [g for g in range(1, net.V) if good(g)] if targets else []
        assert claim.distance == (min(distances) if distances else None)
        assert ("no distance" in claim.sentence()) == (claim.distance is None)
        seen.add(claim.distance is None)
    assert False in seen


def test_claims_about_different_directions_are_refused(oracle):
    """The order must be that of the direction itself."""
    bench, story = told(leaning(oracle, 2))
    other_bench, other = told(leaning(oracle, 5))
    with pytest.raises(NotEstablished, match="not about one direction"):
        ScoreGapRule().conclude([bench.graph.claim(story.rank_one), other_bench.graph.claim(other.increasing)], None)
