"""Every rewrite rule of the table, evaluated on both sides over fractions; and rules that are wrong are noticed."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from fraction_matrix import FractionMatrix

from mechproof.engine.network_terms import Normalised
from mechproof.engine.rewriting import (
    OnesOf,
    Pattern,
    Rewrite,
    Shaped,
    ZerosOf,
    causal,
    entrywise,
    layernorm,
    metas,
    pointwise,
    row,
    softmax,
)
from mechproof.engine.term import Ones, Tensor, Zeros
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
    small = range(1, 5)
    ones = {Ones(n).name: FractionMatrix.ones(n) for n in small}
    zeros = {Zeros(n, m).name: FractionMatrix(((Fraction(0),) * m,) * n) for n in small for m in small}
    assignment: Mapping[str, FractionMatrix] = values | ones | zeros
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


A, B, C, c, r = metas("A B C c r")
n, m, one, nothing = OnesOf("n"), OnesOf("m"), OnesOf("1"), ZerosOf("n", "m")


def rmsnorm(body: Pattern) -> Pattern:
    return Shaped(Normalised, (body,), (("centred", False),))


# For each entry one that is nearly it, and wrong.
MUTANTS = {
    "expand-left": Rewrite("", "A: n×m, B: m×k, C: m×k", A @ (B + C), A @ B + A @ B),
    "expand-right": Rewrite("", "A: n×m, B: n×m, C: m×k", (A + B) @ C, A @ C + A @ C),
    "bracket-left": Rewrite("", "A: n×n, B: n×n, C: n×n", A @ (B @ C), (A @ C) @ B),
    "turn-sum": Rewrite("", "A: n×m, B: n×m", (A + B).T, A.T + A.T),
    "turn-product": Rewrite("", "A: n×n, B: n×n", (A @ B).T, A.T @ B.T),
    "row-sum": Rewrite("", "A: n×m, B: n×m", row(A + B), row(A) + row(A)),
    "row-product": Rewrite("", "A: n×m, B: m×m", row(A @ B), row(A)),
    "row-outer": Rewrite("", "r: 1×m", row(n @ r), r + r),
    "row-of-one": Rewrite("", "r: 1×m", row(r), r + r),
    "row-softmax": Rewrite("", "A: n×m", row(softmax(A)), softmax(row(A + A))),
    "last-sees-all": Rewrite("", "A: n×n", row(causal(A)), softmax(row(A))),
    "one-sees-all": Rewrite("", "A: n×n", causal(A), softmax(A)),
    "row-pointwise": Rewrite("", "A: n×m", row(pointwise(A)), row(A)),
    "row-entrywise": Rewrite("", "A: n×m, B: n×m", row(entrywise(A, B)), entrywise(row(A), row(A))),
    "row-norm": Rewrite("", "A: n×m", row(layernorm(A)), rmsnorm(row(A))),
    "one-times": Rewrite("", "r: 1×m", one @ r, r + r),
    "times-one": Rewrite("", "c: n×1", c @ one, c + c),
    "turn-one": Rewrite("", "", one.T, one + one),
    "unit-total": Rewrite("", "A: n×m", A @ m, n),
    "norm-shift": Rewrite("", "A: n×m, c: n×1", rmsnorm(A + c @ m.T), rmsnorm(A)),
    "vanish": Rewrite("", "A: n×m", A, A + A),
    "plus-zero": Rewrite("", "A: n×m", A + nothing, nothing),
    "zero-plus": Rewrite("", "A: n×m", nothing + A, nothing),
    "times-zero": Rewrite("", "A: n×n", A @ ZerosOf("n", "n"), A),
    "zero-times": Rewrite("", "A: n×n", ZerosOf("n", "n") @ A, A),
    "row-zero": Rewrite("", "r: 1×m", row(n @ r), ZerosOf("1", "m")),
}


@pytest.mark.parametrize("name", TABLE)
def test_wrong_rules_are_noticed(name):
    """The oracle can fail: each entry has a mutant with an instance on which the sides differ."""
    rng = random.Random(name)

    assert any(left != right for left, right in (instance(MUTANTS[name], rng) for _ in range(40)))


def test_conditions_are_needed():
    """Every conditional entry is false without its condition."""
    for name, rule in TABLE.items():
        if rule.when:
            rng, bare = random.Random(name), replace(rule, when=())
            assert any(left != right for left, right in (instance(bare, rng) for _ in range(40))), name


def test_names_are_unique_and_the_table_fits_two_screens():
    """The table stays one that a reader can audit."""
    assert len(TABLE) == len(EQUATIONS) <= 60
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in TABLE)
