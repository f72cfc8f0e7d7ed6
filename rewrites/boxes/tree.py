"""The tree of sets that a certificate holds (docs/certificate.md §12), and its replay: every symbol is tested.

A tree is a text of symbols in preorder, with two streams that they take numbers from: ``places`` (positions, tokens,
outputs, counts) and ``numbers`` (bounds that somebody found, which the tests make sure of).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...engine.box import Lists, ListSet, Product, Products, masks, members
from ...engine.form import Form, ListTables, ProductTables
from ...engine.rule import NotEstablished
from .answers import ReadPosition
from .bounds import Bounds, Facts, Sets, Units
from .lines import NEEDS_SLOPE

BATCH = 4096  # tests
MOST_ENUMERATED = 1 << 16  # inputs of one leaf that are decided one by one


@dataclass(frozen=True)
class Tree:
    """The advice for one read position."""

    symbols: str
    places: tuple[int, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class State:
    """A set and what is known of it.  ``opened``: the outputs not yet shown below the right answer (None: all others);
    the rest as in :class:`~.bounds.Facts`, for one set."""

    node: Product | ListSet
    opened: tuple[int, ...] | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    slopes: np.ndarray | None = None
    ratios: np.ndarray | None = None


@dataclass
class Counted:
    """Sizes of leaves by symbol, and the sets whose inputs are to be decided one by one."""

    right: int = 0
    wrong: int = 0
    undecided: int = 0
    enumerated: list[Product] = field(default_factory=list)
    leaves: list[tuple[str, int]] = field(default_factory=list)


class Streams:
    """Takes symbols and numbers from the front; anything that is missing, or left at the end, refuses the tree."""

    def __init__(self, tree: Tree, rule: str) -> None:
        self._tree, self._rule = tree, rule
        self.at, self._place, self._number = 0, 0, 0

    @property
    def consumed(self) -> tuple[int, int, int]:
        """How many symbols, places and numbers were taken."""
        return self.at, self._place, self._number

    def refuse(self, reason: str) -> NotEstablished:
        return NotEstablished(self._rule, f"symbol {max(self.at - 1, 0)} of a tree: {reason}")

    def symbol(self) -> str:
        if self.at == len(self._tree.symbols):
            raise self.refuse("the tree ends too early")
        self.at += 1
        return self._tree.symbols[self.at - 1]

    def places(self, count: int) -> tuple[int, ...]:
        found = self._tree.places[self._place : self._place + count]
        self._place += count
        if len(found) < count or min(found, default=0) < 0:
            raise self.refuse("places are missing")
        return found

    def numbers(self, count: int) -> np.ndarray:
        found = self._tree.numbers[self._number : self._number + count]
        self._number += count
        if len(found) < count or any(abs(number) >= 1 << 31 for number in found):
            raise self.refuse("numbers are missing, or too large")
        return np.array(found, dtype=np.int64)

    def finish(self) -> None:
        if self.consumed != (len(self._tree.symbols), len(self._tree.places), len(self._tree.numbers)):
            raise self.refuse("something is left over at the end")


@dataclass(frozen=True, eq=False)
class _Test:
    """Margins of one set to be tested: of ``winner`` over ``loser`` (one of them one output, the other several), with
    the ratios and the γ of each piece."""

    state: State
    winner: tuple[int, ...]
    loser: tuple[int, ...]
    ratios: np.ndarray  # pieces × (heads - 1) × 2
    gammas: np.ndarray  # outputs × pieces × (heads - 1)
    strictly: bool
    at: int


class Replay:
    """Walks one tree; ``form`` gives the form of the read position."""

    def __init__(self, read: ReadPosition, form: Form, outputs: int, units: Units, rule: str) -> None:
        self._read, self._form, self._outputs, self._units, self._rule = read, form, outputs, units, rule
        self._margins: list[_Test] = []
        self._facts: list[tuple[str, State, int]] = []
        self._waiting = 0  # tests
        self._bounds = Bounds(form, units)

    def count(self, tree: Tree, progress: Callable[[int], None] = lambda done: None) -> Counted:
        """What the leaves add up to; raises :class:`~...engine.rule.NotEstablished` when some test fails."""
        streams = Streams(tree, self._rule)
        space, found = self._read.space, Counted()
        stack = [State(space.root)]
        cuts: np.ndarray = np.zeros(0, dtype=np.int64)
        total = 0
        while stack:
            state = stack.pop()
            while True:
                symbol = streams.symbol()
                if symbol in "QSHMBAI":
                    stack += [replace(state, node=part) for part in reversed(self._split(streams, symbol, state.node))]
                    break
                if symbol in "RWUE":
                    size = space.size(state.node)  # type: ignore[arg-type]
                    total += size
                    found.leaves.append((symbol, size))
                    self._leaf(streams, symbol, state, cuts, size, found)
                    cuts = cuts[:0]
                    break
                state, cuts = self._prefix(streams, symbol, state, cuts)
            if self._waiting + len(self._facts) >= BATCH:
                self._flush(streams)
                progress(total)
        self._flush(streams)
        streams.finish()
        if total != space.size(space.root):  # type: ignore[arg-type]
            raise streams.refuse(f"the leaves hold {total} inputs")
        return found

    def _split(self, streams: Streams, symbol: str, node: Product | ListSet) -> Sequence[Product | ListSet]:
        space = self._read.space
        if isinstance(space, Lists) and isinstance(node, ListSet):
            if symbol == "A" and node.next < 0:
                return space.cells(node)
            if symbol == "I" and node.next >= 0:
                (number,) = streams.places(1)
                try:
                    return space.holds(node, number)
                except ValueError as problem:
                    raise streams.refuse(str(problem)) from None
        elif isinstance(space, Products) and isinstance(node, Product):
            if symbol == "M":
                return space.by_maximum(node)
            if symbol == "B" and space.labels is not None:
                return space.sum_below(node, int(streams.numbers(1)[0]))
            if symbol in "QSH":
                position, *rest = streams.places(1 if symbol == "Q" else 2)
                if position >= len(node.sets) or any(token >= max(self._read.vocabulary) for token in rest):
                    raise streams.refuse("there is no such place")
                splits = {"S": space.holds, "H": space.below}
                return splits[symbol](node, position, *rest) if rest else space.each(node, position)
        raise streams.refuse(f"{symbol} does not split this set")

    def _prefix(self, streams: Streams, symbol: str, state: State, cuts: np.ndarray) -> tuple[State, np.ndarray]:
        """Z, O, C and K change what is known of the set."""
        heads, hidden = self._form.heads, self._form.hidden
        if self._read.query(state.node) is None:
            raise streams.refuse("the query token is not known")
        if symbol == "Z" and hidden is not None:
            units = hidden.out.values.shape[0]
            ends = streams.numbers(2 * heads * units).reshape(heads, units, 2)
            slopes = streams.numbers(units) if hidden.function in NEEDS_SLOPE else np.zeros(units, dtype=np.int64)
            state = replace(state, low=ends[:, :, 0], high=ends[:, :, 1], slopes=slopes)
            if (ends[:, :, 0] > ends[:, :, 1]).any():
                raise streams.refuse("bounds of a pre-activation are out of order")
            self._facts.append(("Z", state, streams.at))
            return state, cuts
        if symbol == "O" and heads > 1:
            state = replace(state, ratios=streams.numbers(2 * (heads - 1)).reshape(heads - 1, 2))
            self._facts.append(("O", state, streams.at))
            return state, cuts
        if symbol == "C" and heads == 2 and state.ratios is not None:
            cuts = streams.numbers(streams.places(1)[0])
            ends = [state.ratios[0, 0], *cuts, state.ratios[0, 1]]
            if any(a >= b for a, b in itertools.pairwise(ends)):
                raise streams.refuse("cuts are out of order")
            return state, cuts
        if symbol == "K":
            kept = streams.places(streams.places(1)[0])
            right = self._right(streams, state)
            opened = self._opened(state, right)
            if any(a >= b for a, b in itertools.pairwise(kept)) or not set(kept) <= set(opened):
                raise streams.refuse("outputs are kept that are not open")
            self._below(streams, state, right, [x for x in opened if x not in kept], cuts)
            return replace(state, opened=kept), cuts[:0]
        raise streams.refuse(f"{symbol} has no place here")

    def _leaf(self, streams: Streams, symbol: str, state: State, cuts: np.ndarray, size: int, found: Counted) -> None:
        if symbol == "U":
            found.undecided += size
        elif symbol == "E":
            if not isinstance(state.node, Product) or size > MOST_ENUMERATED or self._units.above:
                raise streams.refuse("this set cannot be enumerated")
            found.enumerated.append(state.node)
        else:
            right = self._right(streams, state)
            if symbol == "R":
                self._below(streams, state, right, self._opened(state, right), cuts)
                found.right += size
            else:
                (x,) = streams.places(1)
                if x == right or x >= self._outputs:
                    raise streams.refuse(f"output {x} is none that can win")
                self._queue(streams, state, (x,), (right,), cuts, strictly=False)
                found.wrong += size

    def _right(self, streams: Streams, state: State) -> int:
        if self._read.query(state.node) is None:
            raise streams.refuse("the query token is not known")
        right = self._read.answer(state.node)
        if right is None or not 0 <= right < self._outputs:
            raise streams.refuse("the right answer is not the same on the whole set, or is no output")
        return right

    def _opened(self, state: State, right: int) -> Sequence[int]:
        return [x for x in range(self._outputs) if x != right] if state.opened is None else state.opened

    def _below(self, streams: Streams, state: State, right: int, outputs: Sequence[int], cuts: np.ndarray) -> None:
        if outputs:
            self._queue(streams, state, (right,), tuple(outputs), cuts, strictly=True)

    def _queue(
        self,
        streams: Streams,
        state: State,
        winner: tuple[int, ...],
        loser: tuple[int, ...],
        cuts: np.ndarray,
        *,
        strictly: bool,
    ) -> None:
        others, pieces = self._form.heads - 1, len(cuts) + 1
        if (others and state.ratios is None) or (self._form.hidden is not None and state.low is None):
            raise streams.refuse("a test needs bounds of ratios, or of pre-activations, that are not there")
        gammas = streams.numbers(len(loser) * pieces * others).reshape(len(loser), pieces, others)
        ratios = np.zeros((pieces, others, 2), dtype=np.int64)
        if others and state.ratios is not None:
            ratios[:] = state.ratios
            ratios[1:, 0, 0], ratios[:-1, 0, 1] = cuts, cuts
        self._margins.append(_Test(state, winner, loser, ratios, gammas, strictly, streams.at))
        self._waiting += len(loser)

    def _flush(self, streams: Streams) -> None:
        """Everything that waits is tested."""
        for kind, test in (("Z", self._bounds.pre_activations_hold), ("O", self._bounds.ratios_hold)):
            mine = [(state, at) for name, state, at in self._facts if name == kind]
            if mine:
                states = [state for state, _ in mine]
                held = test(self.sets(states), facts_of(self._read, self._form, states))
                self._require(held, [at for _, at in mine], kind)
        groups: dict[tuple[int, int, bool], list[_Test]] = {}
        for test_ in self._margins:
            groups.setdefault((*test_.gammas.shape[:2], test_.strictly), []).append(test_)
        for (_, pieces, strictly), tests in groups.items():
            states = [test_.state for test_ in tests]
            winner, loser = (np.array([getattr(t, side) for t in tests]) for side in ("winner", "loser"))
            ratios, gammas = (np.stack([getattr(t, name) for t in tests]) for name in ("ratios", "gammas"))
            advice = [(ratios[:, piece], gammas[:, :, piece]) for piece in range(pieces)]
            sets, facts = self.sets(states), facts_of(self._read, self._form, states)
            held = self._bounds.margins_hold(sets, facts, winner, loser, advice, strictly=strictly)
            self._require(np.all(held, axis=1), [t.at for t in tests], "R, K or W")
        self._margins, self._facts, self._waiting = [], [], 0

    def _require(self, held: np.ndarray, at: list[int], what: str) -> None:
        if not held.all():
            first = at[int(np.flatnonzero(~held)[0])] - 1
            raise NotEstablished(self._rule, f"symbol {first} of a tree: what {what} says is not shown")

    def sets(self, states: Sequence[State]) -> Sets:
        """The sets in arrays."""
        return arrays(self._read, [state.node for state in states])


def facts_of(read: ReadPosition, form: Form, states: Sequence[State]) -> Facts:
    """What is known of sets, in arrays; zeros where nothing is (and nothing is needed)."""
    n, heads = len(states), form.heads
    queries = [read.query(state.node) for state in states]
    units = 0 if form.hidden is None else form.hidden.out.values.shape[0]

    def stacked(name: str, shape: tuple[int, ...]) -> np.ndarray:
        nothing = np.zeros(shape, dtype=np.int64)
        given = (getattr(state, name) for state in states)
        return np.stack([nothing if value is None else value for value in given]).reshape(n, *shape)

    assert None not in queries, "tests are of sets with one query token"
    return Facts(
        np.array(queries),
        stacked("low", (heads, units)),
        stacked("high", (heads, units)),
        stacked("slopes", (units,)),
        stacked("ratios", (heads - 1, 2)),
    )


def arrays(read: ReadPosition, nodes: Sequence[Product | ListSet]) -> Sets:
    """Sets of one read position in arrays."""
    space = read.space
    if isinstance(space, Lists):
        free = np.zeros((len(nodes), space.values), dtype=np.bool_)
        known = np.zeros_like(free)
        for row, node in enumerate(nodes):
            assert isinstance(node, ListSet), "a space of lists holds lists"
            below, above = space.pools(node)
            known[row, members(node.inside)] = True
            free[row, members((below | above) & ~node.inside)] = True
        before, following = (np.array([getattr(node, end) for node in nodes]) for end in ("before", "next"))
        return ListTables(space.length, space.step, before, following, free, known)
    products = [node for node in nodes if isinstance(node, Product)]
    flat = masks([bits for node in products for bits in node.sets], max(read.vocabulary))
    allowed = flat.reshape(len(products), -1, max(read.vocabulary))
    if space.labels is None:
        return ProductTables(allowed)
    bounds = np.array([node.label or (0, 0) for node in products])
    cut = np.array([node.label is not None for node in products])
    return ProductTables(allowed, np.array(space.labels), bounds, cut)
