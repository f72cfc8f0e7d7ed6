"""Induction: the last token repeats an earlier t_i, and t_{i+1} is right.

``induction``: t_0 … t_{n-2} differ, i < n - 2.  ``induction-once``: the other tokens may be any but t_i, and may
repeat; 1 <= i < n - 2 (the task ABCAB of Gross et al., where something stands before the pair).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .inputs import InputSet
from .task import Task
from .whole import all_tokens, positions_of, read_last


@dataclass(frozen=True)
class AfterEarlier:
    """
    >>> AfterEarlier()(np.array([[3, 5, 1, 3], [4, 0, 2, 0]])).tolist()
    [[5], [2]]
    """

    text = "the token after the earlier occurrence"
    meaning = "$t_{i+1}$, where $i$ is the first position with $t_i = t_{K-1}$"

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        earlier = (tokens[:, :-2] == tokens[:, -1:]).argmax(axis=1)
        return np.take_along_axis(tokens, earlier[:, None] + 1, axis=1)


@dataclass(frozen=True)
class Induction:
    name: str
    condition: str

    def build(self, parameters: str, network: Network) -> Task:
        positions = positions_of(self.name, network, parameters)
        inputs = InputSet(all_tokens(network, positions).sets, self.condition)
        name = f"{self.name}:{positions}" if parameters else self.name
        return Task(name, inputs, read_last(network, positions), AfterEarlier())


TASK = Induction("induction", "repeated")
