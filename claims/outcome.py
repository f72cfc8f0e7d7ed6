"""Verdicts of statements, with what was measured and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..engine.arithmetic.verdict import Verdict
from .intervals import IntervalMatrix
from .measured import Measured
from .tree import AllBut, Exists, ForAll, Quantified

# So many exceptions are told one by one.
TOLD = 20


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


def either(first: Outcome, second: Outcome) -> Outcome:
    """One statement or the other: what proves one of them, or all that was measured."""
    for outcome in (first, second):
        if outcome.verdict.proved:
            return outcome
    new = tuple(measured for measured in second.measured if measured not in first.measured)
    return Outcome(
        first.verdict | second.verdict, first.measured + new, first.witness or second.witness, first.gap or second.gap
    )


@dataclass
class Tally:
    """The instances of a quantifier: how many there were, how many false, and the first that is open."""

    node: Quantified
    count: int = 0
    false: int = 0
    open: int = 0
    pending: Outcome | None = None
    places: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome, at: str) -> Outcome | None:
        """The outcome of the whole, if this instance settles it."""
        self.count += 1
        if outcome.verdict is Verdict.UNDECIDED:
            self.open += 1
            self.pending = self.pending or Outcome(Verdict.UNDECIDED, outcome.measured, gap=f"{at}: {outcome.gap}")
        elif outcome.verdict.refuted:
            self.false += 1
            self.places.append(at.removeprefix("at "))
        return self.settled(outcome, at)

    def settled(self, outcome: Outcome, at: str) -> Outcome | None:
        """A universal one is settled by a false instance."""
        return _with(outcome, Verdict.FALSE, at) if outcome.verdict.refuted else None

    def end(self) -> Outcome:
        return self.pending or Outcome(Verdict.TRUE, witness=f"all {self.count} instances")


class SomeTally(Tally):
    def settled(self, outcome: Outcome, at: str) -> Outcome | None:
        return _with(outcome, Verdict.TRUE, at) if outcome.verdict.proved else None

    def end(self) -> Outcome:
        return self.pending or Outcome(Verdict.FALSE, witness=f"none of {self.count} instances")


class ButTally(Tally):
    """Exceptions are counted to the end: their number is the news."""

    def settled(self, outcome: Outcome, at: str) -> Outcome | None:
        return None

    def end(self) -> Outcome:
        assert isinstance(self.node, AllBut)
        limit, exactly = self.node.exceptions, self.node.exactly
        least, most = self.false, self.false + self.open
        holds = least == most == limit if exactly else most <= limit
        fails = not least <= limit <= most if exactly else least > limit
        shown = ", ".join(self.places[:TOLD]) + (", …" if len(self.places) > TOLD else "")
        told = f"{self.false} of {self.count} instances are exceptions" + (f": {shown}" if shown else "")
        if holds or fails:
            return Outcome(Verdict.TRUE if holds else Verdict.FALSE, witness=told)
        assert self.pending is not None
        return Outcome(Verdict.UNDECIDED, self.pending.measured, gap=f"{told}, {self.open} open: {self.pending.gap}")


TALLIES: dict[type[Quantified], type[Tally]] = {ForAll: Tally, Exists: SomeTally, AllBut: ButTally}


def _with(outcome: Outcome, verdict: Verdict, at: str) -> Outcome:
    witness = f"{at}, {outcome.witness.removeprefix('at ')}" if outcome.witness else at
    return Outcome(verdict, outcome.measured, witness)


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
