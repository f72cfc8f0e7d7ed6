"""A table as a cheap table plus noise: the lemma over fractions, the rules, and parts that do not add up."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from gap_cells import split_faults, split_slack
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.graph import ProofGraph
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Ones, Tensor
from mechproof.engine.whatif import merge
from mechproof.models.one_layer_terms import OneLayerTerms
from mechproof.rewrites.rules.known_matrices import NameMatrix
from mechproof.rewrites.rules.network_function import NetworkFunction
from mechproof.rewrites.rules.row_difference import RowDifferenceExact
from mechproof.rewrites.rules.row_split import SPLIT, TABLES, Split, SplitAlong, TableItself
from mechproof.rewrites.standard_forms import paths_of

STATEMENT: Any = SPLIT.statement
TERMS = OneLayerTerms(3, 2, 2, 2)


def instances(count: int = 200) -> list[dict[str, Any]]:
    """Small tables A and R; T is mostly A + R - c, and d mostly the exact row difference of R."""
    rng, found = random.Random(1), []
    for _ in range(count):
        n, m = rng.randint(1, 2), rng.randint(1, 3)
        a, r = ([[rng.randint(-2, 2) for _ in range(m)] for _ in range(n)] for _ in range(2))
        c = [rng.randint(-2, 2) for _ in range(n)]
        d = [max(row) - min(row) - rng.choice((0, 0, 0, 1)) for row in r]
        t = [[a[i][j] + r[i][j] - c[i] for j in range(m)] for i in range(n)]
        t[0][0] += rng.choice((0, 0, 0, 3))
        tables = {"T": t, "A": a, "R": r, "c": c, "d": d}
        found.append({"n": n, "m": m} | {name: Table(rows) for name, rows in tables.items()})
    return found


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """True of all instances, attained on one; turned round or without its premise it is false of one."""
    report = examine(STATEMENT, instances())
    assert report.passed
    assert [mutant.required for mutant in report.mutants] == [True, True]


def test_mutants_without_one_of_the_premises_are_false():
    """Both are used: that the parts add up, and that the noise is bounded."""
    for kept in (STATEMENT.left.left, STATEMENT.left.right):
        assert fails(replace(STATEMENT, left=kept), instances())


def workshop(seed: int) -> tuple[ProofGraph, int, int]:
    """A small network's graph, and its claims of paths and of known matrices."""
    graph, known = small_known(seed)
    statement = graph.claim(known).statement
    network = graph.find(NetworkFunction(statement))
    assert network is not None
    return graph, paths_of(graph, graph.claim(network).statement), known


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_its_own_approximation(name):
    """Nothing is lost: every difference is attained, and there is no noise."""
    graph, paths, _ = workshop(0)
    split = graph.claim(graph.apply(TableItself(), [paths], name))
    table = graph.claim(paths).tables[name]
    assert set(split_slack(split, table).values()) == {0}
    assert split.largest == 0 and "known exactly" in split.sentence()


@pytest.mark.parametrize("seed", range(6))
def test_a_split_dominates_every_difference(seed):
    """EQKE without a random outer product: with the exact difference of the rest, attained in every row."""
    rng = random.Random(seed)
    graph, paths, known = workshop(seed)
    for name, shape in (("u", (3, 1)), ("z", (1, 3)), ("c", (3, 1))):
        matrix = DyadicMatrix.from_integers(*shape, [rng.randint(-20, 20) for _ in range(3)], -2)
        known = graph.apply(NameMatrix(), [known], (name, matrix))
    u, z, c = Tensor("u", (3, 1)), Tensor("z", (1, 3)), Tensor("c", (3, 1))
    table = graph.claim(paths).tables["EQKE"]
    for column in (None, c):
        rest = TERMS.tables["EQKE"] - u @ z
        rest = rest if column is None else rest + column @ Ones(3).T
        noise = graph.apply(RowDifferenceExact(), [known], rest)
        split = graph.claim(graph.apply(SplitAlong(), [known, noise], Split("EQKE", u @ z, column)))
        slack = split_slack(split, table)
        assert all(min(slack[q, i, j] for i in range(3) for j in range(3)) == 0 for q in range(3))
        assert split.largest > 0 and "low rank" in split.sentence()
        one_less = replace(split, bounds=split.bounds - DyadicMatrix.ones(3, 1))
        assert len(split_faults(one_less, table)) >= 3


