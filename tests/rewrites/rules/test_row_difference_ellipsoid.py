"""Row differences from an ellipsoid: the lemma over fractions, the rule against exact ranges, any advice."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Num, Table
from mechproof.engine.graph import ProofGraph
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Tensor
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.advice.ellipsoid import enclosing
from mechproof.rewrites.rules import row_difference_ellipsoid
from mechproof.rewrites.rules.known_matrices import KnownWeights, NameMatrix
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.row_difference import RowDifferenceExact
from mechproof.rewrites.rules.row_difference_ellipsoid import ELLIPSOID, Ellipsoid, RowDifferenceEllipsoid
from mechproof.rewrites.standard_forms import paths_of
from mechproof.rewrites.strategies.search.products import ellipsoid_bound
from mechproof.rewrites.strategies.splits.attention import attention_split
from mechproof.rewrites.strategies.splits.common import Workbench

A, B = Tensor("W_E", (3, 2)), Tensor("W_U", (2, 3))
STATEMENT: Any = ELLIPSOID.statement


def environments(count: int = 300):
    """Rows y and columns U; R is the largest square of a length, or less; some columns are opposite."""
    rng = random.Random(1)
    for _ in range(count):
        n, m = rng.randint(1, 2), rng.randint(1, 3)
        columns = [[Fraction(rng.randint(-2, 2)) for _ in range(n)] for _ in range(m)]
        columns[-1] = [-entry for entry in columns[0]]
        largest = max(sum(entry**2 for entry in column) for column in columns)
        yield {
            "n": n, "m": m, "U": Table([list(row) for row in zip(*columns, strict=True)]),
            "y": Table(rng.choice([columns[0], [Fraction(rng.randint(-2, 2)) for _ in range(n)]])),
            "R": largest * rng.choice((1, 1, Fraction(1, 2))),
        }  # fmt: skip


def test_lemma_holds_is_attained_and_its_mutants_fail():
    """The printed statement is true, equality occurs, and turned round or without its premise it is false."""
    report = examine(STATEMENT, list(environments()))
    assert report.passed


def test_mutant_with_a_smaller_factor_fails():
    """The number 4 cannot be 3."""
    inner = STATEMENT.right.body.body
    less = replace(inner, right=Num(3) * inner.right.left.right * inner.right.right)
    mutant = replace(STATEMENT.right, body=replace(STATEMENT.right.body, body=less))
    assert fails(replace(STATEMENT, right=mutant), list(environments()))


def named(graph: ProofGraph, known: int, parts: Any) -> tuple[int, list[Tensor]]:
    """The claim that knows these matrices as y, shape, z, and their names."""
    tensors = []
    for name, part in zip(("y", "shape", "z"), parts, strict=True):
        known = graph.apply(NameMatrix(), [known], (name, part))
        tensors.append(Tensor(name, part.shape))
    return known, tensors


def bounds(graph: ProofGraph, known: int, parts: Any) -> tuple[list[Fraction], list[Fraction]]:
    """The bounds with this advice, and the exact ranges."""
    known, tensors = named(graph, known, parts)
    claim = graph.claim(graph.apply(RowDifferenceEllipsoid(), [known], Ellipsoid(A, B, *tensors)))
    exact = graph.claim(graph.apply(RowDifferenceExact(), [known], A @ B))
    assert claim.term == exact.term
    return [row[0] for row in claim.bounds.fractions()], [row[0] for row in exact.bounds.fractions()]


def garbage(rng: random.Random, size: int) -> list[DyadicMatrix]:
    shapes = ((3, size), (size, 2), (2, 1))
    return [
        DyadicMatrix.from_integers(r, c, [rng.randint(-9, 9) for _ in range(r * c)], rng.randint(-4, 2))
        for r, c in shapes
    ]


@pytest.mark.parametrize("seed", range(8))
def test_the_rule_never_goes_below_the_exact_range(seed):
    """With the ellipsoid that is found, and with garbage of any size."""
    rng = random.Random(seed)
    graph, known = small_known(seed)
    values = graph.claim(known).values
    found = enclosing(A.evaluate(values), B.evaluate(values))
    for parts in (found, garbage(rng, 1), garbage(rng, 2), garbage(rng, 3)):
        for bound, exact in zip(*bounds(graph, known, parts), strict=True):
            assert bound >= exact


def test_the_rule_is_tight():
    """Opposite columns along the row: the bound is the difference; a zero ellipsoid leaves the product's bound."""
    graph, known = small_known()
    tensors = []
    for name, rows, columns, entries in (
        ("a", 1, 2, [3, 4]), ("b", 2, 2, [3, -3, 4, -4]), ("y", 1, 2, [3, 4]),
        ("shape", 2, 2, [1, 0, 0, 1]), ("z", 2, 1, [0, 0]), ("o", 2, 2, [0] * 4),
    ):  # fmt: skip
        known = graph.apply(NameMatrix(), [known], (name, DyadicMatrix.from_integers(rows, columns, entries, 0)))
        tensors.append(Tensor(name, (rows, columns)))
    a, b, y, s, z, o = tensors
    for shape, largest in ((s, 50), (o, 3 * 6 + 4 * 8)):
        bound = graph.apply(RowDifferenceEllipsoid(), [known], Ellipsoid(a, b, y, shape, z))
        assert graph.claim(bound).largest == largest


