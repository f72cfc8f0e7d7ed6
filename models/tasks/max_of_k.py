"""Max-of-K: the network is to return the largest token of a sequence.

Inputs: all V^K sequences of K tokens 0 … V-1, each once.  With m = max t, the network is *right* on t
when logit m is strictly larger than every other logit; a tie is wrong.

Cells.  Sequences are grouped by q, the last token (the query), and m, the largest: the cell (q, m), q <= m,
holds (m+1)^(K-1) - [q < m]·m^(K-1) of them.  The cells partition the inputs.

>>> task = MaxOfK(n_ctx=4, d_vocab=64)
>>> task.inputs, sum(task.cell_size(q, m) for q, m in task.cells())
(16777216, 16777216)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..network import Network
from .errors import TaskDoesNotFit
from .expression import parse
from .task import Task
from .whole import on_all_inputs


@dataclass(frozen=True)
class MaxOfK:
    """Maximum of ``n_ctx`` tokens out of ``d_vocab``."""

    n_ctx: int
    d_vocab: int

    name = "max-of-k"

    def describe(self) -> dict[str, str]:
        """The task as it stands in the statement (docs/certificate.md §1.3)."""
        return {
            "name": self.name,
            "inputs": "all d_vocab^n_ctx sequences",
            "right": "strictly largest logit at the largest token",
            "tie": "wrong",
        }

    @property
    def inputs(self) -> int:
        """How many sequences there are."""
        return self.d_vocab**self.n_ctx

    def cells(self) -> Iterator[tuple[int, int]]:
        """All (q, m) with q <= m: m ascending, and q ascending inside."""
        return ((q, m) for m in range(self.d_vocab) for q in range(m + 1))

    def cell_size(self, q: int, m: int) -> int:
        """How many sequences end in q and have the maximum m."""
        free = self.n_ctx - 1
        return (m + 1) ** free - (m**free if q < m else 0)


class LargestToken:
    """The same task for any network."""

    name = MaxOfK.name

    def build(self, parameters: str, network: Network) -> Task:
        if parameters:
            raise TaskDoesNotFit(self.name, "no parameters", parameters[:40])
        return on_all_inputs(self.name, network, parse("max(t)"))


TASK = LargestToken()
