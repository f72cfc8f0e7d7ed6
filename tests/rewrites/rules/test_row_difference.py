"""The exact row difference and its transport along equations."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.equality import Application, Expansion, Step
from mechproof.engine.formula import Relation
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Named, Ones, Tensor
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.equations import TABLE
from mechproof.rewrites.rules.known_matrices import KnownWeights
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.row_difference import (
    RANGE,
    RowDifferenceAlong,
    RowDifferenceExact,
    multiplications,
)
from mechproof.rewrites.rules.zero_tensor import ZeroByValue

W_E, W_V, W_O = Tensor("W_E", (64, 32)), Tensor("W_V", (32, 32)), Tensor("W_O", (32, 32))


def known_weights() -> tuple[ProofGraph, int]:
    graph = ProofGraph()
    statement = statement_of(zoo.path("max_of_2_v64_d32_seed123"))
    return graph, graph.apply(KnownWeights(), [graph.apply(NetworkFunctionDefinition(), (), statement)])


def environments():
    """Small matrices of small integers, as tables."""
    rng = random.Random(7)
    for _ in range(60):
        n, m = rng.randint(1, 3), rng.randint(1, 3)
        rows = [[rng.randint(-3, 3) for _ in range(m)] for _ in range(n)]
        yield {"n": n, "m": m, "M": lambda r, c, rows=rows: rows[r][c]}


def test_lemma_holds():
    """The printed statement is true for small matrices."""
    assert all(RANGE.statement.value(env) for env in environments())  # type: ignore[union-attr]


def test_mutants_of_the_lemma_fail():
    """A strict inequality, or the sides exchanged, is false somewhere."""
    inner = RANGE.statement.body.body.body  # type: ignore[union-attr]
    for mutant in (Relation("<", inner.left, inner.right), Relation("\\le", inner.right, inner.left)):
        statement = _with_inner(mutant)
        assert not all(statement.value(env) for env in environments())


def _with_inner(inner):
    outer = RANGE.statement
    middle = outer.body  # type: ignore[union-attr]
    return replace(outer, body=replace(middle, body=replace(middle.body, body=inner)))  # type: ignore[type-var]


def test_the_exact_bound_is_the_range_of_every_row():
    """On real weights, against fractions; tight to the last bit."""
    graph, known = known_weights()
    claim = graph.claim(graph.apply(RowDifferenceExact(), [known], W_E @ W_V))

    rows = (W_E @ W_V).evaluate(graph.claim(known).values).fractions()

    assert claim.bounds.fractions() == [[max(row) - min(row)] for row in rows]
    assert claim.largest == max(max(row) - min(row) for row in rows)
    assert "differ by at most" in claim.sentence()


def test_a_bound_moves_along_an_equation_and_not_otherwise():
    """Re-bracketing keeps the bound; an equation about something else is refused."""
    graph, known = known_weights()
    left, right = (W_E @ W_V) @ W_O, W_E @ (W_V @ W_O)
    bound = graph.apply(RowDifferenceExact(), [known], left)

    moved = graph.apply(RowDifferenceAlong(), [bound, graph.apply(Expansion(), (), (left, right))])

    assert graph.claim(moved).term == right and graph.claim(moved).bounds == graph.claim(bound).bounds
    with pytest.raises(NotEstablished, match="the equation about"):
        graph.apply(RowDifferenceAlong(), [bound, graph.apply(Expansion(), (), (right, left))])


def test_multiplications_count_equal_subterms_once():
    """64·32·32 for one product, no more when it occurs twice; abbreviations cost what they abbreviate."""
    one = W_E @ W_V

    assert multiplications(one) == 64 * 32 * 32 == multiplications(one + one)
    assert multiplications(Named("M", one)) == multiplications(one)
    assert multiplications(one @ W_O) == 2 * 64 * 32 * 32


def test_equal_terms_with_different_bounds_are_different_claims():
    """The bound is part of the claim."""
    graph, known = known_weights()
    claim = graph.claim(graph.apply(RowDifferenceExact(), [known], W_E))

    weaker = replace(claim, bounds=claim.bounds + DyadicMatrix.ones(64, 1))

    assert weaker.identity() != claim.identity() and weaker.largest == claim.largest + Fraction(1)


def test_an_equation_that_rests_on_a_fact_carries_no_bound():
    """W_E + 1 b = W_E holds where b is zero; a bound for one side is not one for the other everywhere."""
    graph, known = known_weights()
    bias = Tensor("b_O", (1, 32))
    network = next(step.claim for step in graph.derivations() if not step.premises)
    zero = graph.apply(ZeroByValue(), [network], bias)
    left = W_E + Ones(64) @ bias
    equal = graph.apply(Step(TABLE["vanish"]), [zero], Application(left, (1, 1)))
    bound = graph.apply(RowDifferenceExact(), [known], left)

    with pytest.raises(NotEstablished, match="all matrices"):
        graph.apply(RowDifferenceAlong(), [bound, equal])
