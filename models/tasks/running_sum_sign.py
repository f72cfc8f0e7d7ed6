"""The sign of the running sum at every position: 0, 1, 2 for negative, zero, positive.

Token t stands for t if t <= V/2, for t - V otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .task import Task
from .whole import all_tokens, positions_of


@dataclass(frozen=True)
class RunningSumSign:
    """
    >>> RunningSumSign(11)(np.array([[6, 5, 1]])).tolist()
    [[0, 1, 2]]
    """

    d_vocab: int
    text = "running sum sign"

    @property
    def meaning(self) -> str:
        return (
            "0, 1 or 2 where $\\sum_{j \\le p} v(t_j)$ is negative, zero or positive, with $v(t) = t$ if "
            f"$2 t \\le {self.d_vocab}$ and $v(t) = t - {self.d_vocab}$ otherwise"
        )

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        values = np.where(2 * tokens <= self.d_vocab, tokens, tokens - self.d_vocab)
        sums = np.cumsum(values, axis=1)
        return 1 + (sums > 0) - (sums < 0).astype(np.int64)


class RunningSum:
    name = "running-sum-sign"

    def build(self, parameters: str, network: Network) -> Task:
        positions = positions_of(self.name, network, parameters)
        inputs = all_tokens(network, positions)
        name = f"{self.name}:{positions}" if parameters else self.name
        return Task(name, inputs, tuple(range(positions)), RunningSumSign(len(inputs.sets[0])))


TASK = RunningSum()
