"""Sorting: L different numbers, a separator, and the numbers again in ascending order, each to be predicted.

Position L + i, which holds the separator (i = 0) or the i-th smallest, is to give the (i+1)-th smallest: what stands
there is the true sorted list, whatever the network says elsewhere (teacher forcing).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Network
from .errors import TaskDoesNotFit
from .inputs import InputSet
from .task import Task
from .whole import positions_of


@dataclass(frozen=True)
class NextOfSorted:
    """``steps``: how many of the sorted numbers are asked for.

    >>> NextOfSorted(3, 2)(np.array([[5, 1, 4, 9, 1, 4, 5]])).tolist()
    [[1, 4]]
    """

    length: int
    steps: int
    text = "the next of the sorted list"

    @property
    def meaning(self) -> str:
        return (
            f"with $i = p - {self.length}$, the number that is greater than exactly $i$ others of the first "
            f"{self.length} tokens"
        )

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        return np.sort(tokens[:, : self.length], axis=1)[:, : self.steps]


class SortedList:
    name = "sorted-list"

    def build(self, parameters: str, network: Network) -> Task:
        if parameters not in ("", "first"):
            raise TaskDoesNotFit(self.name, "no parameter, or first (the first number alone)", parameters[:40])
        positions = positions_of(self.name, network)
        sizes = set(network.vocabulary(positions))
        length = positions // 2
        if positions != 2 * length + 1 or len(sizes) != 1 or min(sizes) <= length:
            raise TaskDoesNotFit(self.name, "an odd number of positions, and more tokens than numbers", str(positions))
        separator = min(sizes) - 1
        numbers = tuple(range(separator))
        inputs = InputSet((*(numbers,) * length, (separator,), *(numbers,) * length), "sorted")
        steps = 1 if parameters else length
        name = f"{self.name}:{parameters}" if parameters else self.name
        return Task(name, inputs, tuple(range(length, length + steps)), NextOfSorted(length, steps), "pairs")


TASK = SortedList()
