"""All layers in fixed point: packed vectors of integers, each with a radius for all of its fields.

What place (j, p) reads is kept in fields of ``width`` bits, in units of 2**-grid[j]; a radius r says that every field
is within r of the true number. Grids are chosen such that the true numbers, by the bounds of ``reach``, stay below
2**(width - 2), and a radius of 2**(width - 3) or more ends the pass (:class:`Coarse`) before fields are read off; so
these are below 2**(width - 1) then, whatever they were on the way.

Scalars (hidden units, values of heads) are cut to about ``scalar`` bits before rows are multiplied by them: one digit
of a Python integer with words of 64 bits. Finer passes have wider words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import isqrt
from operator import mul

from ..budget import Budget, within
from ..dyadic import Matrix, in_units
from ..exponential import exponential, exponential_steps, shifted_down, shifted_up
from ..packing import combined, combining_steps, offset, pack, unpack
from .folding import UNIT_BITS, Place, Plan
from .gates import GATES, SLOPE, TABLE_BITS, gate, through_table
from .layers import Layer

# What a place reads: the packed fields, and the radius.
Packed = tuple[int, int]
State = dict[Place, Packed]
_DIGIT = 12
MAX_BITS = 1 << 14


class Coarse(Exception):
    """The grid is too coarse for this input; a finer one may decide it."""


@lru_cache(maxsize=4)
def _falling_table(place: int) -> tuple[int, ...]:
    """2**30 exp(-i 2**(12 place - 30)) for i < 2**12, from below, off by less than 1 + 2**-20."""
    powers = (exponential(-i, _DIGIT * place - TABLE_BITS, 1, 64) for i in range(1 << _DIGIT))
    return tuple(shifted_down(power.low, power.exponent + TABLE_BITS) for power in powers)


def softmax(scores: Sequence[int], radius: int, bits: int) -> tuple[list[int], int]:
    """The softmax of scores in units of 2**-bits, each within ``radius``: in the same units, and what it is off by, all
    weights together.

    Scores that move along a line to others within r of them move the weights a, together, by at most r: of directions d
    of sizes up to r, with mean e by the weights, the sum of |a'| is that of a |d - e|, a mean deviation, and so at most
    the root of the mean square of d, at most r. A computed exponential is too small by less than 6 units, their sum is
    at least 1 (the largest is exact), so the quotients are off by 12 units a score, and by one more when they are
    floored.
    """
    if len(scores) == 1:
        return [1 << bits], 0
    if radius >> bits - 1:
        raise Coarse
    top = max(scores)
    if bits == TABLE_BITS:
        fine, middle, rough = _falling_table(0), _falling_table(1), _falling_table(2)
        powers = [
            ((fine[x & 4095] * middle[x >> 12 & 4095] >> 30) * rough[x >> 24] >> 30) if (x := top - s) >> 36 == 0 else 0
            for s in scores
        ]
    else:
        powers = [_power(top - s, bits) for s in scores]
    total = sum(powers)
    return [(power << bits) // total for power in powers], radius + 13 * len(scores)


def _power(x: int, bits: int) -> int:
    """2**bits exp(-x / 2**bits) for x >= 0, off by less than 2."""
    if x >> bits + 12:
        return 0
    found = exponential(-x, -bits, 1, bits + 8)
    return shifted_down(found.low, found.exponent + bits)


@dataclass(frozen=True)
class Rows:
    """A path: packed rows, of ``count`` scalars. ``largest``: the largest sum of sizes in a column; ``off``: 1 if the
    rows are rounded."""

    place: Place
    rows: list[int]
    largest: int
    count: int
    off: int


Bounds = dict[int, list[int]]


def sizes(m: Matrix, scalars: Sequence[int]) -> list[int]:
    """Bounds of the sums of sizes, column by column, of scalars times rows; units of 2**-UNIT_BITS, rounded up."""
    columns = zip(*m.rows, strict=True)
    return [
        shifted_up(sum([abs(v) * s for v, s in zip(column, scalars, strict=True)]), m.exponent) for column in columns
    ]


def summed(parts: Iterable[Sequence[int]]) -> list[int]:
    """The sum of vectors."""
    return [sum(column) for column in zip(*parts, strict=True)]


def largest(parts: Iterable[Sequence[int]]) -> list[int]:
    """The entrywise maximum."""
    return [max(column) for column in zip(*parts, strict=True)]


class Reach:
    """Bounds, in units of 2**-UNIT_BITS, of what every reader reads (``fields``) and of the scalars
    that every layer writes (``scalars``), for all inputs.

    ``given`` is what the readers from ``start`` on read before layer ``start`` writes anything, by place. |x g(x)| is
    at most |x| for every pointwise function but the square.
    """

    def __init__(self, plan: Plan, given: dict[Place, list[int]], start: int, budget: Budget) -> None:
        self.fields: Bounds = {}
        self.scalars: Bounds = {}
        found = dict(given)
        for i in range(start, len(plan.network.layers)):
            if i not in plan.readers:
                continue
            reader = plan.readers[i]
            self.fields[i] = largest(found[i, p] for p in plan.live[i])
            within("the size of a number in bits", max(self.fields[i]).bit_length(), MAX_BITS)
            read = list(reader.caps) if reader.epsilon else self.fields[i][: reader.width]
            if i == plan.last:
                return
            self.scalars[i] = self.written(plan.network.layers[i], read)
            known: dict[int, list[int]] = {}
            for (layer, _), paths in plan.paths.items():
                if layer != i:
                    continue
                for place, m in paths:
                    if id(m) not in known:
                        budget.spend(len(m.rows) * len(m.rows[0]) // 8)
                        known[id(m)] = sizes(m, self.scalars[i])
                    found[place] = summed([found[place], known[id(m)]]) if place in found else known[id(m)]

    @staticmethod
    def written(layer: Layer, read: list[int]) -> list[int]:
        """Bounds of the scalars."""
        if layer.kind == "attention":
            return read[-layer.tensors["W_O"].shape[0] * layer.tensors["W_O"].shape[1] :]
        half = layer.tensors["W_in"].shape[1] if layer.settings.get("gated") else len(read)
        u, g = read[:half], read[half:] or read
        if layer.kind == "norm":
            return u
        if layer.settings["function"] == "square":
            g = [shifted_up(b * b, -UNIT_BITS) for b in g]
        return [shifted_up(a * b, -UNIT_BITS) for a, b in zip(u, g, strict=True)] if layer.settings.get("gated") else g


def crude(plan: Plan, tokens: Sequence[Sequence[int]], budget: Budget) -> dict[Place, list[int]]:
    """What all readers read of the tokens and the constants, at most: the largest size of each number of the stream."""
    found: dict[Place, list[list[int]]] = {}
    for (layer, p), paths in plan.paths.items():
        if layer != 0:
            continue
        rows = [plan.embedding(p, t) for t in tokens[p]]
        largest_row = [
            shifted_up(max(map(abs, column)), rows[0][1] + UNIT_BITS)
            for column in zip(*(r for r, _ in rows), strict=True)
        ]
        budget.spend(len(rows) * len(largest_row) // 4)
        for place, m in paths:
            budget.spend(len(m.rows) * len(m.rows[0]) // 8)
            found.setdefault(place, []).append(sizes(m, largest_row))
    for rows_of in plan.constants.values():
        for place, row in rows_of.items():
            found.setdefault(place, []).append([shifted_up(abs(v), row.exponent + UNIT_BITS) for v in row.rows[0]])
    for i, reader in plan.readers.items():
        for p in plan.live[i]:
            found.setdefault((i, p), []).append([0] * (reader.width + reader.extra))
    return {place: summed(parts) for place, parts in found.items()}


def reach(plan: Plan, tokens: Sequence[Sequence[int]], budget: Budget) -> Reach:
    """The bounds for all inputs with these tokens."""
    return Reach(plan, crude(plan, tokens, budget), 1, budget)


class Evaluator:
    """Evaluates a plan in words of ``words`` times 64 bits, within the bounds of ``reach``."""

    def __init__(self, plan: Plan, reach: Reach, words: int, budget: Budget) -> None:
        self.plan, self.budget, self.words = plan, budget, words
        self.width = 64 * words
        self.scalar = TABLE_BITS if words == 1 else 32 * words - 2
        self.limit = 1 << self.width - 3
        self.grid = {j: self.width - 2 - self.excess(bounds) for j, bounds in reach.fields.items()}
        self.read_grid = {
            j: self.width - 2 - self.excess(plan.readers[j].caps) if plan.readers[j].epsilon else g
            for j, g in self.grid.items()
        }
        self.scalar_grid = {i: self.scalar - self.excess(bounds) for i, bounds in reach.scalars.items()}
        # no scalar is larger, in units of 2**-scalar_grid
        self.most = {i: shifted_up(max(bounds), self.scalar_grid[i] - UNIT_BITS) for i, bounds in reach.scalars.items()}
        self.offsets = {j: offset(r.width + r.extra, self.width) for j, r in plan.readers.items()}
        self.packed: dict[tuple[int, int, int], tuple[Matrix, tuple[list[int], int, int]]] = {}
        self.rows: dict[Place, list[Rows]] = {}
        self.started: dict[Place, State] = {}

    @staticmethod
    def excess(bounds: Sequence[int]) -> int:
        """The bits before the point of the largest bound."""
        return max(bounds).bit_length() - UNIT_BITS

    def rounded(self, m: Matrix, grid: int) -> tuple[list[int], int, int]:
        """The rows of m in units of 2**-grid, packed; the largest sum of sizes in a column; 1 if they are rounded."""
        shift = m.exponent + grid
        self.budget.spend(len(m.rows) * len(m.rows[0]) // 2)
        if shift >= 0:
            rows, off = in_units(m, -grid), 0
        else:
            half, off = 1 << -shift - 1, int(any(lost(row, -shift) for row in m.rows))
            rows = tuple([v + half >> -shift for v in row] for row in m.rows)
        most = max(sum(map(abs, column)) for column in zip(*rows, strict=True))
        return [pack(row, self.width) for row in rows], most, off

    def paths(self, i: int, p: int, grid: int) -> list[Rows]:
        """The paths of what layer i writes at p, for scalars in units of 2**-grid."""
        if (i, p) not in self.rows:
            found = []
            for place, m in self.plan.paths.get((i, p), []):
                key = id(m), place[0], grid
                if key not in self.packed:
                    self.packed[key] = m, self.rounded(m, self.grid[place[0]] - grid)
                rows, most, off = self.packed[key][1]
                found.append(Rows(place, rows, most, len(rows), off))
            self.rows[i, p] = found
        return self.rows[i, p]

    def write(self, state: State, i: int, p: int, scalars: list[int], radius: int, grid: int) -> None:
        """Add what layer i writes: scalars in units of 2**-grid, each within ``radius``.

        With s and R off by at most r and o: |s R - s' R'| <= r |R| + |s| o + r o, summed over the scalars.
        """
        total = sum(map(abs, scalars))
        for path in self.paths(i, p, grid):
            packed, before = state.get(path.place, (0, 0))
            after = before + radius * (path.largest + path.count * path.off) + total * path.off
            state[path.place] = combined(scalars, path.rows, packed), after

    def start(self, p: int, t: int) -> State:
        """What all places read of token t at position p, and of the constants that belong to p."""
        if (p, t) not in self.started:
            state: State = {}
            for place, row in self.plan.constants.get(p, {}).items():
                (packed,), _, off = self.rounded(row, self.grid[place[0]])
                state[place] = packed, off
            scalars, exponent = self.plan.embedding(p, t)
            grid = min(-exponent, self.scalar - self.plan.embedding_bits)
            cut = [s >> -exponent - grid for s in scalars]
            self.write(state, 0, p, cut, lost(scalars, -exponent - grid), grid)
            self.budget.spend(self.steps(0, p))
            self.started[p, t] = state
        return dict(self.started[p, t])

    def steps(self, i: int, p: int) -> int:
        """What it takes to write."""
        paths = self.plan.paths.get((i, p), [])
        return self.words * sum(combining_steps(len(m.rows), len(m.rows[0]), self.width) for _, m in paths)

    def steps_from(self, start: int) -> int:
        """What it takes to read and to write from layer ``start`` on: half a step a field, one more for a gate."""
        total = sum(self.steps(i, p) for i, p in self.plan.paths if i >= start)
        for i in self.plan.readers:
            if i >= start:
                reader, layer = self.plan.readers[i], self.plan.network.layers[i]
                fields = reader.width + reader.extra
                total += len(self.plan.live[i]) * (4 + fields // (1 if layer.settings.get("function") in GATES else 2))
        return total

    def read(self, state: State, i: int, p: int) -> tuple[list[int], int]:
        """What layer i reads at p, in units of 2**-read_grid[i], and its radius.

        Behind a norm: y is within r of its fields, so its length is within sqrt(d) r of theirs.
        """
        reader = self.plan.readers[i]
        packed, radius = state.pop((i, p), (0, 0))
        if radius >= self.limit:
            raise Coarse
        count, grid = reader.width + reader.extra, self.grid[i]
        fields = unpack(packed, count, self.width, self.offsets[i])
        if reader.epsilon is None:
            return fields, radius
        d, (mantissa, exponent) = reader.extra, reader.epsilon
        values, y = fields[: reader.width], fields[reader.width :]
        length, apart = isqrt(sum(map(mul, y, y))), (isqrt(d) + 1) * radius
        least, most = max(length - apart, 0), length + 1 + apart
        low = isqrt(least * least // d + shifted_down(mantissa, exponent + 2 * grid))
        high = isqrt(most * most // d + 1 + shifted_up(mantissa, exponent + 2 * grid)) + 1
        if not low:
            raise Coarse
        # tau in units of 2**-bits, with about as many bits as a word
        bits = self.width + high.bit_length() - grid
        one = bits + grid
        tau, tau_high = (1 << one) // high, -(-(1 << one) // low)
        out = self.read_grid[i]
        shift = bits + grid - out
        off = tau_high * radius + (tau_high - tau) * max(map(abs, values))
        biases, cut = self.biases[i]
        found = [shifted_down(v * tau, -shift) + b for v, b in zip(values, biases, strict=True)]
        return found, shifted_up(off, -shift) + any(values) + cut

    @cached_property
    def biases(self) -> dict[int, tuple[list[int], int]]:
        """The biases behind norms, in units of 2**-read_grid, floored; 1 if anything was cut off."""
        found = {}
        for i, reader in self.plan.readers.items():
            if reader.bias is not None and i in self.read_grid:
                shift, row = reader.bias.exponent + self.read_grid[i], reader.bias.rows[0]
                found[i] = [shifted_down(v, shift) for v in row], lost(row, -shift)
        return found

    def pointwise(self, function: str, values: list[int], radius: int, grid: int) -> tuple[list[int], int]:
        """phi of every value, and its radius."""
        if function == "relu":
            return [v if v > 0 else 0 for v in values], radius if any(v > -radius for v in values) else 0
        if function == "square":
            most = max(map(abs, values))
            off = shifted_up(2 * most * radius + radius * radius, -grid) + any(values)
            return [shifted_down(v * v, -grid) for v in values], off
        if function == "identity":
            return values, radius
        if self.words == 1 and grid >= 10:
            found, off = through_table(function, values, grid)
            return found, SLOPE * radius + off
        self.budget.spend(len(values) * (8 + 2 * exponential_steps(2 * self.width)))
        gates = [gate(function, v, grid, self.width) if grid >= 0 else (0, 1 << self.width) for v in values]
        off = max(abs(v) * (high - low) for v, (low, high) in zip(values, gates, strict=True)) >> self.width
        off += SLOPE * radius + 2 * any(values)
        return [v * low >> self.width for v, (low, _) in zip(values, gates, strict=True)], off

    def local(self, state: State, i: int, p: int) -> None:
        """An MLP, a pointwise map or a norm at one position."""
        layer, grid = self.plan.network.layers[i], self.read_grid[i]
        values, radius = self.read(state, i, p)
        if layer.settings.get("gated"):
            half = len(values) // 2
            gates, off = self.pointwise(str(layer.settings["function"]), values[half:], radius, grid)
            most, other = max(map(abs, gates)), max(map(abs, values[:half]))
            products = [u * g for u, g in zip(values, gates, strict=False)]
            values = [shifted_down(v, -grid) for v in products]
            radius = shifted_up(most * radius + (other + radius) * off, -grid) + any(products)
        elif layer.kind != "norm":
            values, radius = self.pointwise(str(layer.settings["function"]), values, radius, grid)
        self.narrowed(state, i, p, values, radius)

    def narrowed(self, state: State, i: int, p: int, values: list[int], radius: int) -> None:
        """Write values in units of 2**-read_grid as scalars: as 0 where the bounds of all say more than the radius."""
        grid, fine, most = self.scalar_grid[i], self.read_grid[i], self.most[i]
        down = fine - grid
        scalars = [v >> down for v in values] if down > 0 else [v << -down for v in values]
        off = shifted_up(radius, -down) + lost(values, down)
        self.write(state, i, p, *(([0] * len(values), most) if off > most else (scalars, off)), grid)

    def heads(self, layer: Layer, values: list[int]) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
        """Queries, keys and values of each head."""
        count, _, e = layer.tensors["W_Q"].shape
        f = layer.tensors["W_V"].shape[2]
        at = 2 * count * e
        q, k = ([values[i : i + e] for i in range(start, start + count * e, e)] for start in (0, count * e))
        return q, k, [values[i : i + f] for i in range(at, at + count * f, f)]

    def taken(self, i: int, p: int, values: list[int], radius: int) -> list[State]:
        """By head, what places read of its value in ``values``, which layer i read, if position p takes it whole."""
        found: list[State] = []
        count = len(heads := self.heads(self.plan.network.layers[i], values)[2])
        for h, value in enumerate(heads):
            found.append(state := {})
            width = len(value)
            self.narrowed(state, i, p, [0] * (width * h) + value + [0] * (width * (count - 1 - h)), radius)
            self.budget.spend(self.steps(i, p) // count)
        return found

    def score(self, i: int, query: list[int], key: list[int], radius: int) -> tuple[int, int]:
        """c (query . key) in units of 2**-scalar, and its radius: with c 2**b in [c0, c0 + 1] and the product off by at
        most o, |c s - c0 2**-b s'| 2**b <= o (c0 + 1) + |s'|."""
        dot = sum(map(mul, query, key))
        off = radius * (sum(map(abs, query)) + sum(map(abs, key))) + len(query) * radius * radius
        factor = self.factors[i]
        shift = self.scalar - self.width - 2 * self.read_grid[i]
        return shifted_down(dot * factor, shift), shifted_up(abs(dot) + off * (factor + 1), shift) + 1

    @cached_property
    def factors(self) -> dict[int, int]:
        """floor(c 2**width) of the attention layers."""
        found = {}
        for i, layer in enumerate(self.plan.network.layers):
            if layer.kind == "attention":
                p, root = scale_parts(layer.settings["scale"])
                found[i] = isqrt((p * p << 2 * self.width) // root)
        return found

    def attend(self, state: State, i: int, queries: Sequence[int]) -> None:
        """An attention layer: every live position is read, and the positions ``queries`` are written to."""
        layer = self.plan.network.layers[i]
        read = {p: self.read(state, i, p) for p in self.plan.live[i]}
        split = {p: (*self.heads(layer, values), radius) for p, (values, radius) in read.items()}
        count, _, e = layer.tensors["W_Q"].shape
        pair = 8 + e * self.words // 8 + (exponential_steps(self.scalar) if self.words > 1 else 0)
        self.budget.spend(len(queries) * len(split) * count * pair)
        for p in queries:
            found: list[int] = []
            most = 0
            seen = [m for m in split if m <= p or layer.settings["mask"] == "none"]
            for h, query in enumerate(split[p][0]):
                scores, values, radius = [], [], 0
                for m in seen:
                    score, off = self.score(i, query, split[m][1][h], max(split[p][3], split[m][3]))
                    scores.append(score)
                    values.append(split[m][2][h])
                    radius = max(radius, off)
                weights, apart = softmax(scores, radius, self.scalar)
                found += [sum(map(mul, weights, column)) >> self.scalar for column in zip(*values, strict=True)]
                spread = max(max(map(abs, row)) for row in values)
                own = max(split[m][3] for m in seen)
                # |sum of w' v' - w v| <= sum of |w' - w| |v'| + w |v' - v|, and the w add up to 1
                most = max(most, own + (apart * spread >> self.scalar) + 2 * (spread + own > 0))
            self.narrowed(state, i, p, found, most)

    def run(self, state: State, start: int) -> list[tuple[list[int], int]]:
        """The logits at every position that is read, from layer ``start`` on."""
        plan = self.plan
        for i in range(start, plan.last):
            if i in plan.readers:
                self.advance(state, i)
        return [self.read(state, plan.last, p) for p in plan.live[plan.last]]

    def advance(self, state: State, i: int) -> None:
        """Layer i, at every live position."""
        plan = self.plan
        written = [p for layer, p in plan.paths if layer == i]
        if plan.network.layers[i].kind == "attention":
            self.attend(state, i, written)
        else:
            for p in plan.live[i]:
                self.local(state, i, p)

    def logits(self, tokens: Sequence[int]) -> list[tuple[list[int], int]]:
        """The logits at every position that is read, of one input."""
        return self.run(merged([self.start(p, tokens[p]) for layer, p in self.plan.paths if layer == 0]), 1)


def lost(values: Iterable[int], bits: int) -> int:
    """1 if some value changes when its last bits are cut off; bits <= 0 are none.

    >>> lost([4, -8], 2), lost([4, 6], 2), lost([3], 0)
    (0, 1, 0)
    """
    below = (1 << bits) - 1 if bits > 0 else 0
    return int(any(v & below for v in values))


def merged(states: Iterable[State]) -> State:
    """What all places read of several positions together."""
    found: State = {}
    for state in states:
        for place, (packed, radius) in state.items():
            other, before = found.get(place, (0, 0))
            found[place] = other + packed, before + radius
    return found


def scale_parts(text: object) -> tuple[int, int]:
    """A scale p / sqrt(r) as (p, r).

    >>> scale_parts("1/sqrt(32)"), scale_parts("3/4")
    ((1, 32), (3, 16))
    """
    p, _, q = str(text).partition("/")
    return (1, int(q[5:-1])) if q.startswith("sqrt") else (int(p), int(q) ** 2)
