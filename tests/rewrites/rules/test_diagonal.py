"""A diagonal table: the lemma over fractions, margins against all entries, exceptions, and what is refused."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from gap_cells import leaning, tabled
from story_claims import bench_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.diagonal import DIAGONAL, Diagonal, DiagonalRule

STATEMENT: Any = DIAGONAL.statement


def instances(count: int = 60) -> list[dict[str, Any]]:
    rng = random.Random(1)
    sizes = [rng.randint(2, 3) for _ in range(count)]
    return [{"n": n, "M": Table([[rng.randint(-3, 3) for _ in range(n)] for _ in range(n)])} for n in sizes]


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances and attained; turned round, or with a maximum for a minimum, it is false."""
    report = examine(STATEMENT, instances())
    assert report.passed and all(mutant.killed for mutant in report.mutants if "extreme" in mutant.change)


def diagonal(net: Any) -> tuple[Diagonal, Any]:
    bench = bench_of(net)
    claim = bench.graph.claim(bench.graph.apply(DiagonalRule(), [bench.known], bench.terms.tables["EVOU"]))
    return claim, bench.graph.claim(bench.paths).tables["EVOU"].fractions()


@pytest.mark.parametrize("seed", range(6))
def test_margins_are_the_least_differences(oracle, seed):
    """Against all entries, of networks that copy and of others."""
    net = leaning(oracle, seed) if seed % 2 else oracle.random_net(seed, "float16", 4, 2)
    claim, table = diagonal(net)
    tokens, others = range(net.V), claim.others.fractions()
    each = [[min(table[k][m] - table[k][x] for x in tokens if x != m) for k in tokens] for m in tokens]
    assert claim.margins == tuple(each[m][m] for m in tokens)
    assert others == [[min(row[: j + 1]) for j in tokens] for row in each]
    assert claim.exceptions == tuple(m for m in tokens if table[m][m] <= max(table[m][:m] + table[m][m + 1 :]))


def test_sentences_say_what_holds(oracle):
    """All rows, some rows with the others named, none; a tie is not a largest entry."""

    def said(*rows: list[int]) -> str:
        return diagonal(tabled(oracle, 3, 2, EVOU=[[Fraction(entry) for entry in row] for row in rows]))[0].sentence()

    assert "In every row" in said([2, 0, 1], [0, 3, 0], [0, 0, 4]) and "at least 1.0000" in said(
        [2, 0, 1], [0, 3, 0], [0, 0, 4]
    )
    assert "in the rows 0 it is not" in said([1, 0, 1], [0, 3, 0], [0, 0, 4])
    assert "In no row" in said([0, 0, 1], [4, 3, 0], [9, 0, 4])


def test_tables_that_have_no_diagonal_are_refused(oracle):
    """Not square, or one row only."""
    for net, name in ((leaning(oracle, 0, 3, 2), "PVOU"), (oracle.net(1, 2, 1, 1), "EVOU")):
        bench = bench_of(net)
        with pytest.raises(NotEstablished, match="not square"):
            bench.graph.apply(DiagonalRule(), [bench.known], bench.terms.tables[name])
