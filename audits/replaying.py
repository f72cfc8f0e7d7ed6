"""One computation in every setting: beside its exact values, and within bounds of its rounding errors.

The published run is made first, inside :class:`~.exact_shadow.ExactShadow`; the first run in each float type is made
inside :class:`~.apriori.Apriori`, and its bounds hold for the others in that type as far as all decide alike.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..rewrites.published.network import FloatNetwork, Run
from .apriori import Apriori, stands_for
from .comparing import Bounds, behold, compare
from .decisions import Decided
from .exact_shadow import ExactShadow
from .findings import RunErrors
from .runs import DTYPES, PUBLISHED, Setting, running


class Replays:
    """``truth``: the exact values of the published run; ``beside`` counted its comparisons.

    Raises what ``compute`` raises, also a RuntimeError of torch for a float type that it cannot run.
    """

    def __init__(self, network: Callable[[str], FloatNetwork], compute: Callable[[FloatNetwork], Run]) -> None:
        self._network, self._compute = network, compute
        self._advice: list[tuple[Tensor, ...]] = []
        self._bounds: dict[str, Bounds] = {}
        with running(Setting(PUBLISHED), self._advice), ExactShadow() as self.beside, Decided() as decided:
            published = compute(network(PUBLISHED))
        self._decided = decided.made
        self.truth = behold(published)

    def run(self, setting: Setting) -> tuple[Run, RunErrors]:
        """One run, and how it differs."""
        known, network = self._bounds.get(setting.dtype), self._network(setting.dtype)
        mode: Decided = Decided() if known else Apriori(DTYPES[setting.dtype])
        if not known:
            meant = vars(self._network(PUBLISHED))
            for name, tensor in vars(network).items():
                stands_for(tensor, meant[name])
        with running(setting, self._advice), mode:
            run = self._compute(network)
        if isinstance(mode, Apriori):
            known = self._bounds[setting.dtype] = Bounds.of(run, mode, self._decided)
        return run, compare(setting, run, self.truth, known and known.after(mode.made))
