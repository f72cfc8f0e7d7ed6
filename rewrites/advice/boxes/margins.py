"""The tests of a batch of sets: which outputs stay below the right answer, which one wins, and where to split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ....engine.box import Lists, ListSet, members
from ....engine.form import ListTables
from ...boxes.bounds import Bounds, Facts, Sets, Units
from .extremes import ratio_of
from .floats import Tables, lines_on
from .gammas import Gammas
from .nodes import Node

WINNERS = 2  # outputs that are looked at as possible winners, those of the lowest bounds
TOGETHER = 1 << 17  # entries of the tables of pairs that are looked at together


@dataclass(eq=False)
class Verdict:
    """What became of a set: the outputs that stay below, with their γ; an output that wins, with its own; where to
    split."""

    passed: dict[int, np.ndarray] = field(default_factory=dict)
    winner: tuple[int, np.ndarray] | None = None
    where: tuple[int, ...] = ()


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
        index = np.array([row for row, xs in enumerate(opened) for _ in xs], dtype=np.int64)
        loser = np.array([x for xs in opened for x in xs], dtype=np.int64)
        winner = np.array(right, dtype=np.int64)[index]
        held, bound, gammas = self._margins(index, winner, loser, strictly=True)
        found = [Verdict() for _ in self._nodes]
        failed: list[list[int]] = [[] for _ in found]
        for k, (row, x) in enumerate(zip(index.tolist(), loser.tolist(), strict=True)):
            if held[k]:
                found[row].passed[x] = gammas[k]
            else:
                failed[row].append(k)
            self._nodes[row].gammas[x] = gammas[k]
        failing = np.array([row for row, pairs in enumerate(failed) if pairs], dtype=np.int64)
        if not len(failing):
            return found
        for pairs in failed:
            pairs.sort(key=lambda k: bound[k])
        worst = np.array([failed[row][0] for row in failing])
        may = [(row, k) for row in failing.tolist() for k in failed[row][:WINNERS]]
        rows, pairs_ = (np.array(side) for side in zip(*may, strict=True))
        beaten, _, own = self._margins(rows, loser[pairs_], winner[pairs_], strictly=False)
        for i in np.flatnonzero(beaten):
            found[rows[i]].winner = int(loser[pairs_[i]]), own[i]
        rest = np.array([i for i, row in enumerate(failing) if found[row].winner is None], dtype=np.int64)
        if len(rest):
            where = self._splits(failing[rest], winner[worst[rest]], loser[worst[rest]], gammas[worst[rest]], space)
            for row, place in zip(failing[rest].tolist(), where, strict=True):
                found[row].where = place
        return found

    def _margins(
        self, index: np.ndarray, winner: np.ndarray, loser: np.ndarray, *, strictly: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each pair: whether the bound is safely positive, the bound over its size, γ in units."""
        n, heads = len(index), self._tables.form.heads
        held, bound = np.zeros(n, dtype=np.bool_), np.zeros(n)
        gammas = np.zeros((n, heads - 1), dtype=np.int64)
        rows = max(1, TOGETHER // self._sets.allowed[0].size)
        for first in range(0, n, rows):
            part = slice(first, first + rows)
            of = index[part]
            pairs = self._pairs(of, winner[part], loser[part], strictly=strictly)
            names = loser[part] if strictly else np.full(len(of), -1)
            start = [self._nodes[row].gammas.get(x) for row, x in zip(of.tolist(), names.tolist(), strict=True)]
            held[part], bound[part], gammas[part] = pairs.best(start)
        if self._careful is not None and held.any():
            rows_ = np.flatnonzero(held)
            at = index[rows_]
            held[rows_] = self._careful.margins_hold(
                self._sets, self._facts, at, winner[rows_], loser[rows_], [(self._facts.ratios[at], gammas[rows_])],
                strictly=strictly,
            )  # fmt: skip
        return held, bound, gammas

    def _pairs(self, of: np.ndarray, winner: np.ndarray, loser: np.ndarray, *, strictly: bool) -> Gammas:
        query = self._facts.query[of]
        lines = None if self._lines is None else self._lines.take(of)
        n = self._tables.brackets(query, winner, loser, lines, self._above if strictly else -self._above)
        weights = [w[query] for w in self._tables.weights]
        ratios = ratio_of(self._facts.ratios[of])
        return Gammas(self._sets.take(of), weights, n, ratios, 2.0**-self._units.gamma)

    def _splits(
        self, of: np.ndarray, winner: np.ndarray, loser: np.ndarray, gammas: np.ndarray, space: object
    ) -> list[tuple[int, ...]]:
        """Where the pair's bound loses most."""
        found: list[tuple[int, ...]] = []
        rows = max(1, TOGETHER // self._sets.allowed[0].size)
        for first in range(0, len(of), rows):
            part = slice(first, first + rows)
            tables = self._pairs(of[part], winner[part], loser[part], strictly=True).table(gammas[part])
            sets = self._sets.take(of[part])
            if isinstance(sets, ListTables) and isinstance(space, Lists):
                nodes = [self._nodes[row].state.node for row in of[part].tolist()]
                found += [_number(space, node, table) for node, table in zip(nodes, tables, strict=True)]
            else:
                found += _tokens(sets.allowed, tables)
        return found


def _tokens(allowed: np.ndarray, tables: np.ndarray) -> list[tuple[int, ...]]:
    """The worst token of the position whose worst one is farthest below its average."""
    count = allowed.sum(axis=2)
    mean = np.where(allowed, tables, 0).sum(axis=2) / np.maximum(count, 1)
    values = np.where(allowed, tables, np.inf)
    gain = np.where(count > 1, mean - values.min(axis=2), -np.inf)
    place = gain.argmax(axis=1)
    token = values[np.arange(len(tables)), place].argmin(axis=1)
    return list(zip(place.tolist(), token.tolist(), strict=True))


def _number(space: Lists, node: object, table: np.ndarray) -> tuple[int, ...]:
    """The number whose place in the list is cheapest against the average; none if nothing is free."""
    assert isinstance(node, ListSet), "a space of lists holds lists"
    anywhere = table[: space.length, : space.values].min(axis=0)
    best, number = -math.inf, -1
    needs = (space.below_needed, space.above_needed)
    for pool, needed, ranked in zip(space.pools(node), needs, (True, False), strict=True):
        free = members(pool & ~node.inside)
        if 0 < needed - (pool & node.inside).bit_count() < len(free):
            cost = anywhere[free]
            if ranked:
                cost = cost + table[space.length + 1 : space.length + space.step, free].mean(axis=0)
            gain = cost.mean() - cost.min()
            if gain > best:
                best, number = gain, free[int(cost.argmin())]
    return () if number < 0 else (number,)
