"""The tests of a batch of sets: which outputs stay below the right answer, which one wins, and where to split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ....engine.box import Lists, ListSet, members
from ....engine.form import ListTables
from ...boxes.bounds import Bounds, Facts, Sets, Units
from .extremes import least, ratio_of
from .floats import Tables, lines_on
from .gammas import Found, Gammas
from .nodes import Node

WINNERS = 2  # outputs that are looked at as possible winners, those of the lowest bounds
TOGETHER = 1 << 17  # entries of the tables of pairs that are looked at together


LEAST_GAIN = 1e-30  # of a split
TINY = 2.0**-100  # weights below this count as nothing
MOST_WAITING = 1 << 23  # and of those for which a better γ is looked for


@dataclass(eq=False)
class Verdict:
    """What became of a set: the outputs that stay below, with their γ; an output that wins, with its own; where to
    split, and about how many such splits the worst bound is below zero."""

    passed: dict[int, np.ndarray] = field(default_factory=dict)
    winner: tuple[int, np.ndarray] | None = None
    where: tuple[int, ...] = ()
    steps: float = 0.0


class Group:
    """Sets with equally many outputs each: ``winner`` and ``loser`` (sets × outputs), and what became of these pairs
    (one row a pair, set by set)."""

    def __init__(self, sets: np.ndarray, winner: np.ndarray, loser: np.ndarray, others: int) -> None:
        self.sets, self.found = sets, Found.nothing(max(winner.size, loser.size), others)
        self.winner, self.loser = np.broadcast_arrays(winner, loser)
        self.each = self.loser.shape[1]

    def rows(self) -> Iterator[tuple[int, list[int], list[int], Found]]:
        """Set by set: winners, losers, and what became of them."""
        for k, row in enumerate(self.sets.tolist()):
            own = self.found.take(slice(k * self.each, (k + 1) * self.each))
            yield row, self.winner[k].tolist(), self.loser[k].tolist(), own


# A set, its outputs that do not stay below (the worst ones first), and γ of the worst.
Failed = tuple[int, list[int], np.ndarray]
# A group, which of its pairs failed, the sets of these, and their tables.
Waiting = tuple[Group, np.ndarray, np.ndarray, Gammas]


class Batch:
    """Sets with their facts; ``above`` the threshold of margins; ``careful``: tests are made in integers too."""

    def __init__(
        self, tables: Tables, units: Units, nodes: Sequence[Node], sets: Sets, facts: Facts, *, above: float,
        careful: Bounds | None,
    ) -> None:  # fmt: skip
        self._tables, self._units, self._nodes, self._sets, self._facts = tables, units, nodes, sets, facts
        self._above, self._careful, self._lines = above, careful, None
        form = tables.form
        if form.hidden is not None:
            low, high = (end.sum(axis=1) * 2.0**-units.z for end in (facts.low, facts.high))
            self._lines = lines_on(form.hidden.function, low, high, facts.slopes * 2.0**-units.slope)

    def verdicts(self, right: Sequence[int], opened: Sequence[Sequence[int]], space: object) -> list[Verdict]:
        """One for each set."""
        found = [Verdict() for _ in self._nodes]
        answers = np.array(right, dtype=np.int64)
        failed: list[Failed] = []
        for row, _, xs, own in self._margins(enumerate(opened), answers, strictly=True):
            self._nodes[row].gammas = dict(zip(xs, own.gammas, strict=True))
            found[row].passed = {x: own.gammas[k] for k, x in enumerate(xs) if own.held[k]}
            if not own.held.all():
                worst = [k for k in own.bound.argsort(kind="stable").tolist() if not own.held[k]][:WINNERS]
                failed.append((row, [xs[k] for k in worst], own.gammas[worst[0]]))
        for row, xs, _, own in self._margins([(row, xs) for row, xs, _ in failed], answers, strictly=False):
            if own.held.any():
                k = int(own.held.argmax())
                found[row].winner = xs[k], own.gammas[k]
        rest = [(row, xs[0], own) for row, xs, own in failed if found[row].winner is None]
        if rest:
            rows, worst_, gammas = (np.array(side) for side in zip(*rest, strict=True))
            where = self._splits(rows, answers[rows], worst_, gammas, space)
            for row, (place, steps) in zip(rows.tolist(), where, strict=True):
                found[row].where, found[row].steps = place, steps
        return found

    def _margins(
        self, asked: Iterable[tuple[int, Sequence[int]]], answers: np.ndarray, *, strictly: bool
    ) -> Iterator[tuple[int, list[int], list[int], Found]]:
        """Of sets and some of their outputs: whether these stay below the right answer, or reach it."""
        by_count: dict[int, list[tuple[int, Sequence[int]]]] = {}
        for row, xs in asked:
            by_count.setdefault(len(xs), []).append((row, xs))
        groups: list[Group] = []
        waiting: list[Waiting] = []
        for count, mine in by_count.items():
            if not count:
                continue
            rows, xs = (np.array(side) for side in zip(*mine, strict=True))
            right = answers[rows, None]
            group = Group(rows, *((right, xs) if strictly else (xs, right)), self._tables.form.heads - 1)
            groups.append(group)
            for left in self._begin(group, strictly=strictly):
                waiting.append(left)
                if sum(len(at) for _, at, _, _ in waiting) * self._sets.allowed[0].size > MOST_WAITING:
                    self._again(waiting)
                    waiting = []
        if waiting:
            self._again(waiting)
        for group in groups:
            if self._careful is not None:
                self._confirm(group, self._careful, strictly=strictly)
            yield from group.rows()

    def _begin(self, group: Group, *, strictly: bool) -> Iterator[Waiting]:
        """The first bounds of a group, some sets at a time; and what failed."""
        rows = max(1, TOGETHER // (group.each * self._sets.allowed[0].size))
        for first in range(0, len(group.sets), rows):
            part = slice(first, first + rows)
            of, winner, loser = group.sets[part], group.winner[part], group.loser[part]
            pairs = self._pairs(of, winner, loser, strictly=strictly)
            start: list[np.ndarray | None] = [None] * loser.size
            if strictly:
                known = zip(of.tolist(), loser.tolist(), strict=True)
                start = [self._nodes[row].gammas.get(x) for row, xs in known for x in xs]
            found = pairs.begin(start)
            at = np.arange(loser.size) + first * group.each
            group.found.put(at, found)
            left = np.flatnonzero(~found.held)
            if len(left):
                yield group, at[left], of[left // group.each], pairs.some(left)

    def _again(self, waiting: Sequence[Waiting]) -> None:
        """A better γ for pairs that failed."""
        sets = self._sets.take(np.concatenate([of for _, _, of, _ in waiting]))
        begun = np.concatenate([group.found.gammas[at] for group, at, _, _ in waiting])
        found = Gammas.joined([pairs for *_, pairs in waiting], sets).better(begun)
        first = 0
        for group, at, _, _ in waiting:
            group.found.put(at, found.take(slice(first, first + len(at))))
            first += len(at)

    def _confirm(self, group: Group, bounds: Bounds, *, strictly: bool) -> None:
        """In integers."""
        facts = self._facts.take(group.sets)
        gammas = group.found.gammas.reshape(*group.loser.shape, self._tables.form.heads - 1)
        held = bounds.margins_hold(
            self._sets.take(group.sets), facts, group.winner, group.loser, [(facts.ratios, gammas)], strictly=strictly
        )
        group.found.held[:] &= held.reshape(-1)

    def _pairs(self, of: np.ndarray, winner: np.ndarray, loser: np.ndarray, *, strictly: bool) -> Gammas:
        query = self._facts.query[of]
        lines = None if self._lines is None else self._lines.take(of)
        n = self._tables.brackets(query, winner, loser, lines, self._above if strictly else -self._above)
        sets, weights, tops = self._sets.take(of), list[np.ndarray](), list[np.ndarray]()
        allowed = sets.allowed
        for w in self._tables.weights:  # of each head in units of its largest on the set, for single precision
            held = np.where(allowed, w[query], 0)
            tops.append(held.max(axis=(1, 2)))
            held /= tops[-1][:, None, None]
            weights.append(np.where(held < TINY, 0, held).astype(np.float32))
        ratios = ratio_of(self._facts.ratios[of])
        for h, top in enumerate(tops[1:]):
            ratios[:, h] *= (top / tops[0])[:, None]
        return Gammas(sets, weights, n, ratios, 2.0**-self._units.gamma)

    def _splits(
        self, of: np.ndarray, winner: np.ndarray, loser: np.ndarray, gammas: np.ndarray, space: object
    ) -> list[tuple[tuple[int, ...], float]]:
        """Where the pair's bound loses most, and about how many such losses it is below zero."""
        found: list[tuple[tuple[int, ...], float]] = []
        rows = max(1, TOGETHER // self._sets.allowed[0].size)
        for first in range(0, len(of), rows):
            part = slice(first, first + rows)
            pairs = self._pairs(of[part], winner[part, None], loser[part, None], strictly=True)
            tables = pairs.table(gammas[part])
            sets = self._sets.take(of[part])
            if isinstance(sets, ListTables) and isinstance(space, Lists):
                nodes = [self._nodes[row].state.node for row in of[part].tolist()]
                places = [_number(space, node, table) for node, table in zip(nodes, tables, strict=True)]
            else:
                places = _tokens(sets.allowed, tables)
            apart = np.maximum(-least(sets, tables), 0).tolist()
            found += [(place, off / gain) for (place, gain), off in zip(places, apart, strict=True)]
        return found


def _tokens(allowed: np.ndarray, tables: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """The worst token of the position whose worst one is farthest below its average, and how far."""
    count = allowed.sum(axis=2)
    mean = np.where(allowed, tables, 0).sum(axis=2) / np.maximum(count, 1)
    values = np.where(allowed, tables, np.inf)
    gain = np.where(count > 1, mean - values.min(axis=2), -np.inf)
    place = gain.argmax(axis=1)
    rows = np.arange(len(tables))
    token = values[rows, place].argmin(axis=1)
    most = np.maximum(gain[rows, place], LEAST_GAIN)
    return [((p, t), g) for p, t, g in zip(place.tolist(), token.tolist(), most.tolist(), strict=True)]


def _number(space: Lists, node: object, table: np.ndarray) -> tuple[tuple[int, ...], float]:
    """The number whose place in the list is cheapest against the average, and by how much; none if nothing is free."""
    assert isinstance(node, ListSet), "a space of lists holds lists"
    anywhere = table[: space.length, : space.values].min(axis=0)
    best, number = LEAST_GAIN, -1
    needs = (space.below_needed, space.above_needed)
    for pool, needed, ranked in zip(space.pools(node), needs, (True, False), strict=True):
        free = members(pool & ~node.inside)
        if 0 < needed - (pool & node.inside).bit_count() < len(free):
            cost = anywhere[free]
            if ranked:
                cost = cost + table[space.length + 1 : space.length + space.step, free].mean(axis=0)
            gain = float(cost.mean() - cost.min())
            if number < 0 or gain > best:
                best, number = max(gain, LEAST_GAIN), free[int(cost.argmin())]
    return (() if number < 0 else (number,)), best