def test_a_row_stands_for_all_queries():
    """A 1 × V approximation is what every row has in common."""
    graph, paths, known = workshop(3)
    known = graph.apply(NameMatrix(), [known], ("e", DyadicMatrix.from_integers(1, 3, [5, -9, 2], -3)))
    e = Tensor("e", (1, 3))
    noise = graph.apply(RowDifferenceExact(), [known], TERMS.tables["UU"] - Ones(3) @ e)
    split = graph.claim(graph.apply(SplitAlong(), [known, noise], Split("UU", e)))
    assert split.approximation.shape == (1, 3) and "one row for all queries" in split.sentence()
    assert not split_faults(split, graph.claim(paths).tables["UU"])
    assert split.looseness == sum(row[0] for row in split.bounds.fractions())


def parts(graph: ProofGraph, known: int) -> tuple[int, int, Tensor, Tensor]:
    for name, shape in (("u", (3, 1)), ("z", (1, 3))):
        matrix = DyadicMatrix.from_integers(*shape, [1, 2, 3], 0)
        known = graph.apply(NameMatrix(), [known], (name, matrix))
    u, z = Tensor("u", (3, 1)), Tensor("z", (1, 3))
    return known, graph.apply(RowDifferenceExact(), [known], TERMS.tables["EQKE"] - u @ z), u, z


def test_parts_that_do_not_add_up_are_refused():
    """A missing term, another table, a doubled term, a column on one side only."""
    graph, _, known = workshop(0)
    known, noise, u, z = parts(graph, known)
    wrong = [
        Split("EQKE", u @ z + u @ z),
        Split("EQKE", TERMS.tables["EQKE"]),
        Split("UU", u @ z),
        Split("EVOU", u @ z),
        Split("EQKE", u @ z, u),
        Split("EQKE", u @ Ones(3).T, u),
    ]
    for split in wrong:
        with pytest.raises(NotEstablished, match="same words"):
            graph.apply(SplitAlong(), [known, noise], split)
    assert graph.apply(SplitAlong(), [known, noise], Split("EQKE", u @ z))


def test_shapes_that_do_not_fit_are_refused():
    """The rule's own refusal, not an accident of the arithmetic."""
    graph, _, known = workshop(0)
    known, noise, u, z = parts(graph, known)
    small = graph.apply(RowDifferenceExact(), [known], z)
    for premise, split in (
        (noise, Split("EQKE", u)),
        (noise, Split("EQKE", z @ u)),
        (noise, Split("EQKE", TERMS.tables["EQKP"])),
        (noise, Split("EQKE", u @ z, z)),
        (noise, Split("EQKE", u @ z, Ones(2))),
        (small, Split("EQKE", u @ z)),
    ):
        with pytest.raises(NotEstablished, match="shapes of a split"):
            graph.apply(SplitAlong(), [known, premise], split)


@pytest.mark.parametrize("name", ["EQKP", "PVOU", "", "W_E"])
def test_only_tables_that_splits_are_for(name):
    """Splits are of EQKE, UU and EVOU."""
    graph, paths, known = workshop(0)
    known, noise, u, z = parts(graph, known)
    with pytest.raises(NotEstablished, match="a split is of one of"):
        graph.apply(TableItself(), [paths], name)
    with pytest.raises(NotEstablished, match="a split is of one of"):
        graph.apply(SplitAlong(), [known, noise], Split(name, u @ z))


def test_noise_of_another_network_or_another_value_is_refused():
    """Bounds and values must be about one network and one meaning of every name."""
    graph, _, known = workshop(0)
    other, _, foreign = workshop(1)
    foreign, foreign_noise, u, z = parts(other, foreign)
    ids = merge(graph, other)
    known, _, _, _ = parts(graph, known)
    with pytest.raises(NotEstablished, match="other matrices"):
        graph.apply(SplitAlong(), [known, ids[foreign_noise]], Split("EQKE", u @ z))
    bare = graph.apply(NameMatrix(), [workshop_known(graph)], ("u", DyadicMatrix.from_integers(3, 1, [9, 9, 8], 0)))
    bare = graph.apply(NameMatrix(), [bare], ("z", DyadicMatrix.from_integers(1, 3, [1, 2, 3], 0)))
    noise = graph.apply(RowDifferenceExact(), [bare], TERMS.tables["EQKE"] - u @ z)
    with pytest.raises(NotEstablished, match="other matrices"):
        graph.apply(SplitAlong(), [known, noise], Split("EQKE", u @ z))


def workshop_known(graph: ProofGraph) -> int:
    """The claim of the weights alone, the oldest of its kind."""
    return next(d.claim for d in graph.derivations() if d.rule.name == "known_weights")


def test_what_a_split_along_a_term_costs():
    """One comparison of terms an entry."""
    u, z = Tensor("u", (3, 1)), Tensor("z", (1, 3))
    assert Fraction(SplitAlong().charge((), Split("EQKE", u @ z)).multiply) == 9  # type: ignore[arg-type]
