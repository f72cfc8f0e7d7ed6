"""A float run beside the exact values of its steps: errors, signs, and bounds on the wrong side.

Exact values are split into a double and what that double misses, so that differences from floats lose nothing that
matters; a side is only called wrong where that is certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from flint import arb
from torch import Tensor

from ..engine.arithmetic.ball import precision
from ..rewrites.published.network import Run
from .apriori import Apriori, decided
from .ball_arrays import BITS
from .decisions import agreed
from .program.elementary import ball
from .program.memory import Memory, Numbers
from .program.twofold import ABOVE as MORE
from .program.twofold import BELOW as LESS
from .program.twofold import Twofold
from .rounding_model import error_of
from .run_errors import RunErrors, StepError
from .runs import Setting

# L is the largest wrong logit, by cell.
LARGEST_WRONG = "largest wrong logit"
ABOVE = ("score noise", "direct noise", "largest attention", LARGEST_WRONG)
BELOW = ("least attention",)


def steps_of(run: Run) -> dict[str, Tensor]:
    return {**run.steps, LARGEST_WRONG: run.worst}


@dataclass(frozen=True)
class Bounds:
    """A-priori bounds of the steps, each with the number of decisions before it; ``shared`` of them are as required.

    ``made`` are the decisions of the run that has the bounds, ``uncertain`` of them might fall otherwise.
    """

    errors: Mapping[str, tuple[np.ndarray, int]]
    made: Sequence[bytes]
    uncertain: int
    shared: int

    @staticmethod
    def of(run: Run, mode: Apriori, reference: Sequence[bytes]) -> Bounds:
        """``reference``: the decisions of the run that the exact values stand beside."""
        errors = {step: (error_of(values).ravel(), decided(values)) for step, values in steps_of(run).items()}
        return Bounds(errors, mode.made, mode.uncertain, agreed(mode.made, reference))

    def after(self, made: Sequence[bytes]) -> Bounds:
        """For a run with these decisions."""
        return replace(self, shared=min(self.shared, agreed(self.made, made)))

    def __getitem__(self, step: str) -> np.ndarray:
        errors, before = self.errors[step]
        return errors if before <= self.shared else np.full_like(errors, np.inf)


class Beheld:
    """The exact values of one step."""

    def __init__(self, step: str, numbers: Numbers) -> None:
        self.step, self.numbers = step, numbers.reshape((-1,))
        self.wide = self.numbers.radius()
        if isinstance(self.numbers, Twofold):
            self.known = np.isfinite(self.wide) & ~self.numbers.special()
            self.near, self.rest = self.numbers.hi, self.numbers.lo
        else:
            self.known = np.array([entry.is_finite() for entry in self.balls], dtype=bool)
            self.near = self.numbers.mid()
            missed = [(b - arb(x)).mid() if b.is_finite() else 0 for b, x in zip(self.balls, self.near, strict=True)]
            self.rest = np.array([float(one) for one in missed])
        self.negative = numbers.compare(0.0) == LESS
        self.shares = bool(((self.near >= 0) & (self.near <= 1))[self.known].all())

    @property
    def complete(self) -> bool:
        """Something is known of every entry, were it that it is no number."""
        return bool((self.known | self.numbers.special()).all())

    @cached_property
    def balls(self) -> list[arb]:
        with precision(BITS):
            if isinstance(self.numbers, Twofold):
                planes = (plane.tolist() for plane in self.numbers.planes[:3])
                return [ball(*entry) for entry in zip(*planes, strict=True)]
            return [arb(entry) for entry in self.numbers.entries]

    def errors(self, values: Tensor, bound: np.ndarray) -> StepError:
        found = values.double().numpy().ravel()
        finite = np.isfinite(found) & self.known
        error = np.abs(found[finite] - self.near[finite] - self.rest[finite])
        near = self.near[finite]
        saturated = (found[finite] == 1) & (near + self.rest[finite] - 1 < 0) if self.shares else np.zeros(0)
        return StepError(
            self.step,
            int(self.known.sum()),
            float(error.max(initial=0.0)),
            float((error / _ulp(near, values.dtype)).max(initial=0.0)),
            self._wrong_side(found, finite),
            int(((found[finite] == 0) & ((near != 0) | (self.wide[finite] > 0))).sum()),
            int(saturated.sum()),
            int((~np.isfinite(found) & self.known).sum()),
            float(bound[self.known].max(initial=0.0)),
            int((error > bound[finite]).sum() + (np.isfinite(bound) & ~np.isfinite(found) & self.known).sum()),
        )

    def _wrong_side(self, found: np.ndarray, finite: np.ndarray) -> int:
        if self.step not in ABOVE + BELOW:
            return 0
        sign = 1 if self.step in ABOVE else -1
        places = np.flatnonzero(finite)
        suspects = places[sign * (found[places] - self.near[places]) <= 0]
        numbers: Any = self.numbers.gather(suspects)
        signs = type(numbers).of(found[suspects]).compare(numbers)
        return int((signs == (LESS if sign > 0 else MORE)).sum())


def _ulp(values: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    """The spacing of the float type at these values."""
    kind = torch.finfo(dtype)
    return np.ldexp(kind.eps, np.maximum(np.frexp(np.abs(values))[1] - 1, int(np.log2(kind.tiny))))


def behold(reference: Run, memory: Memory) -> dict[str, Beheld]:
    """The exact values beside the steps of a run that was made in a machine, from its memory."""
    return {step: Beheld(step, memory.read(values)) for step, values in steps_of(reference).items()}


def compare(setting: Setting, run: Run, truth: Mapping[str, Beheld], bounds: Bounds | None = None) -> RunErrors:
    """One run beside the exact values that belong to its advice; without ``bounds`` all errors may be infinite."""
    found = steps_of(run)
    within = {step: bounds[step] if bounds else np.full(values.numel(), np.inf) for step, values in found.items()}
    steps = tuple(truth[step].errors(values, within[step]) for step, values in found.items())
    largest, worst = truth[LARGEST_WRONG], run.worst.double().numpy().ravel()
    certain = (np.abs(worst) > within[LARGEST_WRONG])[largest.known]
    return RunErrors(
        setting,
        run.count(),
        int(run.certified.sum()),
        int(((worst < 0) != largest.negative.ravel())[largest.known].sum()),
        int(certain.sum()),
        int((~certain).sum()),
        bounds.uncertain if bounds else 0,
        steps,
    )
