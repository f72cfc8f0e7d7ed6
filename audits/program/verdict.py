"""From a program to a verdict: three passes, and what the claimed number is to the enclosure of the last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from math import inf, isnan, nan
from typing import Any

import numpy as np

from .call import Pass
from .machine import Machine
from .memory import aside
from .passes import PRECISIONS, Run, environment, number_of, result_at, run_pass, seeds
from .places import Place
from .record import Finding, Kind, Record, UnknownOperation
from .scalars import Scalar

# A run over so many entries is tried again in balls, a microsecond each.
RETRIED = 5_000_000
# Lines that are run alone in floats, those with the largest errors.
BLAMED = 64
NOT_EXAMINED = "Whether its argument is right is not examined."


class Verdict(StrEnum):
    """Of one number, the worst first."""

    refused = "REFUSED"
    false = "FALSE"
    not_implied = "NOT IMPLIED"
    widened = "HOLDS AFTER WIDENING"
    holds = "HOLDS"


@dataclass(frozen=True)
class Report:
    """``claimed``: what the untouched program returns; ``low`` and ``high``: what it returns in exact arithmetic.

    ``observed``, ``exact`` and ``sound`` are the records of the passes (the same object where nothing was open or
    flipped), ``seconds`` of processor time of the untouched program and of the first pass.  ``blame``: how far the
    result moves where one line alone is done in floats.
    """

    program: str
    upper: bool
    claimed: float
    low: float
    high: float
    verdict: Verdict
    reasons: tuple[str, ...]
    observed: Record
    exact: Record | None = None
    sound: Record | None = None
    exact_value: float = nan
    precision: str = PRECISIONS[0].name
    seconds: tuple[float, float] = (nan, nan)
    blame: tuple[tuple[Place, float], ...] = ()

    @property
    def implied(self) -> bool:
        return self.verdict is Verdict.holds

    @property
    def bound(self) -> float:
        """The number that is implied, a double."""
        return self.high if self.upper else self.low

    @property
    def overhead(self) -> float:
        """How many times the program's time it took; nan where that is too short for the clock."""
        bare, audited = self.seconds
        return audited / bare if bare else nan

    @property
    def findings(self) -> list[Finding]:
        """Of all passes, each once."""
        found: dict[tuple[Kind, Any], Finding] = {}
        for record in (self.observed, self.exact, self.sound):
            for key, finding in (record.findings if record is not None else {}).items():
                found.setdefault(key, finding)
        return sorted(found.values(), key=lambda one: (list(Kind).index(one.kind), one.place.file, one.place.line))

    def sentence(self) -> str:
        """The verdict with its reason, one line."""
        side = "an upper" if self.upper else "a lower"
        says = f"{self.verdict}: {self.program} returns {_shown(self.claimed)} as {side} bound"
        return "; ".join((says, *self.reasons))

    def exactly(self) -> str:
        """What is always said."""
        if isnan(self.low):
            return f"What this program returns in exact arithmetic is not known. {NOT_EXAMINED}"
        return f"In exact arithmetic this program returns [{_shown(self.low)}, {_shown(self.high)}]. {NOT_EXAMINED}"


def _shown(value: float) -> str:
    return str(int(value)) if value == value and abs(value) < 2**63 and value == int(value) else f"{value!r}"


def audit(
    program: Callable[..., Any],
    *inputs: Any,
    lower: str | None = None,
    upper: str | None = None,
    truth: Callable[..., Any] | None = None,
    name: str = "",
    blame: bool = False,
) -> Report:
    """Is the number that ``program(*inputs)`` computes in floats implied by what it does?

    ``lower`` or ``upper``: the path of a bound in the result, such as ``count`` or ``bounds.0`` ("" for the result
    itself).  ``truth(*inputs)``: the true number (int, Fraction or float), which decides whether the bound is false.
    ``blame``: run the program once more for each line that errs, with only that line in floats.
    Raises :class:`NoSuchResult` and :class:`FlushedToZero`; what the program itself raises in floats is passed on.
    """
    environment()
    path, above = (upper, True) if upper is not None else (lower or "", False)
    title = name or getattr(program, "__name__", "program")
    again = seeds()
    run = run_pass(PRECISIONS[0], Pass.observe, program, inputs, path)
    again()
    start = time.process_time()
    claimed = number_of(result_at(program(*inputs), path))
    bare = time.process_time() - start
    report = Report(title, above, claimed, nan, nan, Verdict.refused, (), run.record, seconds=(bare, run.seconds))
    if run.record.refused or run.stopped is not None:
        return replace(report, reasons=(_refusal(run),))
    if run.value != claimed and not (isnan(run.value) and isnan(claimed)):
        return replace(
            report,
            verdict=Verdict.not_implied,
            reasons=(f"another run returns {_shown(run.value)}: the program does not always compute the same",),
        )
    used, exact = PRECISIONS[0], run
    if run.record.flipped or run.record.undecided:
        again()
        kept = _kept(run.record, run_pass(used, Pass.observe, program, inputs, path).record)
        if kept:
            return replace(report, verdict=Verdict.not_implied, reasons=(kept,))
        for used in PRECISIONS if run.record.entries <= RETRIED else PRECISIONS[:1]:
            again()
            exact = run_pass(used, Pass.exact, program, inputs, path)
            if exact.stopped is not None or not exact.record.undecided:
                break
    again()
    sound = exact if not exact.record.undecided else run_pass(used, Pass.sound, program, inputs, path)
    report = replace(
        report,
        exact=exact.record,
        sound=sound.record,
        exact_value=exact.value,
        low=sound.low,
        high=sound.high,
        precision=used.name,
    )
    if blame and not sound.record.refused:
        report = replace(report, blame=_blame(report, program, inputs, path, again))
    return _judged(report, sound, truth and truth(*inputs))


