"""The J-th largest of the tokens, counted with repetition: kth-max:1 is max-of-k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .errors import TaskDoesNotFit
from .task import Task
from .whole import number, on_all_inputs


@dataclass(frozen=True)
class KthLargest:
    """
    >>> KthLargest(2)(np.array([[3, 5, 5], [4, 0, 2]])).tolist()
    [[5], [2]]
    """

    rank: int

    @property
    def text(self) -> str:
        return f"{self.rank}-th largest"

    @property
    def meaning(self) -> str:
        return f"number {self.rank} of the tokens when they are ordered from the largest down, counted with repetition"

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return np.sort(tokens, axis=1)[:, -self.rank, None]


class KthMax:
    name = "kth-max"

    def build(self, parameters: str, network: Network) -> Task:
        rank = number(self.name, parameters, 1)
        task = on_all_inputs(f"{self.name}:{rank}", network, KthLargest(rank))
        if rank > task.positions:
            raise TaskDoesNotFit(self.name, f"a rank of at most {task.positions}", str(rank))
        return task


TASK = KthMax()
