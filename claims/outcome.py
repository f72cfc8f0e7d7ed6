"""Verdicts of statements, with what was measured and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.arithmetic.verdict import Verdict
from .intervals import IntervalMatrix
from .measured import Measured


@dataclass(frozen=True)
class Outcome:
    """A verdict with what was measured, the witness of a refutation, and how close an undecided comparison is."""

    verdict: Verdict
    measured: tuple[Measured, ...] = ()
    witness: str = ""
    gap: str = ""


def both(first: Outcome, second: Outcome) -> Outcome:
    """One statement and the other: a refutation of either, or all that was measured."""
    for outcome in (first, second):
        if outcome.verdict.refuted:
            return outcome
    new = tuple(measured for measured in second.measured if measured not in first.measured)
    return Outcome(first.verdict & second.verdict, first.measured + new, gap=first.gap or second.gap)


def tightest(difference: IntervalMatrix, operator: str, verdicts: Sequence[Verdict]) -> int:
    """The entry that decides a comparison of all entries: a refuted one before an undecided one before a proved one,
    among these the one where it is tightest."""
    rank = {Verdict.FALSE: 0, Verdict.UNDECIDED: 1, Verdict.TRUE: 2}
    worst = min(rank[verdict] for verdict in verdicts)
    places = [place for place, verdict in enumerate(verdicts) if rank[verdict] == worst]
    if operator in ("<=", "<"):
        return max(places, key=lambda place: difference.upper[place])
    if operator in (">=", ">"):
        return min(places, key=lambda place: difference.lower[place])
    return max(places, key=lambda place: max(abs(difference.lower[place]), abs(difference.upper[place])))
