"""Three-valued verdicts: Kleene's strong logic, and no way to mistake "unknown" for "true"."""

from __future__ import annotations

import itertools

import pytest

from mechproof.engine.arithmetic.verdict import Verdict

# What a verdict may still turn out to be: the logic is that of these sets.
POSSIBLE = {Verdict.TRUE: {True}, Verdict.FALSE: {False}, Verdict.UNDECIDED: {True, False}}


def of(possible: set[bool]) -> Verdict:
    return next(verdict for verdict, truths in POSSIBLE.items() if truths == possible)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(Verdict, repeat=2)))
def test_and_or_are_what_every_completion_gives(a, b):
    """``&`` and ``|`` decide exactly when all completions of the undecided operands agree."""
    pairs = list(itertools.product(POSSIBLE[a], POSSIBLE[b]))
    assert a & b is of({x and y for x, y in pairs})
    assert a | b is of({x or y for x, y in pairs})


@pytest.mark.parametrize("a", Verdict)
def test_negation(a):
    """``~`` swaps true and false and leaves undecided alone."""
    assert ~a is of({not x for x in POSSIBLE[a]})


@pytest.mark.parametrize("a", Verdict)
def test_proved_and_refuted(a):
    """Only TRUE is proved and only FALSE is refuted."""
    assert a.proved == (POSSIBLE[a] == {True})
    assert a.refuted == (POSSIBLE[a] == {False})


@pytest.mark.parametrize(
    "use", [bool, lambda v: v and 1, lambda v: not v, lambda v: [0 for _ in "x" if v], lambda v: any([v])]
)
@pytest.mark.parametrize("verdict", Verdict)
def test_no_truth_value(verdict, use):
    """Every use as a bool raises, also of TRUE, so that code which forgets to ask fails at once."""
    with pytest.raises(TypeError, match="not a bool"):
        use(verdict)
