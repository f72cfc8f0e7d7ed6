"""The search for the tree of one read position: the largest open sets first, tested together, closed or split.

A set is worth its size, less where its bound is far from holding: one that needs k more splits as good as the last one
has some 2^k parts by then.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....engine.box import Lists, ListSet, Product, Products, members
from ....engine.form import Form
from ...boxes.answers import ReadPosition
from ...boxes.bounds import ABOVE_BITS, Bounds, Units
from ...boxes.tree import State, Tree, arrays, facts_of
from .facts import note_facts
from .floats import Tables
from .growth import Opened, grown
from .margins import Batch, Verdict
from .nodes import Node, flattened

BATCH = 256
ENUMERATED = 4  # sets of at most so many inputs that bounds leave open are decided one by one
EASE = 0.5  # what a set is worth less for each split that its bound seems to need
FARTHEST = 100.0  # such splits, of sets that seem hopeless
EVEN = 6  # sets are taken together whose worths are within a factor of 2^EVEN


class Search:
    """Grows one tree until nothing is open but parts of at most ``cut`` inputs.

    What it does depends on nothing but its arguments: who stops it earlier has a part of the same tree.  ``earlier``:
    the tree of a search that was stopped, which grows at the leaves that it left open.
    """

    def __init__(
        self,
        read: ReadPosition,
        form: Form,
        outputs: int,
        units: Units,
        cut: int = 0,
        *,
        careful: bool = False,
        earlier: Tree | None = None,
    ) -> None:
        self._read, self._form, self._outputs, self._units, self._cut = read, form, outputs, units, cut
        self._bounds, self._tables = Bounds(form, units), Tables(form)
        self._careful = careful
        self._waiting: list[tuple[float, int, Node]] = []
        self._counter = itertools.count()
        self.total = read.space.size(read.space.root)  # type: ignore[arg-type]
        self.open, self.nodes = 0, 0
        self._earlier = earlier
        self._leaves = [] if earlier is None else Opened(read, form, outputs, units, "boxes").read(earlier)
        self._roots = [Node(leaf.state) for leaf in self._leaves] or [Node(State(read.space.root))]
        if earlier is None:
            self._begin(self._roots[0])
            return
        for leaf, root in zip(self._leaves, self._roots, strict=False):
            if read.query(leaf.state.node) is None:
                self.open += self._size(root)
            else:
                self._wait(root)

    @property
    def waiting(self) -> int:
        """How many sets wait."""
        return len(self._waiting)

    @property
    def largest(self) -> float:
        """What the set that comes next is worth, in inputs of the task; 0 when the search is over."""
        return -self._waiting[0][0] * self._read.ignored if self._waiting else 0.0

    def tree(self) -> Tree:
        """What was found so far."""
        if self._earlier is None:
            return flattened(self._roots[0])
        trees = [flattened(root) for root in self._roots[: len(self._leaves)]]
        return grown(self._earlier, self._leaves, trees)

    def step(self) -> None:
        """Tests a batch of sets, and closes or splits them."""
        floor = -self._waiting[0][0] / 2**EVEN
        batch: list[Node] = []
        while self._waiting and len(batch) < BATCH and -self._waiting[0][0] >= floor:
            _, _, node = heapq.heappop(self._waiting)
            self.open -= self._size(node)
            batch.append(node)
        self.nodes += len(batch)
        told = []
        for node in batch:
            if self._read.answer(node.state.node) is None:
                self._split_blindly(node)
            else:
                told.append(node)
        if told:
            self._test(told)

    def _test(self, nodes: list[Node]) -> None:
        sets = arrays(self._read, [node.state.node for node in nodes])
        query = np.array([self._read.query(node.state.node) for node in nodes])
        note_facts(self._tables, self._units, nodes, sets, query)
        facts = facts_of(self._read, self._form, [node.state for node in nodes])
        holds = self._bounds.facts_hold(sets, facts)
        for row in np.flatnonzero(~holds).tolist():
            self._forget(nodes[row])
        kept = np.flatnonzero(holds)
        if not len(kept):
            return
        nodes = [nodes[row] for row in kept]
        right = [self._read.answer(node.state.node) for node in nodes]
        opened = [
            [x for x in range(self._outputs) if x != c] if node.state.opened is None else node.state.opened
            for node, c in zip(nodes, right, strict=True)
        ]
        batch = Batch(
            self._tables, self._units, nodes, sets.take(kept), facts.take(kept),
            above=self._units.above * 2.0**-ABOVE_BITS, careful=self._bounds if self._careful else None,
        )  # fmt: skip
        answers = [c for c in right if c is not None]
        for node, xs, verdict in zip(nodes, opened, batch.verdicts(answers, opened, self._read.space), strict=True):
            self._close(node, xs, verdict)

    def _size(self, node: Node) -> int:
        return self._read.space.size(node.state.node)  # type: ignore[arg-type]

    def _wait(self, node: Node, *, first: bool = False) -> None:
        """It is open; it waits too, unless it is a part too small to be looked at."""
        size = self._size(node)
        self.open += size
        if first or size > self._cut or size <= self._enumerated:
            worth = size * EASE ** min(node.steps, FARTHEST)
            heapq.heappush(self._waiting, (-worth, next(self._counter), node))

    @property
    def _enumerated(self) -> int:
        """Sets of so many inputs may be decided one by one; of lists, and above a threshold, none."""
        return ENUMERATED if isinstance(self._read.space, Products) and not self._units.above else 0

    def _divide(self, node: Node, symbol: str, parts: Sequence[Product | ListSet], *where: int) -> list[Node]:
        node.note(symbol, where if symbol != "B" else (), where if symbol == "B" else ())
        node.parts = [Node(replace(node.state, node=part), gammas=dict(node.gammas)) for part in parts]
        return node.parts

    def _begin(self, root: Node) -> None:
        """The first splits: by query token, and by what decides the answer."""
        space, read = self._read.space, self._read
        if isinstance(space, Lists):
            for part in self._divide(root, "A", space.cells(space.root)):
                self._wait(part, first=True)
            return
        for part in self._divide(root, "Q", space.each(space.root, read.position), read.position):
            node = part.state.node
            assert isinstance(node, Product), "products have products as parts"
            if space.labels is not None:
                self._by_sum(space, part, _edges(*space.range_of(node)))
            elif read.answer(node) is None:
                for cell in self._divide(part, "M", space.by_maximum(node)):
                    self._wait(cell, first=True)
            else:
                self._wait(part, first=True)

    def _by_sum(self, space: Products, node: Node, edges: Sequence[int]) -> None:
        """Halves of the edges that lie inside."""
        held = node.state.node
        assert isinstance(held, Product), "labelled sets are products"
        low, high = space.range_of(held)
        inside = [edge for edge in edges if low < edge <= high]
        if not inside:
            self._wait(node, first=True)
            return
        middle = inside[len(inside) // 2]
        for part in self._divide(node, "B", space.sum_below(held, middle), middle):
            self._by_sum(space, part, inside)

    def _forget(self, node: Node) -> None:
        """A set whose facts do not hold as rounded: it is split without them, or left open."""
        node.forget()
        if isinstance(node.state.node, Product):
            self._split_blindly(node)
        else:
            self.open += self._size(node)

    def _split_blindly(self, node: Node) -> None:
        """A set whose right answer is not one: halves of the widest position, or its inputs one by one."""
        held, space = node.state.node, self._read.space
        assert isinstance(held, Product) and isinstance(space, Products), "lists have one answer"
        size = self._size(node)
        if size <= self._enumerated:
            node.last = "E"
            return
        position = max(range(len(held.sets)), key=lambda p: held.sets[p].bit_count())
        tokens = members(held.sets[position])
        if len(tokens) == 1:
            self.open += size
            return
        middle = tokens[len(tokens) // 2]
        for part in self._divide(node, "H", space.below(held, position, middle), position, middle):
            self._wait(part)

    def _close(self, node: Node, opened: Sequence[int], verdict: Verdict) -> None:
        """Writes down what became of a set."""
        passed, gammas = verdict.passed, [g for x in opened if x in verdict.passed for g in verdict.passed[x]]
        if len(passed) == len(opened):
            node.note("R", (), gammas)
            node.last = ""
            return
        if verdict.winner is not None:
            x, own = verdict.winner
            node.note("W", (x,), own)
            node.last = ""
            return
        size, held = self._size(node), node.state.node
        if size <= self._enumerated:
            node.forget()
            node.last = "E"
            return
        space, where = self._read.space, verdict.where
        parts: Sequence[Product | ListSet] = ()
        if isinstance(space, Lists) and isinstance(held, ListSet):
            parts = space.holds(held, *where) if where else ()
        elif isinstance(space, Products) and isinstance(held, Product) and size > 1:
            parts = space.holds(held, *where)
        if not parts:
            node.forget()
            self.open += size
            return
        if passed:
            failed = [x for x in opened if x not in passed]
            node.note("K", (len(failed), *failed), gammas)
            node.state = replace(node.state, opened=tuple(failed))
        for part in self._divide(node, "I" if isinstance(held, ListSet) else "S", parts, *where):
            part.steps = verdict.steps
            self._wait(part)


def _edges(low: int, high: int) -> list[int]:
    """Ends of intervals that grow with their distance from zero: (…, [-3, -2], [-1], [0], [1], [2, 3], …).

    >>> _edges(-3, 5)
    [-1, 0, 1, 2, 4]
    """
    bounds = [0, 1]
    while bounds[-1] <= max(high, -low):
        bounds.append(2 * bounds[-1])
    return [edge for edge in sorted(set(bounds) | {1 - b for b in bounds}) if low < edge <= high]
