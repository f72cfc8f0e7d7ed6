"""What is read after the one layer of attention: numbers by head, position and token.

Up to that layer every stream is a function of (position, token). For a query (its position and token) the stream after
it is the sum over heads h and positions m of a_hm o_h(m, t_m), with a_hm = w_h(m, t_m) / D_h; what the query's own
stream and the biases add is part of o_1, since the a_1m add up to 1. What follows reads it through matrices: the
hidden layer reads z, the end logits and, behind a norm, also the vector y whose length divides. So every o_h(m, t)
stands here as a list of such numbers, in units of 2**-FRACTION, each off by at most OFF.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from math import isqrt
from operator import add

from ..budget import Budget
from ..errors import Code, Failure
from ..exponential import exponential, exponential_steps, shifted_down, shifted_up
from ..networks.enumeration import Deciding
from ..networks.evaluator import Evaluator, State, reach
from ..networks.folding import UNIT_BITS, fold
from ..networks.inputs import Inputs
from ..networks.layers import Network
from ..networks.passes import Passes
from ..networks.task import Task
from ..packing import unpack
from .lines import FRACTION, STEEP

WEIGHT_BITS = 64
MAX_BITS = 576
MAX_HEADS = 8
OFF = 4
PATH = 32

# What the hidden layer reads (nothing without one), and what the end reads.
Row = tuple[list[int], list[int]]
# By head, position and token: v and u with v <= w 2**b <= u.
Weights = list[dict[int, dict[int, tuple[int, int]]]]


class Tables:
    """The tables of a network in which one layer of attention reads, after it at most one MLP, and the end; else E300.

    Linear layers, and a norm before the end, are parts of paths; before the attention there may be norms.
    """

    def __init__(self, network: Network, task: Task, budget: Budget) -> None:
        self.network, self.task, self.budget = network, task, budget
        self.plan = fold(network, task.read, budget)
        layers, reading = network.layers, sorted(self.plan.readers)
        kinds, plain = [layers[i].kind for i in reading], {"gated": 0, "skip": "added"}
        front = len(list(takewhile("norm".__eq__, kinds)))
        if (
            kinds[front:] not in (["attention", "unembed"], ["attention", "mlp", "unembed"])
            or any(layer.kind in ("sum", "concat") for layer in layers)
            or any(layers[i].norm or not plain.items() <= layers[i].settings.items() for i in reading[front + 1 : -1])
        ):
            raise Failure(Code.E300, what="its layers")
        self.front, (self.at, *hidden, self.last) = reading[:front], reading[front:]
        self.layer, self.hidden = layers[self.at], hidden[0] if hidden else 0
        self.function = str(layers[self.hidden].settings["function"]) if hidden else ""
        self.count: int = self.layer.tensors["W_O"].shape[0]
        if self.count > MAX_HEADS:
            raise Failure(Code.E300, what="the number of its heads")
        self.end = self.plan.readers[self.last]
        self.reach = reach(self.plan, task.tokens, budget)
        self.fine = Evaluator(self.plan, self.reach, 2, budget)
        self.scale = PATH + STEEP if hidden else 0 if self.end.epsilon is None else FRACTION
        self.parts: dict[tuple[int, int], tuple[list[list[int]], list[list[int]], int, list[Row]]] = {}

    def row(self, state: State) -> Row:
        """What the layers after the attention read; E301 where it is less exact than OFF."""
        found: dict[int, list[int]] = {}
        for (layer, _), (packed, radius) in state.items():
            if layer > self.at:
                reader, shift = self.plan.readers[layer], FRACTION - self.fine.grid[layer]
                fields = unpack(packed, reader.width + reader.extra, self.fine.width, self.fine.offsets[layer])
                found[layer] = [shifted_down(v, shift) for v in fields]
                if shifted_up(radius, shift) + 1 > OFF // 2:
                    raise Failure(Code.E301, bits=FRACTION)
                self.budget.spend(1 + len(fields) // 4)
        return found[self.hidden] if self.function else [], found[self.last]

    def stream(self, p: int, t: int) -> State:
        """What the attention and later layers read of a token's own position."""
        state = self.fine.start(p, t)
        for i in self.front:
            self.fine.local(state, i, p)
        return state

    def part(self, p: int, t: int) -> tuple[list[list[int]], list[list[int]], int, list[Row]]:
        """Queries and keys of a token, by head, and their radius; and what every head's value adds."""
        if (p, t) not in self.parts:
            numbers, radius = self.fine.read(self.stream(p, t), self.at, p)
            queries, keys, _ = self.fine.heads(self.layer, numbers)
            rows = [self.row(state) for state in self.fine.taken(self.at, self.task.read[0], numbers, radius)]
            self.parts[p, t] = queries, keys, radius, rows
        return self.parts[p, t]

    @cached_property
    def deciding(self) -> Deciding:
        """Decides inputs one by one; the passes are made as for a task of one input."""
        one = Inputs(tuple(tokens[:1] for tokens in self.task.tokens))
        return Deciding(Passes(self.network, replace(self.task, inputs=one), self.budget))

    @cached_property
    def path(self) -> list[list[int]]:
        """From each number of the hidden layer to what the end reads, in units of 2**-PATH, floored."""
        if not self.function:
            return []
        ((_, m),) = self.plan.paths[self.hidden, self.task.read[0]]
        return [[shifted_down(v, m.exponent + PATH) for v in row] for row in m.rows]

    @cached_property
    def sizes(self) -> dict[int, list[int]]:
        """By layer, at least the size of every number of a row."""
        fields = self.reach.fields.items()
        return {i: [shifted_up(b, FRACTION - UNIT_BITS) + OFF for b in bounds] for i, bounds in fields}

    @cached_property
    def path_roots(self) -> list[int]:
        """What one unit of each number of the hidden layer adds to the root of the mean square of y, at most."""
        return [root_mean_square(row[self.end.width :], 1) for row in self.path]

    @cached_property
    def epsilon_root(self) -> int:
        """At least the root of what is added to the mean square of y."""
        mantissa, exponent = self.end.epsilon or (0, 0)
        return isqrt(shifted_up(mantissa, exponent + 2 * FRACTION)) + 1

    @cached_property
    def biases(self) -> list[int] | None:
        """What is added behind the last norm, floored; None without one."""
        row = self.end.bias
        return None if row is None else [shifted_down(v, row.exponent + FRACTION) for v in row.rows[0]]


