"""Row differences from Frobenius norms: the lemma over fractions, the rule against the exact range."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Num
from mechproof.engine.term import Tensor
from mechproof.rewrites.rules.known_matrices import NameMatrix
from mechproof.rewrites.rules.row_difference import RowDifferenceExact
from mechproof.rewrites.rules.row_difference_norm import FROBENIUS, RowDifferenceNorm

A, B, C = Tensor("W_E", (3, 2)), Tensor("W_Q", (2, 2)), Tensor("W_U", (2, 3))


def environments():
    rng = random.Random(3)
    for _ in range(120):
        n, m = rng.randint(1, 3), rng.randint(1, 3)
        left = [rng.randint(-2, 2) for _ in range(n)]
        right = [[rng.randint(-2, 2) for _ in range(m)] for _ in range(n)]
        yield {"n": n, "m": m, "A": left.__getitem__, "B": lambda k, c, right=right: right[k][c]}


def _with_factor(factor: Fraction):
    statement = FROBENIUS.statement
    inner = statement.body.body  # type: ignore[union-attr]
    product = replace(inner.right, left=replace(inner.right.left, left=Num(factor)))
    return replace(statement, body=replace(statement.body, body=replace(inner, right=product)))  # type: ignore


def test_lemma_holds():
    """The printed statement, with its factor 2, is true."""
    assert FROBENIUS.statement == _with_factor(Fraction(2))
    assert all(_with_factor(Fraction(2)).value(env) for env in environments())


@pytest.mark.parametrize("factor", [Fraction(199, 100), Fraction(1), Fraction(-2)])
def test_mutants_of_the_lemma_fail(factor):
    """A smaller factor is refuted by some instance."""
    assert not all(_with_factor(factor).value(env) for env in environments())


@pytest.mark.parametrize("seed", range(10))
def test_the_rule_never_goes_below_the_exact_range(seed):
    """One, two and three factors."""
    graph, known = small_known(seed)
    for factors in ((A,), (A, B), (A, B, C)):
        bound = graph.claim(graph.apply(RowDifferenceNorm(), [known], factors))
        exact = graph.claim(graph.apply(RowDifferenceExact(), [known], bound.term))
        assert bound.largest >= exact.largest
        assert all(b[0] >= e[0] for b, e in zip(bound.bounds.fractions(), exact.bounds.fractions(), strict=True))


def test_the_rule_is_tight_to_its_last_bit():
    """For the row (1, -1) the bound is 2 = sqrt(2)·sqrt(2), exactly."""
    graph, known = small_known()
    known = graph.apply(NameMatrix(), [known], ("r", DyadicMatrix.from_integers(1, 2, [1, -1], 0)))

    bound = graph.apply(RowDifferenceNorm(), [known], (Tensor("r", (1, 2)),))

    assert graph.claim(bound).largest == 2
