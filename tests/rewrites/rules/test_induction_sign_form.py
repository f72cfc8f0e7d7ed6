"""The sign form: over fractions, with mutants, and a tie that is one on both sides."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

from mechproof.engine.formula import Num, Table
from mechproof.engine.oracle import examine
from mechproof.rewrites.rules.induction.sign_form import SIGN_FORM

STATEMENT: Any = SIGN_FORM.statement


def environment(rng: random.Random) -> dict[str, Any]:
    n = rng.randint(1, 3)
    weights = [Fraction(rng.choice((1, 2, 3, 4, -1))) for _ in range(n)]
    weights[0] += not sum(weights)
    values = [Fraction(rng.randint(-4, 4), 2) for _ in range(n)]
    return {"n": n, "w": Table(weights), "x": Table(values), "r": 0, "\\gamma": Fraction(rng.randint(-2, 2), 2)}


def test_lemma_holds_and_its_mutants_fail():
    """True of random numbers; with another number than zero on the right it is false."""
    rng = random.Random(1)
    instances = [environment(rng) for _ in range(300)]
    report = examine(STATEMENT, instances)
    assert report.holds and all(mutant.killed for mutant in report.mutants if mutant.required)
    for other in (-1, 1):
        form = STATEMENT.right
        changed = replace(STATEMENT, right=replace(form, right=replace(form.right, right=Num(other))))
        assert not all(changed.value(env) for env in instances)


def test_a_tie_is_a_tie_on_both_sides():
    """A margin of exactly γ does not exceed it, in either form."""
    tie = {"n": 2, "w": Table([1, 3]), "x": Table([3, -1]), "r": 0, "\\gamma": 0}
    assert [side.value(tie) for side in (STATEMENT.right.left, STATEMENT.right.right)] == [False, False]