def test_columns_that_are_all_equal():
    """An ellipsoid of no size is found, and the bound is nearly zero."""
    zero = DyadicMatrix.zero(2, 3)
    for right in (zero, DyadicMatrix.from_integers(2, 3, [5, 5, 5, 1, 1, 1], 0)):
        y, s, z = enclosing(DyadicMatrix.ones(4, 2), right)
        assert (y.shape, s.shape, z.shape) == ((4, 2), (2, 2), (2, 1))


def test_shapes_that_do_not_fit_are_refused():
    """Each of the advice's matrices has its shape."""
    graph, known = small_known()
    good = garbage(random.Random(1), 2)
    for place, shape in enumerate(((2, 2), (3, 2), (1, 1))):
        parts = list(good)
        parts[place] = DyadicMatrix.zero(*shape)
        fresh, tensors = named(graph, known, parts)
        with pytest.raises(NotEstablished, match="do not fit"):
            graph.apply(RowDifferenceEllipsoid(), [fresh], Ellipsoid(A, B, *tensors))


def test_mutants_that_leave_a_part_out_are_noticed(monkeypatch):
    """Without the ellipsoid's part its own advice gives too little, and without the rest advice of zeros does."""
    zeros = [DyadicMatrix.zero(3, 2), DyadicMatrix.zero(2, 2), DyadicMatrix.zero(2, 1)]
    for name in ("_squared_rows", "absolute"):
        with monkeypatch.context() as patch:
            patch.setattr(row_difference_ellipsoid, name, _nothing(name))
            graph, known = small_known()
            values = graph.claim(known).values
            parts = zeros if name == "absolute" else enclosing(A.evaluate(values), B.evaluate(values))
            assert any(bound < exact for bound, exact in zip(*bounds(graph, known, parts), strict=True))


def _nothing(name: str) -> Any:
    """Zeros in the shape of what the function gives."""
    return lambda matrix: DyadicMatrix.zero(matrix.shape[0], matrix.shape[1] if name == "absolute" else 1)


def test_better_than_lengths_on_a_trained_network():
    """The rest of the zoo's rank-one split: less than by lengths of rows, at the multiplications said."""
    graph = ProofGraph()
    network = graph.apply(NetworkFunctionDefinition(), (), statement_of(zoo.path("max_of_4_v64_d32_seed50")))
    bench = Workbench.of(graph, paths_of(graph, graph.claim(network).statement), any_row=True)
    ellipsoid, lengths = (graph.claim(attention_split(bench, name)) for name in ("ellipsoid", "len"))
    assert 4 * ellipsoid.largest < 3 * lengths.largest
    known = graph.apply(KnownWeights(), [network])
    left, right = Tensor("W_E", (64, 32)), Tensor("W_U", (32, 64))
    bound = ellipsoid_bound(graph, known, left, right)
    step = graph.proof(bound)[-1]
    assert step.rule.charge((), step.advice).multiply == 2 * 64 * 32 * 32 + 2 * 64 * 32 + 64 * 32
