"""Finds trees of boxes in floating point: which sets to split where, and numbers with which their tests succeed.

Nothing here is believed: the rule tests every set again in integers.  Sets are taken by their sizes, the largest first,
so that a search that is stopped leaves little undecided; whatever is undecided then is a leaf of its own.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...engine.box import Lists, ListSet, Product, Products, members
from ...engine.domains.separable import WEIGHT_BITS
from ...engine.form import SIZE_BITS, Form, ListTables, ProductTables, least_with_sum, slope
from ...models.statement import Statement
from ..boxes.answers import ReadPosition
from ..boxes.bounds import ABOVE_BITS, CODE_BITS, Bounds, Facts, Sets, Units
from ..boxes.lines import NEEDS_SLOPE
from ..boxes.tree import State, Tree, arrays, facts_of
from ..rules.box_rule import Boxes, form_at
from .allowance import time_left
from .deadline import deadline

BATCH = 192
ROOM = 2.0**-23  # of the size of what is added up: a bound must be above it to be taken
ENUMERATED = 4  # sets of at most so many inputs that bounds leave open are decided one by one
ROUNDS = 6  # of the search for γ
FACT_ROOM = 2.0**-26  # of the largest entry of a table: bounds of pre-activations leave so much
ENTRIES = 1 << 20  # of the tables that are looked at together


@dataclass(eq=False)
class Node:
    """A set in the making: what stands before its last symbol, that symbol, and its parts."""

    state: State
    symbols: str = ""
    places: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    last: str = "U"
    parts: list[Node] = field(default_factory=list)
    gammas: dict[int, np.ndarray] = field(default_factory=dict)

    def note(self, symbol: str, places: Iterable[int] = (), numbers: Iterable[int] = ()) -> None:
        self.symbols += symbol
        self.places += [int(p) for p in places]
        self.numbers += [int(n) for n in numbers]


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


class Tables:
    """The tables of one query token as floats."""

    def __init__(self, form: Form, query: int, above: float) -> None:
        unit = 2.0**form.logits.exponent
        self.form, self.above = form, above
        self.weights = [
            np.ldexp(w.high[query].astype(float), -np.minimum(w.halvings[query], 1000) - WEIGHT_BITS)
            for w in form.weights
        ]
        # columns first, so that a column of every set is one take
        self.values = [np.ascontiguousarray(t.transpose(2, 0, 1)).astype(float) * unit for t in form.logits.tables]
        self.constant = form.logits.constant[query].astype(float) * unit
        self.kappa = None if form.kappa is None else form.kappa.values[0].astype(float) * 2.0**form.kappa.exponent
        if form.size is not None:
            self.sizes = [t.astype(float) * 2.0**-SIZE_BITS for t in (form.size.first[query], *form.size.others)]
            self.fixed = form.size.fixed * 2.0**-SIZE_BITS
            self.out_size = form.size.out.astype(float) * 2.0**-SIZE_BITS
        if form.hidden is not None:
            pre = form.hidden.pre
            first = pre.constant[query].astype(float)
            self.pre = [
                (t.astype(float) + (first if h == 0 else 0)) * 2.0**pre.exponent for h, t in enumerate(pre.tables)
            ]
            self.out = form.hidden.out.values.astype(float) * 2.0**form.hidden.out.exponent

    def brackets(
        self, winner: np.ndarray, loser: np.ndarray, low: np.ndarray, high: np.ndarray, slopes: np.ndarray, above: float
    ) -> list[np.ndarray]:
        """n_h(p, t) of each pair, constants with the first head; bounds of pre-activations and slopes one row a
        pair."""
        n = [values[winner] - values[loser] for values in self.values]
        constant = self.constant[winner] - self.constant[loser]
        if self.kappa is None:
            constant = constant - above
        else:
            factor = np.minimum(self.kappa[winner] - self.kappa[loser] - above, 0)
            n = [part + factor[:, None, None] * size for part, size in zip(n, self.sizes, strict=True)]
            constant = constant + factor * self.fixed
        if self.form.hidden is not None:
            c = self.out[:, winner].T - self.out[:, loser].T
            a, b = chosen_lines(self.form.hidden.function, c, low, high, slopes)
            n = [part + np.tensordot(c * a, pre, (1, 2)) for part, pre in zip(n, self.pre, strict=True)]
            constant = constant + (c * b).sum(axis=1)
            if self.kappa is not None:
                most = np.maximum(np.abs(low), np.abs(high))
                most = most * most if self.form.hidden.function == "square" else most
                constant = constant + factor * (most @ self.out_size)
        n[0] = n[0] + constant[:, None, None]
        return n


def chosen_lines(
    function: str, c: np.ndarray, low: np.ndarray, high: np.ndarray, slopes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and intercepts, below where c >= 0, above elsewhere."""
    if function == "identity":
        return np.ones_like(c), np.zeros_like(c)
    if function == "square":
        return low + high, np.where(c >= 0, -((low + high) ** 2) / 4, -low * high)
    if function == "relu":
        chord = np.clip(high / np.maximum(high - low, 1e-30), 0, 1)
        straight, flat = low >= 0, high <= 0
        below = np.where(straight | (~flat & (high > -low)), 1.0, 0.0)
        above = np.where(straight, 1.0, np.where(flat, 0.0, chord))
        return np.where(c >= 0, below, above), np.where((c >= 0) | straight | flat, 0.0, -above * low)
    points = low[..., None] + (high - low)[..., None] * np.linspace(0, 1, 65)
    tilted = values_of(function, points) - slopes[..., None] * points
    bend = (high - low) ** 2 / 64**2 / 8 + 2.0**-11
    return slopes, np.where(c >= 0, tilted.min(axis=-1) - bend, tilted.max(axis=-1) + bend)


