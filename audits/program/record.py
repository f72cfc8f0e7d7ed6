"""What one pass of an audit writes down, by line of the audited program."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from ...engine.errors import MechproofError
from .places import Place, here, stack


class Kind(StrEnum):
    """What can be said of a line; the first seven leave a result open."""

    condition = "condition"
    choice = "choice"
    shape = "shape"
    escape = "escape"
    assertion = "assertion"
    unclaimed = "unclaimed"
    failed = "failed"
    nan_polarity = "nan-polarity"
    flip = "flip"
    undecided = "undecided"
    literal = "literal"
    advice = "advice"
    line_loss = "line-loss"
    refused = "refused"


MEANING = {
    Kind.condition: "The program goes one way where the enclosures leave a comparison open.",
    Kind.choice: "An index, order or whole number that the enclosures leave open.",
    Kind.shape: "The size of a tensor depends on a comparison that is open.",
    Kind.escape: "Numbers leave torch, and what is computed with them is not followed.",
    Kind.assertion: "An assertion fails in exact arithmetic.",
    Kind.nan_polarity: "A comparison with what nothing is known of, as NaN; floats answer false, safe or not.",
    Kind.unclaimed: "A singular value that no norm_claim stands behind.",
    Kind.failed: "The program stops in exact arithmetic.",
    Kind.flip: "A comparison or choice that exact arithmetic decides otherwise.",
    Kind.undecided: "A comparison that the enclosures leave open; both answers are followed where a mask selects.",
    Kind.literal: "A literal that the run rounded; it is read as the double that Python has.",
    Kind.advice: "Numbers taken as they stand, as the program says.",
    Kind.line_loss: "The line whose results are farthest from their exact values.",
    Kind.refused: "An operation that audits do not know.",
}
# Under these a result is not implied.
LEAVING_OPEN = tuple(Kind)[:7]


@dataclass(eq=False)
class UnknownOperation(MechproofError):
    """The audited program does what audits do not know."""

    operation: str
    place: Place
    why: str = "has no rule in audits of programs"
    sentence = "{operation} at {place} {why}"


@dataclass
class Finding:
    """One kind of thing at one line: how often, and its worst example in words."""

    kind: Kind
    place: Place
    stack: tuple[Place, ...]
    operation: str
    count: int = 0
    example: str = ""
    weight: float = -1.0

    @property
    def often(self) -> str:
        return "once" if self.count == 1 else f"{self.count} times"


@dataclass
class Record:
    """``compared``: comparisons of floats, ``flipped`` and ``undecided`` of them; ``entries`` that rules were about.

    ``errors``: largest distance from the exact value by line, and in what operation.  ``trace``: a hash of the names of
    all operations, in order.  ``rewrote``: the first line that writes into a tensor that was there before the run.
    ``vanished``: exponentials and shares that are zero in floats and not in truth.
    """

    calls: int = 0
    trace: int = 0
    rewrote: Place | None = None
    entries: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    flipped: int = 0
    undecided: int = 0
    vanished: int = 0
    findings: dict[tuple[Kind, Place], Finding] = field(default_factory=dict)
    errors: dict[Place, tuple[float, str]] = field(default_factory=dict)

    def note(self, kind: Kind, operation: str, count: int = 1, example: str = "", weight: float = 0.0) -> None:
        """At the line of the audited program that is running; ``weight``: the heaviest example is kept."""
        place = here()
        found = self.findings.get((kind, place))
        if found is None:
            found = self.findings[kind, place] = Finding(kind, place, stack(), operation)
        found.count += count
        if weight > found.weight:
            found.example, found.weight = example, weight

    def error(self, operation: str, errors: np.ndarray) -> None:
        """Distances of one result from its exact values."""
        size = float(errors.max(initial=0.0))
        if size > 0.0:
            place = here()
            if size > self.errors.get(place, (0.0, ""))[0]:
                self.errors[place] = size, operation

    @property
    def refused(self) -> bool:
        """Whatever the program made of it."""
        return any(kind is Kind.refused for kind, _ in self.findings)

    @property
    def open(self) -> list[Finding]:
        """What leaves a result open."""
        return [found for found in self.findings.values() if found.kind in LEAVING_OPEN]
