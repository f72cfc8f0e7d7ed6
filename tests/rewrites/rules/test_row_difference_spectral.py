"""Row differences from spectral norms and row lengths: the lemmas over fractions, the rules against exact ranges."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.arithmetic.spectral import singular_values_of_product
from mechproof.engine.formula import Table, Var
from mechproof.engine.graph import ProofGraph
from mechproof.engine.oracle import examine, fails
from mechproof.engine.term import Tensor, Term
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.advice.principal_directions import principal_directions
from mechproof.rewrites.rules.known_matrices import KnownWeights, NameMatrix
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.row_difference import RowDifferenceExact
from mechproof.rewrites.rules.row_difference_norm import RowDifferenceNorm
from mechproof.rewrites.rules.row_difference_spectral import (
    LENGTH,
    POWER,
    ROUNDING,
    TRACE,
    RowDifferenceLength,
    RowDifferenceSpectral,
)

A, B, C = Tensor("W_E", (3, 2)), Tensor("W_Q", (2, 2)), Tensor("W_U", (2, 3))
LEMMAS = [LENGTH, POWER, ROUNDING, TRACE]


def environments(label: str):
    """Random small tables; u is sometimes the exact distance of X and Y and sometimes too small."""
    rng = random.Random(label)

    def table(rows: int, columns: int) -> Table:
        return Table([[rng.randint(-2, 2) for _ in range(columns)] for _ in range(rows)])

    for _ in range(150):
        n, m = rng.randint(1, 3), rng.randint(1, 3)
        x, y = table(n, n), table(n, n)
        distance = max(abs(x(i, j) - y(i, j)) for i, j in itertools.product(range(n), repeat=2))
        vector = Table([rng.randint(-2, 2) for _ in range(n)])
        common = {"n": n, "m": m, "v": vector}
        if label == LENGTH.label:
            yield common | {"M": Table([rng.randint(-2, 2) for _ in range(m)])}
        elif label == TRACE.label:
            yield common | {"W": table(n, m)}
        else:
            yield common | {"X": x, "Y": y, "u": rng.choice([distance, Fraction(distance, 2)])}


@pytest.mark.parametrize("lemma", LEMMAS, ids=lambda lemma: lemma.label)
def test_lemma_holds_is_attained_and_its_mutants_fail(lemma):
    """The printed statement is true, equality occurs, and turned round or without its premise it is false."""
    report = examine(lemma.statement, list(environments(lemma.label)))

    assert report.holds, report.counterexample
    assert report.passed


def test_mutants_with_smaller_numbers_fail():
    """The factor 2 of the first lemma, and the size n in the rounding, cannot be less."""
    inner = LENGTH.statement.body.body  # type: ignore[union-attr]
    single = replace(LENGTH.statement, body=replace(LENGTH.statement.body, body=inner.left <= inner.right.right))  # type: ignore
    assert fails(single, list(environments(LENGTH.label)))

    conclusion = ROUNDING.statement.right  # type: ignore[union-attr]
    added, form = conclusion.right.left, conclusion.right.right
    without_size = ROUNDING.statement.left.implies(conclusion.left <= Var("u") * added.right + form)  # type: ignore
    assert fails(without_size, list(environments(ROUNDING.label)))


def known_weights(name: str) -> tuple[ProofGraph, int]:
    graph = ProofGraph()
    network = graph.apply(NetworkFunctionDefinition(), (), statement_of(zoo.path(name)))
    return graph, graph.apply(KnownWeights(), [network])


@pytest.mark.parametrize("seed", range(10))
def test_the_rules_never_go_below_the_exact_range(seed):
    """One, two and three factors; lengths are at most the spectral norm, which is at most the Frobenius norms."""
    graph, known = small_known(seed)
    for factors in ((A,), (A, B), (A, B, C)):
        claims = [
            graph.claim(graph.apply(rule, [known], factors))
            for rule in (RowDifferenceLength(), RowDifferenceSpectral(), RowDifferenceNorm())
        ]
        exact = graph.claim(graph.apply(RowDifferenceExact(), [known], claims[0].term))
        columns = [[row[0] for row in claim.bounds.fractions()] for claim in (exact, *claims)]
        slack = Fraction(10**6 + 1, 10**6)
        for smaller, larger in itertools.pairwise(columns):
            assert all(a <= b * slack for a, b in zip(smaller, larger, strict=True))
        assert all(a <= b for column in columns[1:] for a, b in zip(columns[0], column, strict=True))
        assert len({claim.term for claim in (exact, *claims)}) == 1


def test_the_rules_are_tight():
    """For the row (1, -1) both bounds are 2 = sqrt(2)·sqrt(2), up to the last bits of the norm's."""
    graph, known = small_known()
    known = graph.apply(NameMatrix(), [known], ("r", DyadicMatrix.from_integers(1, 2, [1, -1], 0)))
    row = (Tensor("r", (1, 2)),)

    assert graph.claim(graph.apply(RowDifferenceLength(), [known], row)).largest == 2
    assert 2 <= graph.claim(graph.apply(RowDifferenceSpectral(), [known], row)).largest <= 2 + Fraction(1, 10**6)


