"""Trees in the making."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ...boxes.tree import State, Tree


@dataclass(eq=False)
class Node:
    """A set in the making: what stands before its last symbol, that symbol, and its parts.

    ``gammas``: by output, the numbers of heads that its parts begin with; ``steps``: how many splits it seems to be
    away from a bound that holds.
    """

    state: State
    symbols: str = ""
    places: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    last: str = "U"
    parts: list[Node] = field(default_factory=list)
    gammas: dict[int, np.ndarray] = field(default_factory=dict)
    steps: float = 0.0

    def note(self, symbol: str, places: Iterable[int] = (), numbers: Iterable[int] = ()) -> None:
        self.symbols += symbol
        self.places += [int(p) for p in places]
        self.numbers += [int(n) for n in numbers]

    def forget(self) -> None:
        """Nothing stands before its last symbol."""
        self.symbols, self.places, self.numbers = "", [], []


def flattened(root: Node) -> Tree:
    """The tree in preorder."""
    symbols: list[str] = []
    places: list[int] = []
    numbers: list[int] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        symbols.append(node.symbols + ("" if node.parts else node.last))
        places += node.places
        numbers += node.numbers
        waiting += reversed(node.parts)
    return Tree("".join(symbols), tuple(places), tuple(numbers))
