"""One computation in every setting: beside its exact values, and within bounds of its rounding errors.

The published run is made first, in the machine that audits programs (in pairs of doubles, or in balls where those do
not reach); the first run in each float type is made inside :class:`~.apriori.Apriori`, and its bounds hold for the
others in that type as far as all decide alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from ..engine.errors import MechproofError
from ..rewrites.published.network import FloatNetwork, Run
from .apriori import Apriori, stands_for
from .comparing import Bounds, behold, compare
from .decisions import Decided
from .program.machine import Machine
from .program.passes import PRECISIONS
from .program.record import Kind
from .run_errors import RunErrors
from .runs import DTYPES, PUBLISHED, Setting, running


@dataclass(eq=False)
class NumbersLeave(MechproofError):
    """A verifier takes numbers out of a tensor; what it computes with them would be read as exact."""

    places: tuple[str, ...]
    sentence = "the float run takes numbers out of a tensor ({places}), and their exact values would be lost"


class Replays:
    """``truth``: the exact values of the published run; ``beside`` counted its comparisons.

    Raises :class:`NumbersLeave`, :class:`.program.record.UnknownOperation` and what ``compute`` raises, also a
    RuntimeError of torch for a float type that it cannot run.
    """

    def __init__(self, network: Callable[[str], FloatNetwork], compute: Callable[[FloatNetwork], Run]) -> None:
        self._network, self._compute = network, compute
        self._advice: list[tuple[Tensor, ...]] = []
        self._bounds: dict[str, Bounds] = {}
        for precision in PRECISIONS[:2]:
            machine = Machine(precision.kind)
            with precision.working():
                modes = running(Setting(PUBLISHED), self._advice)
                with machine.running(), Decided() as decided, modes:
                    published = compute(network(PUBLISHED))
                self.truth = behold(published, machine.memory)
            if all(step.complete for step in self.truth.values()):
                break
        self._decided, self.beside = decided.made, machine.record
        leaving = [found for found in machine.record.open if found.kind is Kind.escape]
        if leaving:
            raise NumbersLeave(tuple(f"{found.operation} at {found.place}" for found in leaving))

    def run(self, setting: Setting) -> tuple[Run, RunErrors]:
        """One run, and how it differs."""
        known, network = self._bounds.get(setting.dtype), self._network(setting.dtype)
        mode: Decided = Decided() if known else Apriori(DTYPES[setting.dtype])
        if not known:
            meant = vars(self._network(PUBLISHED))
            for name, tensor in vars(network).items():
                stands_for(tensor, meant[name])
        with mode, running(setting, self._advice):
            run = self._compute(network)
        if isinstance(mode, Apriori):
            known = self._bounds[setting.dtype] = Bounds.of(run, mode, self._decided)
        return run, compare(setting, run, self.truth, known and known.after(mode.made))