def values_of(function: str, x: np.ndarray) -> np.ndarray:
    """φ in floating point."""
    if function == "silu":
        return x / (1 + np.exp(-x))
    if function == "gelu_new":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    # Φ by the tanh form would be off by 10^-3; the error function by Abramowitz and Stegun 7.1.26 is within 1.5·10^-7
    y = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * y)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - poly * np.exp(-y * y))
    return x * (1 + erf) / 2


def least(sets: Sets, table: np.ndarray) -> np.ndarray:
    """The least sum over each set, in floats."""
    if isinstance(sets, ListTables) or sets.labels is None or sets.cut is None or sets.bounds is None:
        return sets.least(table)
    rise, run = slope(table, sets.allowed, sets.labels)
    return least_with_sum(table, sets.allowed, sets.labels, sets.bounds, np.where(sets.cut, rise / run, 0))


def least_ratio(sets: Sets, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """About the least Σ g/Σ w over each set (g is weighted already), by Dinkelbach's iteration; tables one a set."""
    if isinstance(sets, ProductTables) and sets.cut is None:
        with np.errstate(divide="ignore", invalid="ignore"):
            start = np.where(sets.allowed, g, 0).sum(axis=(1, 2)) / np.where(sets.allowed, w, 0).sum(axis=(1, 2))
        found = start
        for _ in range(8):
            table = np.where(sets.allowed, g - found[:, None, None] * w, np.inf)
            best = table.argmin(axis=2)[:, :, None]
            top, bottom = (np.take_along_axis(a, best, 2).sum(axis=(1, 2)) for a in (g, w))
            after = top / bottom
            if (after >= found - 1e-12 * np.abs(found)).all():
                break
            found = np.minimum(found, after)
        return found
    with np.errstate(divide="ignore", invalid="ignore"):
        single = np.where(sets.allowed & (w > 0), g / np.where(w > 0, w, 1), np.nan)
    low, high = np.nanmin(single, axis=(1, 2)), np.nanmax(single, axis=(1, 2))
    low, high = low - 1e-9 * np.abs(low), high + 1e-9 * np.abs(high)
    # the bound is concave and falls in the ratio; both ends of where its zero lies are kept
    below = least(sets, g - low[:, None, None] * w)
    above = least(sets, g - high[:, None, None] * w)
    for turn in range(14):
        chord = low + (high - low) * below / np.where(below - above > 0, below - above, 1)
        at = np.clip(chord if turn % 3 else (low + high) / 2, low, high)
        value = least(sets, g - at[:, None, None] * w)
        holds = value >= 0
        low, below = np.where(holds, at, low), np.where(holds, value, below)
        high, above = np.where(holds, high, at), np.where(holds, above, value)
        if (high - low <= 1e-5 * (np.abs(low) + np.abs(high))).all():
            break
    return low


def _widest(sets: Sets, table: np.ndarray) -> np.ndarray:
    """The largest entry that a set has, one a set."""
    return np.where(sets.allowed, table, 0).max(axis=(1, 2))[:, None, None]


def code_of(ratio: float, *, up: bool) -> int:
    """The code of a number that is a little smaller (larger if ``up``) than this one."""
    fraction, exponent = math.frexp(min(max(ratio, 2.0**-60), 2.0**60))
    place = (exponent - 1 << CODE_BITS) + (2 * fraction - 1) * 2**CODE_BITS
    return math.ceil(place) + 1 if up else math.floor(place) - 1


def ratio_of(codes: np.ndarray) -> np.ndarray:
    """The numbers that codes stand for."""
    mantissa = 2**CODE_BITS + (codes & 2**CODE_BITS - 1)
    return mantissa * 2.0 ** ((codes >> CODE_BITS) - CODE_BITS)


class Search:
    """Grows the tree of one read position until nothing is open, time is over, or what is open is at most ``cut``."""

    def __init__(
        self, read: ReadPosition, form: Form, outputs: int, units: Units, cut: int = 0, *, careful: bool = False
    ) -> None:
        self._read, self._form, self._outputs, self._units, self._cut = read, form, outputs, units, cut
        self.careful = careful
        self._above = units.above * 2.0**-ABOVE_BITS
        self._tables: dict[int, Tables] = {}
        self._waiting: dict[int, list[tuple[int, int, Node]]] = {}
        self._counter = itertools.count()
        self.open, self.nodes = 0, 0
        self.root = Node(State(read.space.root))
        self._begin(self.root)

    def tree(self) -> Tree:
        return flattened(self.root)

    def run(
        self, progress: Callable[[int, int], None] = lambda nodes, left: None, seconds: float | None = None
    ) -> None:
        """Until the end, or so many seconds; ``progress(nodes, inputs undecided)``."""
        ended = deadline(seconds)
        while self._waiting and not ended():
            query = max(self._waiting, key=lambda q: -self._waiting[q][0][0])
            heap = self._waiting[query]
            floor = max(-heap[0][0] >> 6, 1)
            batch: list[Node] = []
            while heap and len(batch) < BATCH and -heap[0][0] >= floor:
                batch.append(heapq.heappop(heap)[2])
            if not heap:
                del self._waiting[query]
            self._process(query, batch)
            progress(self.nodes, self.open)

    def _size(self, node: Node) -> int:
        return self._read.space.size(node.state.node)  # type: ignore[arg-type]

    def _wait(self, node: Node, size: int | None = None) -> None:
        query = self._read.query(node.state.node)
        assert query is not None, "sets wait by their query token"
        size = self._size(node) if size is None else size
        self.open += size
        heapq.heappush(self._waiting.setdefault(query, []), (-size, next(self._counter), node))

    def _divide(self, node: Node, symbol: str, parts: Sequence[Product | ListSet], *where: int) -> list[Node]:
        node.note(symbol, where if symbol != "B" else (), where if symbol == "B" else ())
        node.parts = [Node(replace(node.state, node=part), gammas=node.gammas) for part in parts]
        return node.parts

    def _begin(self, root: Node) -> None:
        """The first splits: by query token, and by what decides the answer."""
        space, read = self._read.space, self._read
        if isinstance(space, Lists):
            for part in self._divide(root, "A", space.cells(space.root)):
                self._wait(part)
            return
        for part in self._divide(root, "Q", space.each(space.root, read.position), read.position):
            node = part.state.node
            assert isinstance(node, Product), "products have products as parts"
            if space.labels is not None:
                self._by_sum(space, part)
            elif read.answer(node) is None:
                for cell in self._divide(part, "M", space.by_maximum(node)):
                    self._wait(cell)
            else:
                self._wait(part)

    def _by_sum(self, space: Products, node: Node) -> None:
        """Sums in intervals that grow with their distance from zero: (…, [-3, -2], [-1], [0], [1], [2, 3], …)."""
        held = node.state.node
        assert isinstance(held, Product), "labelled sets are products"
        low, high = space.range_of(held)
        bounds = [0, 1]
        while bounds[-1] <= max(high, -low):
            bounds.append(2 * bounds[-1])
        edges = sorted(set(bounds) | {1 - b for b in bounds})
        edges = [edge for edge in edges if low < edge <= high]
        if not edges:
            self._wait(node)
            return
        middle = edges[len(edges) // 2]
        for part in self._divide(node, "B", space.sum_below(held, middle), middle):
            self._by_sum_of_part(space, part, edges)

    def _by_sum_of_part(self, space: Products, node: Node, edges: Sequence[int]) -> None:
        held = node.state.node
        assert isinstance(held, Product) and held.label is not None, "sums were cut"
        inside = [edge for edge in edges if held.label[0] < edge <= held.label[1]]
        if not inside:
            self._wait(node)
            return
        middle = inside[len(inside) // 2]
        for part in self._divide(node, "B", space.sum_below(held, middle), middle):
            self._by_sum_of_part(space, part, inside)

    def _process(self, query: int, batch: list[Node]) -> None:
        """Tests a batch, and closes or divides its sets."""
        if query not in self._tables:
            self._tables[query] = Tables(self._form, query, self._above)
        tables = self._tables[query]
        self.nodes += len(batch)
        for node in batch:
            self.open -= self._size(node)
        told = [node for node in batch if self._read.answer(node.state.node) is not None]
        for node in batch:
            if self._read.answer(node.state.node) is None:
                self._split_blindly(node)
        if not told:
            return
        sets = arrays(self._read, [node.state.node for node in told])
        self._find_facts(tables, told, sets)
        bounds, facts = Bounds(self._form, query, self._units), facts_of(self._form, [node.state for node in told])
        holds = bounds.facts_hold(sets, facts)
        for row in np.flatnonzero(~holds).tolist():
            self._forget(told[row])
        kept = np.flatnonzero(holds)
        if len(kept):
            _Tests(self, tables, [told[row] for row in kept], sets.take(kept), bounds, facts.take(kept)).run()

    def _find_facts(self, tables: Tables, nodes: list[Node], sets: Sets) -> None:
        """Bounds of pre-activations and of ratios, found for every set anew."""
        n = len(nodes)
        if self._form.hidden is not None:
            unit = 2.0**-self._units.z
            ends = np.zeros((n, self._form.heads, tables.out.shape[0], 2), dtype=np.int64)
            units = tables.out.shape[0]
            rows = max(1, ENTRIES // (n * tables.weights[0].size))
            for h, (w, pre) in enumerate(zip(tables.weights, tables.pre, strict=True)):
                for first in range(0, units, rows):
                    g = (w[:, :, None] * pre[:, :, first : first + rows]).transpose(2, 0, 1)
                    count = len(g)
                    again = sets.take(np.tile(np.arange(n), 2 * count))
                    both = np.repeat(np.concatenate([g, -g]), n, axis=0)
                    both = both - FACT_ROOM * _widest(again, np.abs(both)) - FACT_ROOM * _widest(again, w[None])
                    found = least_ratio(again, np.broadcast_to(w, both.shape), both).reshape(2, count, n)
                    ends[:, h, first : first + rows, 0] = np.floor(found[0].T / unit) - 1
                    ends[:, h, first : first + rows, 1] = np.ceil(-found[1].T / unit) + 1
            low, high = ends[..., 0].sum(axis=1) * unit, ends[..., 1].sum(axis=1) * unit
            function = self._form.hidden.function
            slopes = np.zeros_like(ends[:, 0, :, 0])
            if function in NEEDS_SLOPE:
                chord = (values_of(function, high) - values_of(function, low)) / np.maximum(high - low, unit)
                slopes = np.round(chord * 2.0**self._units.slope).astype(np.int64)
            for row, node in enumerate(nodes):
                given = slopes[row] if function in NEEDS_SLOPE else ()
                node.note("Z", (), [*ends[row].reshape(-1).tolist(), *given])
                node.state = replace(node.state, low=ends[row, :, :, 0], high=ends[row, :, :, 1], slopes=slopes[row])
        if self._form.heads > 1:
            first, *others = (np.broadcast_to(w, (n, *w.shape)) for w in tables.weights)
            room = 2.0**-40
            low = [least_ratio(sets, other, first - room * _widest(sets, first)) for other in others]
            high = [1 / least_ratio(sets, first, other - room * _widest(sets, other)) for other in others]
            for row, node in enumerate(nodes):
                codes = [[code_of(a[row], up=False), code_of(b[row], up=True)] for a, b in zip(low, high, strict=True)]
                node.note("O", (), [c for pair in codes for c in pair])
                node.state = replace(node.state, ratios=np.array(codes))

    def _forget(self, node: Node) -> None:
        """A set whose bounds do not hold as rounded: it is split without them, or left open."""
        node.symbols, node.places, node.numbers = "", [], []
        if isinstance(node.state.node, Product) and (self._size(node) > self._cut or self._size(node) <= ENUMERATED):
            self._split_blindly(node)

    def _split_blindly(self, node: Node) -> None:
        """A set whose right answer is not one: halves of the widest position, or its inputs one by one."""
        held, space = node.state.node, self._read.space
        assert isinstance(held, Product) and isinstance(space, Products), "lists have one answer"
        if self._size(node) <= ENUMERATED:
            node.last = "E"
            return
        position = max(range(len(held.sets)), key=lambda p: held.sets[p].bit_count())
        tokens = members(held.sets[position])
        middle = tokens[len(tokens) // 2]
        for part in self._divide(node, "H", space.below(held, position, middle), position, middle):
            self._wait(part)

    def close(self, node: Node, opened: list[int], passed: dict[int, np.ndarray], wrong: tuple[int, np.ndarray] | None,
              where: tuple[int, ...]) -> None:  # fmt: skip
        """What became of a set: ``passed`` outputs with their γ, a winner with its own, and where to split."""
        failed = [x for x in opened if x not in passed]
        gammas = [g for x in opened if x in passed for g in passed[x]]
        if not failed:
            node.note("R", (), gammas)
            node.last = ""
            return
        if wrong is not None:
            x, own = wrong
            node.note("W", (x,), own)
            node.last = ""
            return
        size = self._size(node)
        if isinstance(node.state.node, Product) and size <= ENUMERATED:
            node.last = "E"
            return
        if size <= self._cut:
            self.open += size
            return
        if len(failed) < len(opened):
            node.note("K", (len(failed), *failed), gammas)
            node.state = replace(node.state, opened=tuple(failed))
        space, held = self._read.space, node.state.node
        if isinstance(space, Lists):
            assert isinstance(held, ListSet), "a space of lists holds lists"
            if not where:
                return
            parts = self._divide(node, "I", space.holds(held, *where), *where)
        else:
            assert isinstance(held, Product), "a space of products holds products"
            parts = self._divide(node, "S", space.holds(held, *where), *where)
        for part in parts:
            self._wait(part)


class _Tests:
    """The tests of a batch of sets of one query token."""

    def __init__(
        self, search: Search, tables: Tables, nodes: list[Node], sets: Sets, bounds: Bounds, facts: Facts
    ) -> None:
        self._search, self._tables, self._nodes, self._sets = search, tables, nodes, sets
        self._bounds, self._facts = bounds, facts
        self._heads = search._form.heads
        self._gamma_unit = 2.0**-search._units.gamma

    def run(self) -> None:
        search, nodes = self._search, self._nodes
        right = [search._read.answer(node.state.node) for node in nodes]
        opened = [
            [x for x in range(search._outputs) if x != c] if node.state.opened is None else list(node.state.opened)
            for node, c in zip(nodes, right, strict=True)
        ]
        index = np.array([row for row, xs in enumerate(opened) for _ in xs], dtype=np.int64)
        loser = np.array([x for xs in opened for x in xs], dtype=np.int64)
        winner = np.array([right[row] for row in index], dtype=np.int64)
        held, bound, gammas, worst = self._margins(index, winner, loser, self._search._above, strictly=True)
        passed: list[dict[int, np.ndarray]] = [{} for _ in nodes]
        lowest: list[tuple[float, int]] = [(math.inf, -1)] * len(nodes)
        for k, (row, x) in enumerate(zip(index.tolist(), loser.tolist(), strict=True)):
            if held[k]:
                passed[row][x] = gammas[k]
            elif bound[k] < lowest[row][0]:
                lowest[row] = (bound[k], k)
            nodes[row].gammas = {**nodes[row].gammas, x: gammas[k]}
        failing = [row for row in range(len(nodes)) if lowest[row][1] >= 0]
        winners: dict[int, tuple[int, np.ndarray]] = {}
        if failing:
            rows = np.array(failing)
            x = np.array([loser[lowest[row][1]] for row in failing])
            own = np.array([right[row] for row in failing])
            beaten, _, own_gammas, _ = self._margins(rows, x, own, 0.0, strictly=False)
            winners = {row: (int(x[k]), own_gammas[k]) for k, row in enumerate(failing) if beaten[k]}
        for row, node in enumerate(nodes):
            k = lowest[row][1]
            where = () if k < 0 or row in winners else self._where(row, worst[k])
            search.close(node, opened[row], passed[row], winners.get(row), where)

    def _margins(
        self, index: np.ndarray, winner: np.ndarray, loser: np.ndarray, above: float, *, strictly: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For each pair: whether the bound is safely positive, the bound, γ in units, and the table it is the least
        of."""
        held = np.zeros(len(index), dtype=bool)
        bound = np.zeros(len(index))
        gammas = np.zeros((len(index), self._heads - 1), dtype=np.int64)
        worst = np.zeros((len(index), *self._tables.weights[0].shape))
        for first in range(0, len(index), 1024):
            part = slice(first, first + 1024)
            found = self._some(index[part], winner[part], loser[part], above, strictly=strictly)
            held[part], bound[part], gammas[part], worst[part] = found
        if self._search.careful and held.any():
            rows = np.flatnonzero(held)
            at = index[rows]
            pieces = [(self._facts.ratios[at], gammas[rows])]
            held[rows] = self._bounds.margins_hold(
                self._sets.take(at), self._facts.take(at), winner[rows], loser[rows], pieces, strictly=strictly
            )
        return held, bound, gammas, worst

    def _some(
        self, index: np.ndarray, winner: np.ndarray, loser: np.ndarray, above: float, *, strictly: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        tables, nodes = self._tables, self._nodes
        empty = np.zeros((len(index), 0))
        low = high = slopes = empty
        if self._search._form.hidden is not None:
            z, s = 2.0**-self._search._units.z, 2.0**-self._search._units.slope
            stack = lambda name: np.stack([getattr(node.state, name) for node in nodes])[index]  # noqa: E731
            low, high, slopes = stack("low").sum(axis=1) * z, stack("high").sum(axis=1) * z, stack("slopes") * s
        n = tables.brackets(winner, loser, low, high, slopes, above)
        sets = self._sets.take(index)
        if self._heads == 1:
            table = tables.weights[0] * n[0]
            bound, size = least(sets, table), _size(sets, np.abs(table))
            return bound > ROOM * size, bound / size, np.zeros((len(index), 0), dtype=np.int64), table
        given = [node.state.ratios for node in nodes if node.state.ratios is not None]
        ratios = ratio_of(np.stack(given)[index])
        start = [nodes[row].gammas.get(int(x if strictly else -1)) for row, x in zip(index, loser, strict=True)]
        return _Gammas(tables, sets, n, ratios, self._gamma_unit, start).best()

    def _where(self, row: int, table: np.ndarray) -> tuple[int, ...]:
        """The split: the worst token of the position that loses most against its average, or a number of a list."""
        node = self._nodes[row].state.node
        if isinstance(node, ListSet):
            return self._number(row, node, table)
        allowed = self._sets.allowed[row]
        best, place = -math.inf, (0, 0)
        for p in range(len(allowed)):
            tokens = np.flatnonzero(allowed[p])
            if len(tokens) > 1:
                values = table[p, tokens]
                gain = values.mean() - values.min()
                if gain > best:
                    best, place = gain, (p, int(tokens[values.argmin()]))
        return place

    def _number(self, row: int, node: ListSet, table: np.ndarray) -> tuple[int, ...]:
        assert isinstance(self._sets, ListTables), "lists come in their own arrays"
        space = self._search._read.space
        assert isinstance(space, Lists), "and from their own space"
        anywhere = table[: space.length, : space.values].min(axis=0)
        below, above = space.pools(node)
        best, number = -math.inf, -1
        for pool, extra in ((below, True), (above, False)):
            free = members(pool & ~node.inside)
            needed = (space.below_needed if extra else space.above_needed) - (pool & node.inside).bit_count()
            if 0 < needed < len(free):
                cost = anywhere[free]
                if extra:
                    cost = cost + table[space.length + 1 : space.length + space.step, free].mean(axis=0)
                gain = cost.mean() - cost.min()
                if gain > best:
                    best, number = gain, free[int(cost.argmin())]
        return () if number < 0 else (number,)


def _size(sets: Sets, table: np.ndarray) -> np.ndarray:
    """Σ_p of the largest size that a set has there: what rounding is relative to."""
    return np.where(sets.allowed, table, 0).max(axis=2).sum(axis=1) + 1e-300


class _Gammas:
    """γ for two heads by cutting planes (the bound is concave in it); for more, by a few steps of a subgradient."""

    def __init__(
        self, tables: Tables, sets: Sets, n: list[np.ndarray], ratios: np.ndarray, unit: float,
        start: list[np.ndarray | None],
    ) -> None:  # fmt: skip
        self._sets, self._n, self._ratios, self._unit = sets, n, ratios, unit
        self._weights = tables.weights
        self._start = start

    def value(self, gammas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least bound over the corners, and its table."""
        first = self._weights[0] * (self._n[0] + gammas.sum(axis=1)[:, None, None])
        others = [w * (n - gammas[:, h, None, None]) for h, (w, n) in
                  enumerate(zip(self._weights[1:], self._n[1:], strict=True))]  # fmt: skip
        bound, table = None, first
        for corner in itertools.product((0, 1), repeat=len(others)):
            here = first + sum(
                self._ratios[:, h, end, None, None] * other
                for h, (end, other) in enumerate(zip(corner, others, strict=True))
            )
            value = least(self._sets, here)
            if bound is None:
                bound, table = value, here
            else:
                less = value < bound
                bound = np.where(less, value, bound)
                table = np.where(less[:, None, None], here, table)
        assert bound is not None, "there is at least one corner"
        return bound, table

    def best(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Whether some γ is good enough, the bound over its size, γ in units, and its table."""
        N, heads = len(self._n[0]), len(self._n)
        gammas = self._first()
        keep = np.round(gammas / self._unit).astype(np.int64)
        bound, table = self.value(keep * self._unit)
        size = self._scale(table)
        if heads == 2:
            open_ = np.flatnonzero(bound <= ROOM * size)
            if len(open_):
                better = self._some(open_).cut(keep[open_, 0] * self._unit)
                units = np.round(better / self._unit).astype(np.int64)
                own = self._some(open_)
                new, new_table = own.value((units * self._unit)[:, None])
                more = new > bound[open_]
                rows = open_[more]
                keep[rows, 0], bound[rows], table[rows] = units[more], new[more], new_table[more]
        size = self._scale(table)
        assert len(bound) == N, "one bound a pair"
        return bound > ROOM * size, bound / size, keep, table

    def _first(self) -> np.ndarray:
        """γ of an ancestor, or what makes the heads' means alike."""
        N, heads = len(self._n[0]), len(self._n)
        own = np.stack(
            [
                np.where(self._sets.allowed, w * n, 0).sum(axis=(1, 2))
                / np.where(self._sets.allowed, w, 0).sum(axis=(1, 2))
                for w, n in zip(self._weights, self._n, strict=True)
            ],
            axis=1,
        )
        gammas = own[:, 1:] - own.sum(axis=1, keepdims=True) / heads
        for row, given in enumerate(self._start):
            if given is not None:
                gammas[row] = given * self._unit
        return gammas.reshape(N, heads - 1)

    def _scale(self, table: np.ndarray) -> np.ndarray:
        total = self._weights[0] * np.abs(self._n[0])
        for h, (w, n) in enumerate(zip(self._weights[1:], self._n[1:], strict=True)):
            total = total + self._ratios[:, h, 1, None, None] * w * np.abs(n)
        return _size(self._sets, total + np.abs(table))

    def _some(self, rows: np.ndarray) -> _Gammas:
        found = object.__new__(_Gammas)
        found._sets, found._unit, found._weights = self._sets.take(rows), self._unit, self._weights
        found._n, found._ratios = [n[rows] for n in self._n], self._ratios[rows]
        found._start = [self._start[row] for row in rows]
        return found

    def cut(self, gamma: np.ndarray) -> np.ndarray:
        """The best γ_1 of two heads: tangents from both sides, found by differences, meet above the maximum."""
        span = np.maximum(np.abs(self._n[0]).max(axis=(1, 2)), np.abs(self._n[1]).max(axis=(1, 2))) * 2
        step = np.maximum(span * 1e-7, self._unit)
        left, right = -span, span.copy()
        sides = []
        for at in (left, right):
            sides.append(self._tangent(at, step))
        (lv, ls), (rv, rs) = sides
        best, at_best = np.full(len(gamma), -np.inf), gamma.copy()
        at = gamma
        for _ in range(ROUNDS):
            value, rise = self._tangent(at, step)
            more = value > best
            best, at_best = np.where(more, value, best), np.where(more, at, at_best)
            up = rise > 0
            left, lv, ls = np.where(up, at, left), np.where(up, value, lv), np.where(up, rise, ls)
            right, rv, rs = np.where(up, right, at), np.where(up, rv, value), np.where(up, rs, rise)
            gap = ls - rs
            meet = (rv - rs * right - lv + ls * left) / np.where(np.abs(gap) > 0, gap, 1)
            at = np.clip(np.where(np.abs(gap) > 0, meet, (left + right) / 2), left, right)
        value, _ = self._tangent(at, step)
        return np.where(value > best, at, at_best)

    def _tangent(self, at: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        here, _ = self.value(at[:, None])
        there, _ = self.value((at + step)[:, None])
        return here, (there - here) / step


# Sets of at most so many inputs in this share of all are given up when there are more than can be told apart.
EVERY_SET = 1 << 32
GIVEN_UP = 10**9
PART = 0.3  # of the time that is left, for the search: the rule tests in integers what it found


def found_boxes(
    statement: Statement,
    cut: int | None,
    progress: Callable[[int, int], None],
    above: int = 0,
    *,
    careful: bool = False,
) -> Boxes:
    """Trees for all read positions, within what the open allowances leave: each position has its part of the time.

    ``careful``: every test is made in integers too, so that none fails by rounding.
    """
    network, task = statement.network, statement.task
    reads = [ReadPosition(network, task, index) for index in range(len(task.read))]
    left = time_left()
    seconds = None if left is None else PART * left / len(reads)
    forms = [form_at(statement, index) for index in range(len(reads))]
    units = units_for(forms, above)
    trees = []
    for index, (read, form) in enumerate(zip(reads, forms, strict=True)):
        total = read.space.size(read.space.root)  # type: ignore[arg-type]
        most = (0 if total <= EVERY_SET else total // GIVEN_UP) if cut is None else cut
        search = Search(read, form, network.outputs, units, most, careful=careful)

        def told(nodes: int, open_: int, index: int = index, total: int = total) -> None:
            progress(1000 * index + 1000 * (total - open_) // total, 1000 * len(reads))

        search.run(told, seconds)
        trees.append(search.tree())
    return Boxes(units, tuple(trees))


def units_for(forms: Sequence[Form], above: int) -> Units:
    """Units in which the numbers of these forms have at most 30 bits."""
    z, gamma = 14, 30
    for form in forms:
        for values, spare in ((form.logits, 4), (form.hidden and form.hidden.pre, 1)):
            if values is None:
                continue
            most = max(int(np.abs(t).max()) for t in (*values.tables, values.constant))
            bits = max(most.bit_length() + values.exponent + spare, -40)
            if values is form.logits:
                gamma = min(gamma, 30 - bits)
            else:
                z = min(z, 30 - bits)
    return Units(max(z, 0), max(gamma, 0), 10, above)