def test_a_product_that_is_zero_has_no_differences():
    """Bounds of zero, exactly."""
    graph, known = small_known()
    known = graph.apply(NameMatrix(), [known], ("z", DyadicMatrix.zero(2, 2)))
    factors: tuple[Term, ...] = (A, Tensor("z", (2, 2)))

    for rule in (RowDifferenceLength(), RowDifferenceSpectral()):
        assert graph.claim(graph.apply(rule, [known], factors)).largest == 0


def test_the_published_bound_of_a_real_network():
    """EQKE without its leading singular direction: sqrt(2)·sigma of the residual to 1e-6, cheaper than multiplying."""
    graph, known = known_weights("max_of_4_v64_d32_seed50")
    E, Q, K = Tensor("W_E", (64, 32)), Tensor("W_Q", (32, 32)), Tensor("W_K", (32, 32))
    left, right = E @ Q, (E @ K).T
    values = graph.claim(known).values
    table = left.evaluate(values) @ right.evaluate(values)
    for name, directions in (("u", principal_directions(table.T, 16)), ("v", principal_directions(table, 16))):
        first = DyadicMatrix.from_integers(64, 1, [row[0] for row in directions.integers()], directions.exponent)
        known = graph.apply(NameMatrix(), [known], (name, first))
    U, W = Tensor("u", (64, 1)), Tensor("v", (64, 1))
    factors = (left - U @ (U.T @ left), right - (right @ W) @ W.T)

    spectral, length = (
        graph.claim(graph.apply(rule, [known], factors)) for rule in (RowDifferenceSpectral(), RowDifferenceLength())
    )
    exact = graph.claim(graph.apply(RowDifferenceExact(), [known], spectral.term))
    low, high = singular_values_of_product([f.evaluate(graph.claim(known).values) for f in factors], 40)[0]

    assert 2 * low**2 <= spectral.largest**2 <= 2 * high**2 * (1 + Fraction(1, 10**6))
    assert exact.largest <= length.largest <= spectral.largest / 2
    unsplit = singular_values_of_product([left.evaluate(values), right.evaluate(values)], 40)[0][0]
    assert unsplit > 50 * high


def test_the_charge_counts_the_small_matrices():
    """Linear in the vocabulary: 64 more rows cost 64·d² more for the Gram matrix, and no 64 × 64 product is paid."""
    rule = RowDifferenceLength()
    sizes = [(64, 4, 64), (128, 4, 64)]
    costs = [
        int(rule.charge((), (Tensor("X", (rows, d)), Tensor("Y", (d, columns)))).multiply) for rows, d, columns in sizes
    ]
    assert costs == [64 * 4 * (4 + 1) + 64 * 16, 128 * 4 * (4 + 1) + 64 * 16]
    spectral = [
        int(RowDifferenceSpectral().charge((), (Tensor("X", (rows, d)), Tensor("Y", (d, columns)))).multiply)
        for rows, d, columns in sizes
    ]
    assert spectral[1] - spectral[0] == 64 * 16
