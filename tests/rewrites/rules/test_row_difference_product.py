"""Row differences of products: the lemmas over fractions, the rules against the exact range, and mutants."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import At, Num, Total
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Tensor
from mechproof.engine.whatif import merge
from mechproof.rewrites.rules.known_matrices import NameMatrix
from mechproof.rewrites.rules.row_difference import RowDifferenceExact
from mechproof.rewrites.rules.row_difference_product import MEAN, PRODUCT, RowDifferenceMean, RowDifferenceProduct

A, B = Tensor("W_E", (3, 2)), Tensor("W_Q", (2, 2))


def environments(count: int = 150):
    """Rows A and a, a matrix B, its exact row differences d and those of aB as e."""
    rng = random.Random(11)
    for _ in range(count):
        n, m = rng.randint(1, 3), rng.randint(1, 3)
        left, row = ([Fraction(rng.randint(-3, 3), 2) for _ in range(n)] for _ in range(2))
        right = [[Fraction(rng.randint(-3, 3)) for _ in range(m)] for _ in range(n)]
        common = [sum(x * line[c] for x, line in zip(row, right, strict=True)) for c in range(m)]
        yield {
            "n": n,
            "m": m,
            "e": max(common) - min(common),
            "A": left.__getitem__,
            "a": row.__getitem__,
            "B": lambda k, c, right=right: right[k][c],
            "d": lambda k, right=right: max(right[k]) - min(right[k]),
        }


@pytest.mark.parametrize("lemma", [PRODUCT, MEAN], ids=lambda lemma: lemma.label)
def test_lemma_holds(lemma):
    """With the exact differences as premises the conclusion is true."""
    assert all(lemma.statement.value(env) for env in environments())


def _conclusion(lemma):
    return lemma.statement.right.body.body


@pytest.mark.parametrize("lemma", [PRODUCT, MEAN], ids=lambda lemma: lemma.label)
def test_lemma_is_attained(lemma):
    """Equality occurs: the bound minus a unit would be false."""
    inner = _conclusion(lemma)
    tighter = _with_conclusion(lemma, replace(inner, right=inner.right - Num(Fraction(1, 1000))))

    assert not all(tighter.value(env) for env in environments())


def _with_conclusion(lemma, inner):
    outer = lemma.statement.right
    return replace(lemma.statement, right=replace(outer, body=replace(outer.body, body=inner)))


def test_mutants_of_the_lemmas_fail():
    """Without absolute values, and without the common row's own difference, the statements are false."""
    inner = _conclusion(PRODUCT)
    total: Total = inner.right
    signed = replace(total, body=At("A", total.var) * At("d", total.var, subscript=True))
    assert not all(_with_conclusion(PRODUCT, replace(inner, right=signed)).value(env) for env in environments())

    inner = _conclusion(MEAN)
    rest: Total = inner.right.right
    assert not all(_with_conclusion(MEAN, replace(inner, right=rest)).value(env) for env in environments())


@pytest.mark.parametrize("seed", range(12))
def test_the_rules_never_go_below_the_exact_range(seed):
    """Both bounds dominate the range of every row, for a good common row and for a silly one."""
    graph, known = small_known(seed)
    right = graph.apply(RowDifferenceExact(), [known], B)
    exact = graph.claim(graph.apply(RowDifferenceExact(), [known], A @ B)).bounds.fractions()
    found = [graph.claim(graph.apply(RowDifferenceProduct(), [known, right], A))]
    for name, entries in (("near", [1, -1]), ("silly", [1000, 999])):
        named = graph.apply(NameMatrix(), [known], (name, DyadicMatrix.from_integers(1, 2, entries, -2)))
        row = Tensor(name, (1, 2))
        common = graph.apply(RowDifferenceExact(), [named], row @ B)
        found.append(graph.claim(graph.apply(RowDifferenceMean(), [named, right, common], (A, row))))

    for claim in found:
        assert claim.term == A @ B
        assert all(bound[0] >= truth[0] for bound, truth in zip(claim.bounds.fractions(), exact, strict=True))


def test_a_single_inner_dimension_makes_the_product_rule_exact():
    """Margin of zero: with one summand the bound is the range."""
    graph, known = small_known()
    column, row = (DyadicMatrix.from_integers(*shape, [3, -5], 0) for shape in ((2, 1), (1, 2)))
    known = graph.apply(NameMatrix(), [known], ("c", column))
    known = graph.apply(NameMatrix(), [known], ("r", row))
    c, r = Tensor("c", (2, 1)), Tensor("r", (1, 2))

    bound = graph.apply(RowDifferenceProduct(), [known, graph.apply(RowDifferenceExact(), [known], r)], c)

    assert graph.claim(bound).bounds == graph.claim(graph.apply(RowDifferenceExact(), [known], c @ r)).bounds


def test_a_common_bound_about_another_row_is_refused():
    """The second premise of the mean rule must be about the row that was split off."""
    graph, known = small_known()
    named = graph.apply(NameMatrix(), [known], ("row", DyadicMatrix.from_integers(1, 2, [1, 1], 0)))
    right = graph.apply(RowDifferenceExact(), [known], B)

    with pytest.raises(NotEstablished, match="second bound"):
        graph.apply(RowDifferenceMean(), [named, right, right], (A, Tensor("row", (1, 2))))


def test_a_bound_about_another_network_is_refused():
    """One graph may hold several networks; their bounds do not mix."""
    graph, known = small_known(0)
    other, other_known = small_known(1)
    ids = merge(graph, other)
    foreign = graph.apply(RowDifferenceExact(), [ids[other_known]], B)

    with pytest.raises(NotEstablished, match="other matrices"):
        graph.apply(RowDifferenceProduct(), [known, foreign], A)


def test_one_name_with_two_values_does_not_mix():
    """A name of advice may be given twice; a bound for one value says nothing about the other."""
    graph, known = small_known()
    small, large = (
        graph.apply(NameMatrix(), [known], ("v", DyadicMatrix.from_integers(2, 2, [1, -1, 0, size], 0)))
        for size in (1, 1000)
    )
    v = Tensor("v", (2, 2))
    about_small = graph.apply(RowDifferenceExact(), [small], v)
    about_large = graph.apply(RowDifferenceExact(), [large], v)

    assert about_small != about_large
    for wrong in (large, known):
        with pytest.raises(NotEstablished, match="other matrices"):
            graph.apply(RowDifferenceProduct(), [wrong, about_small], A)
    assert graph.claim(graph.apply(RowDifferenceProduct(), [small, about_small], A)).term == A @ v