def _blame(
    report: Report, program: Callable[..., Any], inputs: Sequence[Any], path: str, again: Callable[[], None]
) -> tuple[tuple[Place, float], ...]:
    """The lines that move the result most, each alone in floats; moves need not add up."""
    exact, found = (report.low + report.high) / 2, []
    errors = sorted(report.observed.errors.items(), key=lambda item: -item[1][0])[:BLAMED]
    for place, _ in errors:
        again()
        run = run_pass(PRECISIONS[0], Pass.exact, program, inputs, path, place)
        if run.stopped is None:
            found.append((place, abs((run.low + run.high) / 2 - exact)))
    return tuple(sorted(found, key=lambda item: -item[1]))


def _refusal(run: Run) -> str:
    if isinstance(run.stopped, UnknownOperation):
        return str(run.stopped)
    refused = next((finding for finding in run.record.findings.values() if finding.kind is Kind.refused), None)
    if refused is not None:
        return f"{refused.operation} at {refused.place} is refused, and what the program does then is another program"
    return f"inside an audit it stops: {type(run.stopped).__name__} {run.stopped}"


def _kept(first: Record, second: Record) -> str:
    """Later passes must start where the first did: why they do not, or nothing."""
    if first.rewrote is not None:
        return f"{first.rewrote} writes into a tensor that the run was given, so it cannot be run again"
    if first.trace != second.trace:
        return "a second run does not make the same operations: it keeps results of the first"
    return ""


def _judged(report: Report, sound: Run, truth: Any) -> Report:
    if truth is not None:
        exact = Fraction(truth)
        claimed = Fraction(report.claimed)
        if claimed < exact if report.upper else claimed > exact:
            return replace(report, verdict=Verdict.false, reasons=(f"the truth is {truth}",))
    if sound.record.refused:
        return replace(report, verdict=Verdict.refused, reasons=(_refusal(sound),))
    reasons = [
        f"{finding.kind} at {finding.place}" + (f" ({finding.operation})" if finding.operation else "")
        for finding in sound.record.open
    ]
    if sound.stopped is not None:
        reasons.insert(0, f"in exact arithmetic it stops: {type(sound.stopped).__name__} {sound.stopped}".strip())
    unknown = isnan(sound.low) or sound.low == -inf or sound.high == inf or isnan(report.claimed)
    if unknown and not reasons and not (sound.low == sound.high == report.claimed):
        reasons.append("nothing is known of the result")
    if reasons:
        return replace(report, verdict=Verdict.not_implied, reasons=tuple(reasons))
    amount = report.claimed - report.low if not report.upper else report.high - report.claimed
    within = report.claimed >= report.high if report.upper else report.claimed <= report.low
    if within:
        return replace(report, verdict=Verdict.holds)
    moved = "lowered" if not report.upper else "raised"
    return replace(
        report, verdict=Verdict.widened, reasons=(f"{moved} by {amount:.3g} to {_shown(report.bound)} it holds",)
    )


class AuditFailed(AssertionError):
    """A bound is not implied."""


def assert_bound_holds(
    program: Callable[..., Any], *inputs: Any, lower: str | None = None, upper: str | None = None
) -> Report:
    """For tests: :func:`audit`, and an AssertionError with its sentence unless the verdict is HOLDS."""
    report = audit(program, *inputs, lower=lower, upper=upper)
    if not report.implied:
        lines = [f"  {finding.kind} at {finding.place}: {finding.place.source}" for finding in report.findings]
        raise AuditFailed("\n".join([report.sentence(), report.exactly(), *lines]))
    return report


@contextmanager
def auditing() -> Iterator[Auditing]:
    """The observing pass around some code: results are bit for bit the same, and the record says what was found."""
    environment()
    machine = Machine()
    with machine.running():
        yield Auditing(machine)


@dataclass(frozen=True)
class Auditing:
    """What an observing pass has seen so far."""

    machine: Machine

    @property
    def record(self) -> Record:
        return self.machine.record

    def bounds(self, value: Any) -> tuple[np.ndarray, np.ndarray]:
        """Doubles below and above what a tensor or number is in exact arithmetic."""
        with aside():
            numbers = self.machine.memory.read(value.tensor if isinstance(value, Scalar) else value)
        return numbers.low(), numbers.high()


__all__ = ["Auditing", "Report", "Verdict", "assert_bound_holds", "audit", "auditing"]
