"""Whether one output stays above others on a set of inputs, from facts; each test is one least separable sum.

The last stream is the sum over heads h of N_h / D_h (tables.py), D_h the sum over positions m of w_h(m, t_m), plus what
the hidden layer writes. *Facts* are about all inputs of a set:

X1. l <= g (or >=) on average in head h, if the least sum of w_h (g - l) is >= 0: so each number z_i that the hidden
    layer reads lies in an interval, the sum of those of its heads.
X2. c phi(z) >= c (a z + b) on the interval, by a line below phi if c >= 0 and above if c < 0. So the logit of y minus
    that of x is at least sum_h N_h / D_h with N_h the sum of w_h n_h: lines are linear in what the heads add up.
X3. With rho_h = D_1/D_h in [lo_h, hi_h] (facts: w_1 - lo w_h, hi w_h - w_1) and numbers g_h that add up to 0, D_1 times
    that is sum_h rho_h F_h, F_h the sum of w_h (n_h - g_h): for each input linear in every rho_h, so at least its least
    value at the corners. The interval of rho_2 may be cut, each piece with its own g_h.
X4. Behind a norm the difference times s = root(mean square of y + epsilon) is this plus k s, k that of the biases.
    k s >= 0 for k >= 0. Else s <= root(epsilon) + sum_h sum_m w_h root(mean square of y_h(m, t_m)) / D_h + (the hidden
    layer's part), since root(mean square) is a norm, times k: one more term of n_h.

Units: values 2**-FRACTION, n_h 2**-(FRACTION + scale). Weights lie in [v, u]: of w f the end that makes it smaller is
taken; where outputs are tested together, packed, v f less u - v times the largest f.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from operator import mul

from ..packing import maximum, nonnegative, offset, pack
from .lines import FRACTION, STEEP, intercepts, lines
from .sets import Box, Lists, Support
from .tables import OFF, PATH, Query, Row, Tables

FILTER_BITS = 64
Rows = list[list[int]]
# (n, s) stands for n * 2**s.
Ratio = tuple[int, int]
# By head, the two ends of what D_1/D_h may be (of head 0 the number 1); and g_h, in units of n.
Piece = tuple[Sequence[Sequence[Ratio]], Sequence[int]]


class Pairs:
    """The logits of y minus those of some x, less a threshold: an integer, or several in one (in fields of ``width``
    bits)."""

    def __init__(self, tables: Tables, y: int, xs: Sequence[int], threshold: int = 0, width: int = 0) -> None:
        self.tables, self.y, self.xs, self.width, self.threshold = tables, y, xs, width, threshold
        self.ones, self.top = (pack([1] * len(xs), width), offset(len(xs), width)) if width else (1, 0)
        steps = [[row[y] - row[x] for x in xs] for row in tables.path]
        self.up = [self.joined([max(0, c) for c in row]) for row in steps]
        self.down = [self.joined([max(0, -c) for c in row]) for row in steps]
        self.size = [max(map(abs, row)) + 1 for row in steps]
        bias = tables.biases
        biases = [min(0, bias[y] - bias[x] - 1 - threshold) for x in xs] if bias else [0] * len(xs)
        self.bias, self.bias_size = self.joined(biases), -min(biases)
        self.known: dict[tuple[int, int, int], int] = {}

    def joined(self, fields: Sequence[int]) -> int:
        return pack(fields, self.width) if self.width else fields[0]

    def of(self, row: Sequence[int]) -> int:
        return self.joined([row[self.y] - row[x] for x in self.xs])

    def table(self, h: int, support: Support, rows: Sequence[Sequence[Row]]) -> Rows:
        """What the tokens add, in head h."""
        if not self.width:
            y, (x,) = self.y, self.xs
            return [[r[y] - r[x] for _, r in row] for row in rows]
        found = []
        for (m, tokens), row in zip(support, rows, strict=True):
            for t, (_, r) in zip(tokens, row, strict=True):
                if (h, m, t) not in self.known:
                    self.known[h, m, t] = self.of(r)
            found.append([self.known[h, m, t] for t in tokens])
        return found

    def smallest(self, numbers: Sequence[int]) -> int:
        if not self.width:
            return min(numbers)
        return -maximum(-numbers[0], [-n for n in numbers[1:]], self.top, self.width)


class Bounds:
    """One set of inputs with its query."""

    def __init__(self, node: Box | Lists, query: Query) -> None:
        self.node, self.query, self.tables, self.support = node, query, query.tables, node.support()
        self.weights = [[[found[m][t] for t in tokens] for m, tokens in self.support] for found in query.weights]
        part = self.tables.part
        self.rows = [
            [[part(m, t)[3][h] for t in tokens] for m, tokens in self.support] for h in range(len(self.weights))
        ]
        self.entries = sum(len(tokens) for _, tokens in self.support) * len(self.weights)
        self.tables.budget.spend(4 + self.entries // 2)

    def weighed(self, h: int, rows: Sequence[Sequence[int]], factor: int, shift: int) -> Rows:
        """Lower ends of w_h factor (n - shift)."""
        return [
            [(f := factor * (n - shift)) * (u if f < 0 else v) for n, (v, u) in zip(row, ends, strict=True)]
            for row, ends in zip(rows, self.weights[h], strict=True)
        ]

    def between(self, h: int, i: int, low: int, high: int) -> bool:
        """X1: whether a head's part of z_i lies in [low, high], units of 2**-FRACTION."""
        self.tables.budget.spend(4 + self.entries // len(self.weights))
        own = 0 if h else self.query.own[0][i]
        rows = [[read[i] + own for read, _ in row] for row in self.rows[h]]
        below, above = self.weighed(h, rows, 1, low + OFF), self.weighed(h, rows, -1, high - OFF)
        return self.node.least(below) >= 0 and self.node.least(above) >= 0

    def ratio(self, h: int, end: Ratio, sign: int) -> bool:
        """X3: whether D_1/D_h is at least (sign 1) or at most (-1) n 2**s."""
        number, one = fraction(end)
        pairs = [zip(*both, strict=True) for both in zip(self.weights[0], self.weights[h], strict=True)]
        if sign > 0:
            return self.node.least([[one * v - number * u for (v, _), (_, u) in row] for row in pairs]) >= 0
        return self.node.least([[number * v - one * u for (_, u), (v, _) in row] for row in pairs]) >= 0

    def draw(self, z: Sequence[tuple[int, int]], bits: int, given: Sequence[int]) -> None:
        """X2: the lines of the hidden layer on these intervals, and how large phi is at most."""
        function = self.tables.function
        self.lines = [lines(function, *ends, bits, a) for ends, a in zip(z, given, strict=True)]
        self.largest = [(max(map(abs, intercepts(function, 0, *ends))) >> STEEP) + 1 for ends in z]

    def form(self, pairs: Pairs) -> tuple[list[Rows], int]:
        """n_h by head, for y and every x; and at least the size of each."""
        tables, query, scale, count = self.tables, self.query, self.tables.scale, len(self.weights)
        tables.budget.spend(
            (8 + self.entries) * (1 + len(tables.path) // 8) * (1 + pairs.width * len(pairs.xs) // 4096)
        )
        reach = tables.sizes
        slack = 2 * OFF * count << scale
        constant, slopes = pairs.of(query.own[1]) << scale, []
        size = 2 * max(reach[tables.last]) + abs(pairs.threshold) << scale
        if tables.function:
            each = zip(pairs.up, pairs.down, pairs.size, self.lines, reach[tables.hidden], strict=True)
            for up, down, most, (a, b, c, d), number in each:
                slopes.append(up * a - down * c)
                constant += up * b - down * d
                slack += most * max(abs(a), abs(c)) * OFF * count
                size += most * (max(abs(a), abs(c)) * number + max(abs(b), abs(d)))
            slack += sum(self.largest) << STEEP
            constant += sum(map(mul, slopes, query.own[0]))
        bias, lift = pairs.bias, scale - FRACTION
        if bias:
            hidden = zip(self.largest, tables.path_roots, strict=True) if tables.function else ()
            part = tables.epsilon_root + sum((a * b >> PATH) + 1 for a, b in hidden)
            constant += bias * part << lift
            size += pairs.bias_size * (part + query.largest_root) << lift
        elif tables.biases is None:
            constant -= pairs.threshold * pairs.ones << scale
        constant -= slack * pairs.ones
        found = []
        for h in range(count):
            here, more = pairs.table(h, self.support, self.rows[h]), 0 if h else constant
            for k, (m, tokens) in enumerate(self.support):
                here[k] = row = [(n << scale) + more for n in here[k]]
                if tables.function:
                    here[k] = row = [
                        n + sum(map(mul, slopes, read)) for n, (read, _) in zip(row, self.rows[h][k], strict=True)
                    ]
                if bias:
                    here[k] = [n + (bias * query.roots[h][m][t] << lift) for n, t in zip(row, tokens, strict=True)]
            found.append(here)
        return found, size + slack

    def exceeds(self, pairs: Pairs, pieces: Sequence[Piece]) -> bool:
        """X3: whether the logit of y is larger than that of the only x."""
        rows, _ = self.form(pairs)
        for corners, shifts in pieces:
            for ratios in itertools.product(*corners):
                self.tables.budget.spend(4 + self.entries)
                factors = common(ratios)
                parts = [self.weighed(h, rows[h], *both) for h, both in enumerate(zip(factors, shifts, strict=True))]
                total = [list(map(sum, zip(*row, strict=True))) for row in zip(*parts, strict=True)]
                if self.node.least(total) <= 0:
                    return False
        return True

    def passing(self, pairs: Pairs, piece: Piece, largest: int) -> list[int]:
        """Some x for which ``exceeds`` holds with this piece, its g_h packed and at most ``largest``: all that are seen
        with cut weights."""
        corners, shifts = piece
        cut = max(0, max(u.bit_length() for rows in self.weights for row in rows for _, u in row) - FILTER_BITS)
        rows, size = self.form(pairs)
        size += largest
        left = range(len(pairs.xs))
        for ratios in itertools.product(*corners):
            self.tables.budget.spend(8 + self.entries * (1 + pairs.width * len(pairs.xs) // 2048))
            factors, off = common(ratios), 0
            total: list[list[int]] = [[0] * len(tokens) for _, tokens in self.support]
            for factor, shift, weights, by_place in zip(factors, shifts, self.weights, rows, strict=True):
                for k, (ends, row) in enumerate(zip(weights, by_place, strict=True)):
                    total[k] = [
                        s + factor * (v >> cut) * (n - shift) for s, n, (v, _) in zip(total[k], row, ends, strict=True)
                    ]
                    off += factor * max((u >> cut) + 1 - (v >> cut) for v, u in ends)
            if ((len(total) << FILTER_BITS + 1) * sum(factors) * size).bit_length() > pairs.width - 3:
                return []
            found = nonnegative(
                self.node.least(total, pairs.smallest) - (off * size + 1) * pairs.ones, pairs.top, pairs.width
            )
            left = [k for k in left if k in found]
        return [pairs.xs[k] for k in left]


def fraction(ratio: Ratio) -> tuple[int, int]:
    """n 2**s as a quotient of integers."""
    number, power = ratio
    return (number << power, 1) if power >= 0 else (number, 1 << -power)


def common(ratios: Sequence[Ratio]) -> list[int]:
    """Integers that are to each other like the ratios."""
    least = min(power for _, power in ratios)
    return [number << power - least for number, power in ratios]
