"""One direction for all queries: the lemma over fractions, factors that do not fit, and what the claim bounds."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest
from gap_cells import leaning
from story_claims import told

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.rank_one import DIRECTION, Factors, RankOneRule
from mechproof.rewrites.rules.row_split import TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange

STATEMENT: Any = DIRECTION.statement


def instances(count: int = 200) -> list[dict[str, Any]]:
    """A mostly a·s, T mostly within d of it."""
    rng, found = random.Random(1), []
    for _ in range(count):
        n, m = rng.randint(1, 2), rng.randint(1, 3)
        a, s = [rng.randint(-2, 2) for _ in range(n)], [rng.randint(-2, 2) for _ in range(m)]
        table = [[x * y + (rng.random() < 0.1) for y in s] for x in a]
        d = [rng.randint(0, 1) for _ in range(n)]
        wide = [bound + (rng.random() < 0.1) for bound in d]
        t = [[entry + rng.randint(0, most) for entry in row] for row, most in zip(table, wide, strict=True)]
        tables = {"T": t, "A": table, "a": a, "s": s, "d": d}
        found.append({"n": n, "m": m} | {name: Table(rows) for name, rows in tables.items()})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one, false without its premise or turned round."""
    assert examine(STATEMENT, instances()).passed


def test_mutants_without_one_of_the_premises_are_false():
    """Both are used: the table is the product, and it bounds the differences."""
    for kept in (STATEMENT.left.left, STATEMENT.left.right):
        assert fails(replace(STATEMENT, left=kept), instances())


def test_the_claim_bounds_every_difference(oracle):
    """EQKE[q,i] - EQKE[q,j] <= a (s[i] - s[j]) + d on networks of the kind and on others."""
    for net in (leaning(oracle, 1), oracle.random_net(4, "float16", 4, 2)):
        bench, story = told(net)
        claim, table = bench.graph.claim(story.rank_one), bench.graph.claim(bench.paths).tables["EQKE"].fractions()
        a, (s,), d = claim.factors.strength.fractions(), claim.factors.size.fractions(), claim.split.bounds.fractions()
        assert min(row[0] for row in claim.factors.strength.fractions()) > 0
        assert "one direction" in claim.sentence()
        slack = [
            a[q][0] * (s[i] - s[j]) + d[q][0] - (table[q][i] - table[q][j])
            for q, i, j in itertools.product(range(net.V), repeat=3)
        ]
        assert min(slack) == 0


def test_factors_that_do_not_fit_are_refused(oracle):
    """Another product, a strength that is not positive, a row for a column; a split without factors."""
    bench, story = told(leaning(oracle, 1))
    claim = bench.graph.claim(story.rank_one)
    a, s = claim.factors.strength, claim.factors.size
    for factors, reason in (
        (Factors(a, s + s), "not the product"),
        (Factors(s.T, a.T), "not the product"),
        (Factors(s, a), "strengths for"),
        (Factors(-a, -s), "are not positive"),
    ):
        with pytest.raises(NotEstablished, match=reason):
            RankOneRule().conclude([claim.split], factors)
    exact = TableItself().conclude([bench.graph.claim(bench.paths)], "EQKE")
    with pytest.raises(NotEstablished, match="not the product"):
        RankOneRule().conclude([exact], claim.factors)
    wide = replace(claim.split, bounds=DyadicMatrix.zero(*claim.split.approximation.shape))
    with pytest.raises(NotEstablished, match="one bound a row"):
        RankOneRule().conclude([wide], claim.factors)


def test_one_strength_does_not_stand_for_all_queries(oracle):
    """A split along one common row is a product of this row with [1]; the queries still have a strength each."""
    bench, _ = told(leaning(oracle, 1))
    paths = bench.graph.claim(bench.paths)
    common = SplitRange().conclude([paths], CommonRow("EQKE", paths.tables["EQKE"].row(0), "rows"))
    with pytest.raises(NotEstablished, match="1 strengths for"):
        RankOneRule().conclude([common], Factors(DyadicMatrix.ones(1, 1), common.approximation))
