"""The lemma tester: true lemmas pass, false ones give a counter-example, tame instances are noticed."""

from __future__ import annotations

import itertools

import pytest

from mechproof.engine.formula import At, Exists, ForAll, Max, Min, Num, Range, Table, Total, Var
from mechproof.engine.oracle import examine, fails, mutated

p, j, K = Var("p"), Var("j"), Var("K")
POSITIONS = Range(Num(0), K)
BELOW_MAX = ForAll(p, POSITIONS, At("a", p) <= Max(j, POSITIONS, At("a", j)))
ROWS = [{"K": n, "a": Table(list(row))} for n in (1, 2, 3) for row in itertools.product((-1, 0, 2), repeat=n)]


def test_a_true_and_tight_lemma_passes():
    """All instances true, equality somewhere, all mutants killed."""
    report = examine(BELOW_MAX, ROWS)

    assert report.passed and report.instances == len(ROWS)
    assert {mutant.change.split(" ")[-1] for mutant in report.mutants} == {"round", "extreme"}


def test_a_false_lemma_gives_the_first_counterexample():
    """The environment on which it fails is shown with its numbers."""
    report = examine(ForAll(p, POSITIONS, At("a", p) < Max(j, POSITIONS, At("a", j))), ROWS)

    assert not report.holds and not report.passed
    assert report.counterexample == ROWS[0] and "[-1]" in repr(report.counterexample)


def test_a_loose_lemma_is_true_but_not_attained():
    """A bound that could be one smaller everywhere does not pass."""
    report = examine(ForAll(p, POSITIONS, At("a", p) <= Max(j, POSITIONS, At("a", j)) + Num(1)), ROWS)

    assert report.holds and not report.attained and not report.passed
    assert any(not mutant.killed and "replaced by 0" in mutant.change for mutant in report.mutants)


def test_tame_instances_let_mutants_survive():
    """With one entry a row, maximum and minimum are the same: the instances say nothing."""
    report = examine(BELOW_MAX, [{"K": 1, "a": Table([5])}])

    assert report.holds and not report.passed


def test_a_premise_that_is_never_false_survives_being_dropped():
    """Instances must include some on which the premise fails."""
    positive = ForAll(p, POSITIONS, Num(0) <= At("a", p))
    lemma = positive.implies(At("a", Num(0)) <= Total(p, POSITIONS, At("a", p)))

    tame = examine(lemma, [row for row in ROWS if min(row["a"].rows) >= 0])
    full = examine(lemma, ROWS)

    assert [m.killed for m in tame.mutants if "premise" in m.change] == [False]
    assert full.passed


def test_premises_and_ranges_are_not_mutated():
    """A changed premise or range is another lemma, not a wrong version of this one."""
    lemma = (At("a", Num(0)) <= Num(7)).implies(Exists(p, Range(Num(0), Num(3)), At("b", p) >= Num(0)))

    changes = [change for change, _, _ in mutated(lemma)]

    assert changes == ["'b(p) ≥ 0' turned round", "premise 'a(0) ≤ 7' dropped"]


def test_fails_looks_at_every_instance():
    """One false instance is enough."""
    assert fails(ForAll(p, POSITIONS, At("a", p) < Num(2)), ROWS)
    assert not fails(ForAll(p, POSITIONS, At("a", p) <= Num(2)), ROWS)


def test_tables_refuse_negative_indices():
    """Python would wrap around silently, and a mutant would look at the wrong entry."""
    assert Table([[1, 2], [3, 4]])(1, 0) == 3
    with pytest.raises(IndexError):
        Table([1, 2])(-1)


def test_a_change_that_only_weakens_is_shown_and_not_held_against_the_lemma():
    """The least of the row is also at most the largest: that mutant stays true."""
    lemma = Min(j, POSITIONS, At("a", j)) <= Max(j, POSITIONS, At("a", j))

    report = examine(lemma, ROWS)

    assert report.passed
    assert [m.killed for m in report.mutants if not m.required] == [False, False]


def test_min_is_the_other_extreme_of_max():
    """The mutant of a minimum is a maximum."""
    above_min = ForAll(p, POSITIONS, At("a", p) >= Min(j, POSITIONS, At("a", j)))

    assert examine(above_min, ROWS).passed