class Query:
    """The tables for one query, token t at position q; ``support``: what it sees, all tokens of the task."""

    def __init__(self, tables: Tables, q: int, t: int, support: Sequence[tuple[int, Sequence[int]]]) -> None:
        self.tables, self.place, self.support = tables, (q, t), support
        self.own = tables.row(tables.stream(q, t))
        self.weights = self.weighed()

    def score(self, h: int, m: int, u: int) -> tuple[int, int]:
        """The score of token u at m, and what it is off by."""
        queries, _, r, _ = self.tables.part(*self.place)
        _, keys, s, _ = self.tables.part(m, u)
        return self.tables.fine.score(self.tables.at, queries[h], keys[h], max(r, s))

    def weighed(self) -> Weights:
        """exp(score - largest score of the head), in one unit that leaves all but very small ones WEIGHT_BITS bits."""
        bits, budget = self.tables.fine.scalar, self.tables.budget
        found: list[dict[tuple[int, int], tuple[int, int, int]]] = []
        for h in range(self.tables.count):
            scores = {(m, u): self.score(h, m, u) for m, tokens in self.support for u in tokens}
            top, off = max(s for s, _ in scores.values()), 2 * max(r for _, r in scores.values())
            budget.spend(len(scores) * exponential_steps(WEIGHT_BITS))
            found.append({})
            for place, (score, _) in scores.items():
                low, high, e = exponential(score - top, -bits, 1, WEIGHT_BITS)
                # exp(-r) >= 1 - 2 r and exp(r) <= 1 + 2 r for r <= 1
                found[h][place] = max(0, low - (low * 2 * off >> bits) - 1), high + (high * 2 * off >> bits) + 1, e
                if off >> bits:
                    raise Failure(Code.E301, bits=bits)
        exponents = [e for by in found for _, _, e in by.values()]
        unit = max(min(exponents), max(exponents) - MAX_BITS)
        return [
            {
                m: {
                    u: (shifted_down(by[m, u][0], by[m, u][2] - unit), shifted_up(by[m, u][1], by[m, u][2] - unit))
                    for u in us
                }
                for m, us in self.support
            }
            for by in found
        ]

    @cached_property
    def roots(self) -> list[dict[int, dict[int, int]]]:
        """Behind the last norm: upper bounds of the root of the mean square of each y."""
        width, tables = self.tables.end.width, self.tables
        own = self.own[1][width:]
        found = []
        for h in range(tables.count):
            found.append({})
            for m, tokens in self.support:
                rows = ((u, tables.part(m, u)[3][h][1][width:]) for u in tokens)
                found[h][m] = {u: root_mean_square(row if h else map(add, row, own), OFF) for u, row in rows}
        return found

    @cached_property
    def largest_root(self) -> int:
        """The largest of these."""
        return max(root for by_place in self.roots for by in by_place.values() for root in by.values())


def root_mean_square(numbers: Iterable[int], off: int) -> int:
    """An upper bound of the root of the mean square of numbers that are off by at most ``off`` each."""
    squares = [v * v for v in numbers]
    return isqrt(sum(squares) // len(squares) + 1) + 1 + off
