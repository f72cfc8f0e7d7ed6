"""Every rewrite rule of the table, evaluated on both sides over fractions; and rules that are wrong are noticed."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from fractions import Fraction

import pytest
from fraction_matrix import FractionMatrix

from mechproof.engine.rewriting import OnesOf, Rewrite, metas, softmax, winner
from mechproof.engine.term import Ones, Tensor
from mechproof.rewrites.equations import EQUATIONS, TABLE, UnitRowSums, Zero

SIZES = {"n": 2, "m": 3, "k": 2, "l": 4}


def instance(rule: Rewrite, rng: random.Random) -> tuple[FractionMatrix, FractionMatrix]:
    """Both sides of the rule for random matrices of its shapes that satisfy its conditions."""
    sizes = {name: rng.randint(1, 4) for name in SIZES}
    shapes = {name: tuple(int(s) if s.isdigit() else sizes[s] for s in shape) for name, shape in rule.declared.items()}
    terms = {name: Tensor(name, shape) for name, shape in shapes.items()}  # type: ignore[arg-type]
    equation = rule.instance(terms, sizes)
    values = {name: FractionMatrix.random(rng, *shape) for name, shape in shapes.items()}
    for condition in rule.when:
        values[condition.meta.name] = satisfying(condition.kind, values[condition.meta.name], rng)
    ones = {Ones(n).name: FractionMatrix.ones(n) for n in range(1, 5)}
    assignment: Mapping[str, FractionMatrix] = values | ones
    return equation.left.evaluate(assignment), equation.right.evaluate(assignment)


def satisfying(kind: type, matrix: FractionMatrix, rng: random.Random) -> FractionMatrix:
    if kind is Zero:
        return matrix - matrix
    assert kind is UnitRowSums
    first = FractionMatrix(tuple((1 - sum(row[1:], Fraction(0)),) for row in matrix.rows))
    return FractionMatrix(tuple((a[0], *row[1:]) for a, row in zip(first.rows, matrix.rows, strict=True)))


@pytest.mark.parametrize("name", TABLE)
def test_both_sides_are_equal(name):
    """Forty random instances of every rule, exact."""
    rng = random.Random(name)
    for _ in range(40):
        left, right = instance(TABLE[name], rng)
        assert left == right


A, B, C, c = metas("A B C c")
n, m = OnesOf("n"), OnesOf("m")
WRONG = (
    Rewrite("expand-one-side", "A: n×m, B: m×k, C: m×k", A @ (B + C), A @ B + A @ B),
    Rewrite("turn-product-unturned", "A: n×n, B: n×n", (A @ B).T, A.T @ B.T),
    Rewrite("softmax-scaled", "A: n×m", softmax(A + A), softmax(A)),
    Rewrite("softmax-shift-by-column", "A: n×m, c: 1×m", softmax(A + n @ c), softmax(A)),
    Rewrite("winner-negated", "A: n×m", winner(A - (A + A)), winner(A)),
    Rewrite("drop-without-condition", "A: n×m, B: n×m", A + B, A),
    Rewrite("select-without-condition", "A: n×m", A @ m, n),
)


@pytest.mark.parametrize("rule", WRONG, ids=lambda rule: rule.name)
def test_wrong_rules_are_noticed(rule):
    """The oracle can fail: each of these mutants has an instance on which the sides differ."""
    rng = random.Random(rule.name)

    assert any(left != right for left, right in (instance(rule, rng) for _ in range(40)))


def test_names_are_unique_and_the_table_fits_two_screens():
    """The table stays one that a reader can audit."""
    assert len(TABLE) == len(EQUATIONS) <= 60
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in TABLE)
