"""A common row and the rest exactly: the lemma over fractions, each kind of bound against all differences."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest
from gap_cells import split_slack

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.row_split_range import KINDS, PAIRS, CommonRow, SplitRange

RULE = SplitRange()


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of random tables, attained; turned round, or with the least rest for the largest, it is false."""
    rng = random.Random(2)

    def instance():
        n, m = rng.randint(1, 2), rng.randint(1, 3)
        rows = [[Fraction(rng.randint(-6, 6), 2) for _ in range(m)] for _ in range(n)]
        return {"n": n, "m": m, "T": Table(rows), "a": Table([rng.randint(-2, 2) for _ in range(m)])}

    report = examine(PAIRS.statement, [instance() for _ in range(80)])  # type: ignore[arg-type]
    assert report.passed
    assert all(mutant.killed for mutant in report.mutants) and len(report.mutants) == 2


def rows(net, rng) -> list[DyadicMatrix | None]:
    """No row, a plausible one, and one beyond all measure."""
    return [None, *(DyadicMatrix.from_integers(1, net.V, [rng.randint(-9, 9) for _ in range(net.V)], e)
                    for e in (-3, 70))]  # fmt: skip


@pytest.mark.parametrize("flavour", ["float16", "huge", "denormal", "no unembedding"])
def test_every_difference_is_dominated(oracle, flavour):
    """Each kind by enumeration; pairs is attained for every target, rows in every row, all somewhere."""
    rng = random.Random(3)
    for seed in range(4):
        net = oracle.random_net(seed, flavour)
        paths = net.margin().paths
        for row in rows(net, rng):
            found = {}
            for kind in KINDS:
                split = RULE.conclude([paths], CommonRow("UU", row, kind))
                found[kind] = split_slack(split, paths.tables["UU"])
            V = range(net.V)
            assert min(min(slack.values()) for slack in found.values()) == 0
            assert all(min(found["pairs"][q, i, j] for i in V) == 0 for q, j in itertools.product(V, V))
            assert all(min(found["rows"][q, i, j] for i in V for j in V) == 0 for q in V)
            for tighter, looser in itertools.pairwise(KINDS):
                assert all(found[tighter][index] <= found[looser][index] for index in found[looser])


def test_the_kinds_differ(oracle):
    """On a random network each weakening of the bound loses something."""
    paths = oracle.random_net(0, "float16").margin().paths
    total = [sum(split_slack(RULE.conclude([paths], CommonRow("UU", None, kind)), paths.tables["UU"]).values())
             for kind in KINDS]  # fmt: skip
    assert total == sorted(set(total))


def test_what_is_not_a_common_row_is_refused(oracle):
    """A row of another length, a column, a kind or a table that is not one of those offered."""
    net = oracle.random_net(1, "float16", 4, 2)
    paths = net.margin().paths
    for shape in ((1, 3), (1, 5), (4, 1), (4, 4)):
        with pytest.raises(NotEstablished, match="the common row is"):
            RULE.conclude([paths], CommonRow("UU", DyadicMatrix.zero(*shape), "rows"))
    with pytest.raises(NotEstablished, match="bounded by one of"):
        RULE.conclude([paths], CommonRow("UU", None, "every"))
    with pytest.raises(NotEstablished, match="a split is of one of"):
        RULE.conclude([paths], CommonRow("PVOU", None, "rows"))
