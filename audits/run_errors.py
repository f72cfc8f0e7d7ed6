"""How a float run differs from exact values, step by step, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Any

from .runs import Setting


@dataclass(frozen=True)
class StepError:
    """One step of one run beside its exact values: largest errors, and how many entries are wrong in which way.

    ``wrong_side``: claimed as upper (lower) bounds, but below (above) the exact value.  ``vanished``: zero, but not in
    truth.  ``saturated``: a share of exactly 1 that is less in truth.  ``not_numbers``: NaN or infinite, but numbers in
    truth.  ``apriori``: the largest a-priori bound of the error, infinite where there is none; ``beyond``: errors that
    are larger than their bound, on machines that do not compute as :mod:`.apriori` assumes.
    """

    step: str
    entries: int
    absolute: float
    ulps: float
    wrong_side: int
    vanished: int
    saturated: int
    not_numbers: int
    apriori: float = inf
    beyond: int = 0

    @property
    def ratio(self) -> float:
        """The largest bound in terms of the largest error."""
        return self.apriori / self.absolute if self.absolute else inf

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"apriori": self.apriori if isfinite(self.apriori) else None}


@dataclass(frozen=True)
class RunErrors:
    """One run: what it returns, and how it differs from the exact computation with the same advice.

    ``flipped``: comparisons L < 0 that the exact value decides otherwise; ``certain``: those with |L| above the
    a-priori bound of its error, which cannot be flipped, ``uncertain``: the others.  ``branches``: decisions on the way
    that the bounds leave open.  ``skipped``: why the run was not possible, else empty.
    """

    setting: Setting
    count: int = 0
    cells: int = 0
    flipped: int = 0
    certain: int = 0
    uncertain: int = 0
    branches: int = 0
    steps: tuple[StepError, ...] = ()
    skipped: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"steps": [step.as_json() for step in self.steps]}
