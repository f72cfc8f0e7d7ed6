"""What an audit found, as data.

A verdict is about one bound: FALSE when a certified cell holds a wrong sequence; NOT IMPLIED when a certified cell does
not follow from its own relaxation, wherever floats play no part, or a step is not what it stands for; HOLDS AFTER
WIDENING when only float error is to blame (then ``widening`` is what every largest logit must be moved up by, and
``widened_count`` what is left); else HOLDS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from .run_errors import RunErrors, StepError
from .witness import Witness


class Verdict(StrEnum):
    """Of one bound, the worst first."""

    false = "FALSE"
    not_implied = "NOT IMPLIED"
    widened = "HOLDS AFTER WIDENING"
    holds = "HOLDS"


class Kind(StrEnum):
    """What a bound is made of, with the names of a cell's numbers."""

    sub_cubic = "cell (q, m, c)"
    cubic = "cell (q, m, k, c)"
    sequence = "sequence t"


@dataclass(frozen=True)
class CellFinding:
    """A certified cell that does not follow: what L is claimed to be, and a bound of what its relaxation gives.

    ``excess`` is that bound.  ``by_floats``: floats are to blame, because the relaxation implies the cell in double
    precision, or because the published formula does not give it in exact arithmetic.  ``if_noise_held``: it would
    follow if the claimed noise were an upper bound.
    """

    cell: tuple[int, ...]
    gap: int | None
    claimed: float
    excess: float
    by_floats: bool
    if_noise_held: bool
    witness: Witness | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"witness": self.witness and self.witness.as_json()}


@dataclass(frozen=True)
class Missing:
    """A claimed upper bound that lies below the truth in ``rows`` rows, by at most ``amount``."""

    step: str
    rows: int
    amount: float


@dataclass(frozen=True)
class Stray:
    """A step that is not, in exact arithmetic, the quantity of the network that it stands for: the formula is another.

    In so many of its ``entries``; their largest distance is ``amount``.
    """

    step: str
    differing: int
    entries: int
    amount: float

    def sentence(self) -> str:
        return (
            f"step {self.step} is not the network's in {self.differing} of {self.entries} entries, by up to "
            f"{self.amount:.3g} in exact arithmetic"
        )


@dataclass(frozen=True)
class BoundAudit:
    """The verdict about what one verifier returns in one float type.

    ``unlisted``: certified cells that hold a wrong sequence and are not among ``findings``, which lists few of many.
    ``others``: runs of this float type that certify other cells, for they sum in another order; ``capped``: cells with
    most room were searched for wrong sequences, and others were not.
    ``lost``: right sequences that a verifier which runs every sequence calls wrong, and ``loss`` is one.
    """

    verifier: str
    dtype: str
    count: int
    inputs: int
    truth: int | None
    cells: int
    findings: tuple[CellFinding, ...] = ()
    missing: tuple[Missing, ...] = ()
    widening: float = 0.0
    widened_count: int = 0
    kind: Kind = Kind.sub_cubic
    strays: tuple[Stray, ...] = ()
    unlisted: int = 0
    lost: int = 0
    loss: tuple[int, ...] = ()
    others: tuple[OtherRun, ...] = ()
    capped: bool = False

    @property
    def false(self) -> tuple[CellFinding, ...]:
        return tuple(found for found in self.findings if found.witness is not None)

    @property
    def false_cells(self) -> int:
        return len(self.false) + self.unlisted

    @property
    def not_implied(self) -> tuple[CellFinding, ...]:
        return tuple(found for found in self.findings if found.witness is None and not found.by_floats)

    @property
    def by_floats(self) -> tuple[CellFinding, ...]:
        return tuple(found for found in self.findings if found.witness is None and found.by_floats)

    @property
    def verdict(self) -> Verdict:
        """The worst of all runs in this float type."""
        every = (self.own, *(other.bound.own for other in self.others))
        return min(every, key=list(Verdict).index)

    @property
    def own(self) -> Verdict:
        """Of the run as written."""
        if self.false or (self.truth is not None and self.count > self.truth):
            return Verdict.false
        if self.not_implied or self.strays:
            return Verdict.not_implied
        return Verdict.widened if self.by_floats else Verdict.holds

    def sentence(self) -> str:
        """The verdict with its reason, one line."""
        parts = [self._reason(), *[self.losses()] * bool(self.lost), *(one.sentence() for one in self.strays)]
        if self.others:
            parts.append(f"it depends on summation order: {', '.join(other.sentence() for other in self.others)}")
        return "; ".join(parts)

    def losses(self) -> str:
        return f"{self.lost} right sequences are called wrong, such as {self.loss}"

    def _reason(self) -> str:
        says = f"{self.verdict}: {self.verifier} ({self.dtype}) says {self.count} of {self.inputs} are right"
        match self.own:
            case Verdict.false:
                truth = "" if self.truth is None else f"; {self.truth} are"
                if self.truth is not None and self.count > self.truth:
                    truth += ", so the count is false"
                if not self.false:
                    return says + truth
                worst = self.false[0]
                wrong = worst.witness
                assert wrong is not None
                return (
                    f"{says}{truth}; {self.kind} = {worst.cell} is certified, but on {wrong.tokens} output "
                    f"{wrong.output} is not below the right one: the cell is false; "
                    f"{'at least ' * self.capped}{self.false_cells} such cells"
                )
            case Verdict.not_implied if not self.not_implied:
                return says
            case Verdict.not_implied:
                worst = self.not_implied[0]
                return (
                    f"{says}; {len(self.not_implied)} certified cells do not follow, such as {worst.cell} with "
                    f"{worst.claimed:.3g} claimed where its relaxation gives up to {worst.excess:.3g}"
                )
            case Verdict.widened:
                return (
                    f"{says}; {len(self.by_floats)} certified cells rest on float error; with every L moved up by "
                    f"{self.widening:.3g} it is {self.widened_count}"
                )
            case Verdict.holds:
                return f"{says}; all {self.cells} certified cells follow exactly"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "kind": str(self.kind),
            "verdict": str(self.verdict),
            "sentence": self.sentence(),
            "findings": [found.as_json() for found in self.findings],
            "others": [other.as_json() for other in self.others],
        }


@dataclass(frozen=True)
class OtherRun:
    """A run that certifies other cells than the one as written."""

    setting: str
    bound: BoundAudit

    def sentence(self) -> str:
        return f"{self.setting} says {self.bound.count} ({self.bound.own})"

    def as_json(self) -> dict[str, Any]:
        return {"setting": self.setting} | self.bound.as_json()


@dataclass(frozen=True)
class VerifierAudit:
    """Everything about one verifier on one network."""

    verifier: str
    bounds: tuple[BoundAudit, ...]
    runs: tuple[RunErrors, ...]
    compared: int
    flipped: int
    vanished: int

    def worst(self, dtype: str) -> tuple[StepError, ...]:
        """The steps of all runs in one float type, each with its largest figures."""
        runs = [run for run in self.runs if run.setting.dtype == dtype and not run.skipped]
        return tuple(_largest(same) for same in zip(*(run.steps for run in runs), strict=True))

    def as_json(self) -> dict[str, Any]:
        return {
            "verifier": self.verifier,
            "bounds": [bound.as_json() for bound in self.bounds],
            "runs": [run.as_json() for run in self.runs],
            "branches": {"compared": self.compared, "flipped": self.flipped},
            "vanished_exponentials": self.vanished,
        }


def _largest(steps: Sequence[StepError]) -> StepError:
    figures = [asdict(step) for step in steps]
    return StepError(**{name: max(figure[name] for figure in figures) for name in figures[0]})
