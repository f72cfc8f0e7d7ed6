"""Whether both tokens are read in one way: the lemma over fractions, shares against fractions, and refusals."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from two_token_network import adding_network, form_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.shared_phases import APART, SharedPhasesRule


def pairs(rng: random.Random) -> dict:
    k = rng.randint(0, 3)
    return {"k": k} | {name: Table([rng.randint(-3, 3) for _ in range(k)]) for name in ("l", "r")}


def test_lemma_holds_and_its_mutants_do_not():
    """True of random numbers, and of nothing near it."""
    rng = random.Random(4)
    report = examine(APART.statement, [pairs(rng) for _ in range(400)])  # type: ignore[arg-type]
    assert report.holds, report.counterexample
    assert [mutant.change for mutant in report.mutants if mutant.required and not mutant.killed] == []


def test_shares_are_sums_of_squares():
    """About the means, neuron by neuron and together; 0 where both sides are one function up to a constant."""
    graph, form = form_of(adding_network(2, 9))
    exact = graph.claim(form)
    claim = graph.claim(graph.apply(SharedPhasesRule(), [form]))
    total, energy = Fraction(0), Fraction(0)
    for left, right, share in zip(
        *(zip(*t.fractions(), strict=True) for t in (exact.left, exact.right)), claim.apart, strict=True
    ):
        sides = [[v - sum(side) * Fraction(1, len(side)) for v in side] for side in (left, right)]
        apart = sum((a - b) ** 2 for a, b in zip(*sides, strict=True))
        own = sum(v * v for side in sides for v in side)
        assert share * own == apart
        total, energy = total + apart, energy + own
    assert claim.whole * energy == total
    assert "no quadrature" in claim.sentence()
    same = SharedPhasesRule().conclude([replace(exact, right=exact.left)], None)
    assert same.whole == 0 == max(same.apart) and "as quadrature needs" in same.sentence()


def test_other_groups_are_refused():
    """What does not commute has no such reading."""
    graph, form = form_of(adding_network(1))
    exact = graph.claim(form)
    answers = exact.answers.copy()
    answers[0, 1] += 1
    with pytest.raises(NotEstablished, match="commutative"):
        SharedPhasesRule().conclude([replace(exact, answers=answers)], None)
