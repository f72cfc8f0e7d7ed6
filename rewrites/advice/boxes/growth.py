"""Trees that go on: what an earlier search left open is searched again, and its tree grows at those leaves."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....engine.errors import MechproofError
from ....engine.files import atomic_write
from ....models.statement import Statement
from ...boxes.bounds import Units
from ...boxes.tree import Counted, Replay, State, Streams, Tree
from ...rules.box_rule import Boxes

SCHEMA = 1


@dataclass(unsafe_hash=True)
class TreesUnusable(MechproofError):
    """The file is damaged, or of another statement; ``found`` says what is there."""

    file: str
    found: str
    sentence = (
        "{file}: expected the trees of an earlier run about this very statement, found {found}; name another file"
    )


@dataclass(frozen=True, eq=False)
class Open:
    """A leaf that says nothing: its set, and where it stands in the streams of its tree."""

    state: State
    at: tuple[int, int, int]


class Opened(Replay):
    """Reads a tree without testing it: what it says is tested with the rest, by the rule."""

    leaves: list[Open]

    def read(self, tree: Tree) -> list[Open]:
        """The leaves that say nothing, in order; raises :class:`~...engine.rule.NotEstablished`."""
        self.leaves = []
        self.count(tree)
        return self.leaves

    def _leaf(self, streams: Streams, symbol: str, state: State, cuts: Any, size: int, found: Counted) -> None:
        if symbol == "U":
            at, place, number = streams.consumed
            self.leaves.append(Open(state, (at - 1, place, number)))
        super()._leaf(streams, symbol, state, cuts, size, found)

    def _flush(self, streams: Streams) -> None:
        self._margins, self._facts = [], []


def grown(tree: Tree, leaves: list[Open], trees: list[Tree]) -> Tree:
    """The tree with another one in place of each of these leaves."""
    symbols: list[str] = []
    places: list[int] = []
    numbers: list[int] = []
    before = (0, 0, 0)
    for leaf, new in zip(leaves, trees, strict=True):
        symbols += [tree.symbols[before[0] : leaf.at[0]], new.symbols]
        places += [*tree.places[before[1] : leaf.at[1]], *new.places]
        numbers += [*tree.numbers[before[2] : leaf.at[2]], *new.numbers]
        before = leaf.at[0] + 1, leaf.at[1], leaf.at[2]
    rest = tree.symbols[before[0] :], tree.places[before[1] :], tree.numbers[before[2] :]
    return Tree("".join(symbols) + rest[0], (*places, *rest[1]), (*numbers, *rest[2]))


def stored(file: str | os.PathLike[str], statement: Statement, units: Units) -> tuple[Tree, ...] | None:
    """The trees in the file; None if there is no such file; raises :class:`TreesUnusable`."""
    path = Path(file)
    if not path.exists():
        return None
    try:
        held = json.loads(path.read_text(encoding="ascii"))
        trees = tuple(Tree(str(s), _whole(places), _whole(numbers)) for s, places, numbers in held["trees"])
        run = held["run"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TreesUnusable(os.fspath(file), f"what cannot be read ({type(error).__name__})") from None
    if run != _run(statement, units) or len(trees) != len(statement.task.read):
        raise TreesUnusable(os.fspath(file), "those of another network, task or threshold")
    return trees


def store(file: str | os.PathLike[str], statement: Statement, boxes: Boxes) -> None:
    """The trees, whole or not at all."""
    trees = [[tree.symbols, tree.places, tree.numbers] for tree in boxes.trees]
    atomic_write(Path(file), json.dumps({"run": _run(statement, boxes.units), "trees": trees}).encode("ascii"))


def _run(statement: Statement, units: Units) -> list[Any]:
    return [SCHEMA, statement.sha256, units.z, units.gamma, units.slope, units.above]


def _whole(numbers: Any) -> tuple[int, ...]:
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise ValueError("expected whole numbers")
    return tuple(numbers)
