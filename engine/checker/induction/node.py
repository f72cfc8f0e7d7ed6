"""One test for a set of inputs of an induction task, of a network of two attention-only layers.

A node fixes some tokens; one test settles all its inputs. Notation, lemmas and the exact integers: docs/certificate.md
§11.2. Everything is computed from the weights, rounded so that it bounds; the certificate only says where to test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from itertools import product as tuples
from math import isqrt, perm
from operator import add, itemgetter, sub
from typing import NamedTuple

from ..budget import Budget
from ..dyadic import Matrix, in_units, matrix, product, transpose
from ..errors import Code, Failure
from ..exponential import exponential, exponential_steps, shifted_down, shifted_up
from ..networks.evaluator import scale_parts
from ..networks.layers import Network
from ..networks.task import Task

WEIGHT_BITS, SHARE_BITS, FALL_BITS = 28, 24, 24
MOST_BITS, LEAST_BITS, SIZE_BITS, ROUNDING = 24, 8, 32, 4
STEP_BITS, LOWEST, HIGHEST = 6, -4, 18
LOST = 1 << 45
PRECISION = 128

Row = list[int]
Pick = Callable[[Sequence[int]], Sequence[int]]


class Choice(NamedTuple):
    """One position of a mixture: enclosures of its weights, and values, by its tokens."""

    least: Sequence[int]
    most: Sequence[int]
    values: Sequence[int]


def least_ratio(choices: Sequence[Choice]) -> int:
    """At most the sum of w v over the sum of w, whatever token each position chooses.

    For every g: if F = sum of the minima of w (v - g) is not negative, the ratio is at least g, else at least g + F /
    W with W the sum of the least weights. g is the ratio of the choices that are minimal at g = 0.
    """
    total = weight = 0
    for least, most, values in choices:
        products = [v * (a if v > 0 else b) for a, b, v in zip(least, most, values, strict=True)]
        smallest = min(products)
        total += smallest
        weight += least[products.index(smallest)]
    trial = total // max(weight, 1)
    floor = sum(
        min([(v - trial) * (a if v > trial else b) for a, b, v in zip(least, most, values, strict=True)])
        for least, most, values in choices
    )
    lowest = sum(min(least) for least, _, _ in choices)
    bottom = min(min(values) for _, _, values in choices)
    return max(trial + min(floor // lowest, 0), bottom) if lowest > 0 else bottom


def share_ends(least: Sequence[int], most: Sequence[int]) -> tuple[Row, Row]:
    """Bounds of every w / sum of w in units of 2**-24."""
    below, above, one = sum(least), sum(most), 1 << SHARE_BITS
    lowest = [(a << SHARE_BITS) // (a + above - b) if a + above - b else 0 for a, b in zip(least, most, strict=True)]
    highest = [-((-b << SHARE_BITS) // (b + below - a)) if b + below - a else one for a, b in zip(least, most)]  # noqa: B905
    return lowest, highest


def box(lowest: Sequence[int], highest: Sequence[int], members: Sequence[Sequence[int]]) -> Row:
    """At most the sum of share times member, entry by entry, rounded down."""
    total: Row = [0] * len(members[0])
    for low, high, member in zip(lowest, highest, members, strict=True):
        total = [t + x * (low if x > 0 else high) for t, x in zip(total, member, strict=True)]
    return [t >> SHARE_BITS for t in total]


@lru_cache(maxsize=1)
def falls() -> Row:
    """e**(-j/64) for j from 64 LOWEST to 64 HIGHEST in units of 2**-24, rounded up."""
    steps = range(LOWEST << STEP_BITS, (HIGHEST << STEP_BITS) + 1)
    exact = (exponential(-j, -STEP_BITS, 1, PRECISION) for j in steps)
    return [shifted_up(e.high, e.exponent + FALL_BITS) for e in exact]


def floored(a: Matrix, bits: int, scale: tuple[int, int]) -> list[Row]:
    """floor(x p / sqrt(r) 2**bits) for every entry x, of a scale (p, r)."""
    up, root = scale[0] << max(0, a.exponent + bits), scale[1]
    down = max(0, -a.exponent - bits)

    def rounded(x: int) -> int:
        square = (x * up) ** 2
        if x >= 0:
            return isqrt(square // (root << 2 * down))
        return -1 - isqrt(-(-square // (root << 2 * down)) - 1)

    return [[rounded(x) for x in row] for row in a.rows]


class Tables:
    """What the tests read, in units of 2**-bits, rounded down; see docs/certificate.md §11.2."""

    def __init__(self, network: Network, task: Task, budget: Budget) -> None:
        self.budget, self.n, self.tokens = budget, len(network.vocabulary), network.vocabulary[0]
        self.outputs, self.distinct = network.outputs, task.condition == "repeated"
        n, V = self.n, self.tokens
        embed, one, two, unembed = (layer.tensors for layer in network.layers)
        unit = min(table.exponent for table in embed.values())
        places = in_units(embed["P"].rows(), unit)[:n] if "P" in embed else [(0,) * embed["E"].shape[1]] * n
        rows = in_units(embed["E"].rows(), unit)
        stream = matrix((map(add, place, row) for place in places for row in rows), unit)

        def times(a: Matrix, *factors: Matrix) -> Matrix:
            for factor in factors:
                a = product(a, factor, budget)
            return a

        q1, k1, v1, o1 = (one[f"W_{name}"].parts()[0] for name in "QKVO")
        q2, k2, v2, o2 = (two[f"W_{name}"].parts()[0] for name in "QKVO")
        out = unembed["W_U"].rows()
        written, last = times(stream, v1, o1), matrix(stream.rows[(n - 1) * V :], stream.exponent)
        read, wrote = transpose(stream), transpose(written)
        queries = times(q2, transpose(k2))
        seen = [times(last, queries), times(written, queries)]
        scores = [times(a, b) for a in seen for b in (read, wrote)]
        logits = [times(stream, v2, o2, out), times(written, v2, o2, out), times(written, out), times(last, out)]
        scales = [scale_parts(layer.settings["scale"]) for layer in network.layers[1:3]]
        given = [(table, scales[1]) for table in scores] + [(table, (1, 1)) for table in logits]
        sizes = [1 + max(abs(x) for row in floored(table, 4, scale) for x in row) for table, scale in given]
        self.bits = min(MOST_BITS, SIZE_BITS - (2 * max(sum(sizes[:4]), sum(sizes[4:]))).bit_length())
        if self.bits < LEAST_BITS:
            raise Failure(Code.E243, what="scores or logits in bits", found=SIZE_BITS - self.bits, limit=LEAST_BITS)
        tables = [floored(table, self.bits, scale) for table, scale in given]
        self.query_stream, self.query_written, self.atom_stream, self.atom_written = tables[:4]
        self.values, self.written_values, self.written_direct, self.direct = tables[4:]
        self._weights(times(times(stream, q1), transpose(times(stream, k1))), scales[0])

    def _weights(self, scores: Matrix, scale: tuple[int, int]) -> None:
        """exp(score - largest of its row) in units of 2**-28: ``least`` and ``most`` by row and position, by token."""
        n, V = self.n, self.tokens
        self.budget.spend((n * V) ** 2 // 2 * exponential_steps(PRECISION, scores.bits))
        self.least: list[list[Row]] = []
        self.most: list[list[Row]] = []
        for number, row in enumerate(scores.rows):
            seen = row[: (number // V + 1) * V]
            top = max(seen)
            ends = [exponential((x - top) * scale[0], scores.exponent, scale[1], PRECISION) for x in seen]
            least = [shifted_down(e.low, e.exponent + WEIGHT_BITS) for e in ends]
            most = [shifted_up(e.high, e.exponent + WEIGHT_BITS) for e in ends]
            cuts = range(0, len(seen), V)
            self.least.append([least[at : at + V] for at in cuts])
            self.most.append([most[at : at + V] for at in cuts])


def picker(places: Sequence[int]) -> Pick:
    """Takes the entries at some places.

    >>> picker([2])("abc"), picker([0, 2])("abc")
    (('c',), ('a', 'c'))
    """
    if len(places) == 1:
        (place,) = places
        return lambda row: (row[place],)
    return itemgetter(*places)


class Distractors:
    """Bounds for every key but the skipped one and every pair (t_k, t_{k-1}), for all nodes with the query q whose
    tokens are among ``held``: the ends of the row's shares, and for each atom at most how much it scores the key."""

    def __init__(self, tables: Tables, q: int, held: Sequence[Sequence[int]], skipped: int) -> None:
        self.tables, self.q, self.held, self.skipped = tables, q, held, skipped
        n, V = tables.n, tables.tokens
        self.stream = [list(map(add, tables.query_stream[q], row)) for row in tables.atom_stream]
        self.written = [list(map(add, tables.query_written[q], row)) for row in tables.atom_written]
        self.atoms = [m * V + s for m, some in enumerate(held) for s in some]
        self.parts: dict[int, list[list[list[Row]]]] = {}
        self.shares: dict[int, list[list[tuple[Row, Row]]]] = {}
        for k in range(n - 1):
            if k == skipped:
                continue
            before = held[k - 1] if k else (None,)
            tables.budget.spend(len(held[k]) * len(before) * len(self.atoms) * (k + 2) // 8)
            self.shares[k] = [[self._ends(k, t, p) for p in before] for t in held[k]]
            self.parts[k] = self._scores(k, before)

    def _ends(self, k: int, t: int, p: int | None) -> tuple[Row, Row]:
        """The ends of A_km for m < k - 1 and for m = k; that of k - 1 is not needed."""
        if p is None:
            return [], []
        tables, row = self.tables, k * self.tables.tokens + t
        (least, most), ends = (tables.least[row], tables.most[row]), ([], [])
        for weights, extreme, found in zip((least, most), (min, max), ends, strict=True):
            found.extend(extreme([weights[m][s] for s in self.held[m]]) for m in range(k - 1))
            found += [weights[k][t], weights[k - 1][p]]
        lowest, highest = share_ends(*ends)
        return lowest[:-1], highest[:-1]

    def _scores(self, k: int, before: Sequence[int | None]) -> list[list[list[Row]]]:
        """By t, by p, by the atom's position: at most how much each atom scores the key."""
        V, found = self.tables.tokens, []
        stream, written = [self.stream[x] for x in self.atoms], [self.written[x] for x in self.atoms]

        def highest_at(m: int) -> Row:
            some = picker([m * V + s for s in self.held[m]])
            return [
                row[m * V + x % V] if x // V == m else max(some(row))
                for x, row in zip(self.atoms, written, strict=True)
            ]

        most = [highest_at(m) for m in range(k - 1)]
        around = [[row[(k - 1) * V + p] for row in written] for p in before if p is not None]
        off = [[list(map(sub, row, high)) for high in most] for row in around]
        for t, ends in zip(self.held[k], self.shares[k], strict=True):
            scores, own = [row[k * V + t] for row in stream], [row[k * V + t] for row in written]
            rows = [list(map(add, scores, own))] if k == 0 else []
            for row, members, (lowest, highest) in zip(around, off, ends, strict=k > 0):
                less = box(lowest, highest, [*members, list(map(sub, row, own))])
                rows.append([x + y - z for x, y, z in zip(scores, row, less, strict=True)])
            found.append([self._by_position(row) for row in rows])
        return found

    def _by_position(self, row: Row) -> list[Row]:
        cuts = [0]
        for some in self.held:
            cuts.append(cuts[-1] + len(some))
        return [row[a:b] for a, b in pairwise(cuts)]


class Node:
    """The inputs with t_f = t_i = q and t_{i+1} = a whose tokens are ``fixed`` (None where free)."""

    def __init__(self, tables: Tables, i: int, fixed: tuple[int | None, ...]) -> None:
        self.tables, self.i, self.fixed = tables, i, fixed
        used = set(fixed) if tables.distinct else {fixed[i]}
        self.rest = tuple(t for t in range(tables.tokens) if t not in used)

    @cached_property
    def tokens(self) -> list[tuple[int, ...]]:
        """The tokens of every position."""
        return [self.rest if t is None else (t,) for t in self.fixed]

    @property
    def size(self) -> int:
        """The number of inputs."""
        free = self.fixed.count(None)
        return perm(len(self.rest), free) if self.tables.distinct else len(self.rest) ** free

    def children(self, at: int) -> list[Node]:
        """The node parted at a free position, by its tokens, the last one first."""
        head, tail = self.fixed[:at], self.fixed[at + 1 :]
        return [Node(self.tables, self.i, (*head, t, *tail)) for t in reversed(self.rest)]

    def inputs(self) -> Iterator[tuple[int, ...]]:
        """Every input."""
        for t in tuples(*self.tokens):
            if not self.tables.distinct or len(set(t)) == len(t) - 1:
                yield t

    def distractors(self, wide: bool, reference: int | None = None) -> Distractors:
        """Those of the node's own tokens, or of any node with its q and i."""
        q = self.fixed[-1]
        assert q is not None
        rest, last = tuple(t for t in range(self.tables.tokens) if t != q), self.tables.n - 1
        held = [(q,) if m in (self.i, last) else rest for m in range(last + 1)] if wide else self.tokens
        return Distractors(self.tables, q, held, self.i + 1 if reference is None else reference)


class NodeTest:
    """The test of one node with some distractors: that the right output is ahead of all others, or another one of it.

    The reference key of the latter is any whose token is fixed.
    """

    def __init__(self, node: Node, held: Distractors, ahead: int | None = None) -> None:
        self.held, self.tables, self.tokens = held, node.tables, node.tokens
        self.f, self.q, self.key = self.tables.n - 1, held.q, held.skipped
        (right,), (self.own,) = self.tokens[node.i + 1], self.tokens[self.key]
        self.a = right if ahead is None else ahead
        self.rivals = [right] if ahead is not None else [b for b in range(self.tables.outputs) if b != right]
        places = [{t: at for at, t in enumerate(some)} for some in held.held]
        self.places = [[places[m][t] for t in some] for m, some in enumerate(self.tokens)]
        self.picks = [picker(some) for some in self.places]
        self.weights, tables = self.enclosed(self.f, self.q), self.tables
        self.wrote = self.by_rivals(tables.written_values)
        shift, wrote = self.against(tables.direct[self.q]), self.by_rivals(tables.written_direct)
        self.direct = [x + y - ROUNDING for x, y in zip(shift, self.mixed(self.f, self.q, wrote), strict=True)]
        self.reference = self.seen(self.key, self.own, 1)

    def against(self, row: Sequence[int]) -> Row:
        """The entry that is to be ahead minus every rival's."""
        mine = row[self.a]
        return [mine - row[b] for b in self.rivals]

    def by_rivals(self, table: Sequence[Row]) -> list[list[Row]]:
        """A table of logits by position, by the node's tokens, by rivals."""
        V = self.tables.tokens
        return [[self.against(table[m * V + t]) for t in some] for m, some in enumerate(self.tokens)]

    def enclosed(self, k: int, own: int) -> list[tuple[Row, Row]]:
        """The enclosures of the weights of row k with t_k = own, by the node's tokens."""
        row = k * self.tables.tokens + own
        ends = zip(self.tables.least[row], self.tables.most[row], self.tokens, strict=False)
        return [([least[t] for t in some], [most[t] for t in some]) for least, most, some in ends]

    def mixed(self, k: int, own: int, rows: Sequence[Sequence[Row]]) -> Row:
        """Row k with t_k = own mixes rows[m][t]: at least so much, for each rival."""
        ends = self.enclosed(k, own)
        return [
            least_ratio([Choice(*ends[m], [entry[b] for entry in rows[m]]) for m in range(k + 1)])
            for b in range(len(self.rivals))
        ]

    def value(self, k: int, own: int) -> Row:
        """At least v_k of a key whose row is such a mixture."""
        stream = self.against(self.tables.values[k * self.tables.tokens + own])
        return list(map(add, stream, self.mixed(k, own, self.wrote)))

    def seen(self, k: int, own: int, sign: int) -> list[Row]:
        """At least sign times what each atom scores a key whose row is such a mixture, by the atom's position."""
        V, row = self.tables.tokens, k * self.tables.tokens + own
        least, most, ends, found = self.tables.least[row], self.tables.most[row], self.enclosed(k, own), []
        for m, some in enumerate(self.tokens):
            scores = []
            for s in some:
                given = self.held.written[m * V + s]
                choices = [
                    Choice([least[m][s]], [most[m][s]], [sign * given[m * V + s]])
                    if j == m
                    else Choice(*ends[j], [sign * given[j * V + t] for t in tokens])
                    for j, tokens in enumerate(self.tokens[: k + 1])
                ]
                scores.append(sign * self.held.stream[m * V + s][row] + least_ratio(choices))
            found.append(scores)
        return found

    def penalty(self, gap: int, deficits: Row) -> Row:
        """At least e**(-gap) times each deficit that is positive."""
        step = ((gap - ROUNDING) << STEP_BITS >> self.tables.bits) - (LOWEST << STEP_BITS)
        if step < 0:
            return [LOST if d > 0 else 0 for d in deficits]
        fall = falls()[min(step, (HIGHEST - LOWEST) << STEP_BITS)]
        return [-(-fall * d >> FALL_BITS) if d > 0 else 0 for d in deficits]

    def gap(self, k: int, at: int, before: int, scores: Sequence[Row]) -> int:
        """At least g_k of the pair at these places of the node's tokens."""
        choices = []
        for m, (least, most) in enumerate(self.weights):
            if m == k or m == k - 1:
                x = at if m == k else before
                values: Sequence[int] = [self.reference[m][x] - scores[m][self.places[m][x]]]
                choices.append(Choice(least[x : x + 1], most[x : x + 1], values))
            else:
                choices.append(Choice(least, most, list(map(sub, self.reference[m], self.picks[m](scores[m])))))
        return least_ratio(choices)

    def penalties(self, k: int, needed: Row) -> list[list[Row]]:
        """By t, by p: at least what key k takes away for each rival; ``needed`` is margin minus d."""
        V, tokens = self.tables.tokens, self.tokens
        before = range(len(tokens[k - 1])) if k else range(1)
        least = [list(map(min, *rows)) if len(rows) > 1 else rows[0] for rows in self._held_values(k)]
        off = [[list(map(sub, low, around)) for low in least] for around in self.wrote[k - 1]] if k else []
        found = []
        for at, t in enumerate(tokens[k]):
            own, base = self.wrote[k][at], list(map(sub, needed, self.against(self.tables.values[k * V + t])))
            rows = []
            for p in before:
                if k and self.tables.distinct and tokens[k - 1][p] == t:
                    rows.append([0] * len(needed))
                    continue
                place = (self.places[k][at], self.places[k - 1][p]) if k else (self.places[0][at], 0)
                gap = self.gap(k, at, p, self.held.parts[k][place[0]][place[1]])
                if k:
                    around = self.wrote[k - 1][p]
                    more = box(*self.held.shares[k][place[0]][place[1]], [*off[p], list(map(sub, own, around))])
                    deficits = [x - y - z for x, y, z in zip(base, around, more, strict=True)]
                else:
                    deficits = list(map(sub, base, own))
                rows.append(self.penalty(gap, deficits))
            found.append(rows)
        return found

    def _held_values(self, k: int) -> list[list[Row]]:
        """What the distractors' tokens at each m < k - 1 write, for each rival."""
        V, table = self.tables.tokens, self.tables.written_values
        return [[self.against(table[m * V + s]) for s in self.held.held[m]] for m in range(k - 1)]

    def holds(self, margin: int) -> bool:
        """Whether on every input of the node the margin over every rival is larger than that."""
        tables, f = self.tables, self.f
        atoms, pairs = sum(map(len, self.tokens)), sum(len(a) * len(b) for a, b in pairwise(self.tokens))
        tables.budget.spend((pairs * (atoms + tables.n * tables.outputs) + 2 * atoms * atoms) // 4)
        needed = [margin - d for d in self.direct]
        room = list(map(sub, self.value(self.key, self.own), needed))
        if self.key != f:
            opposite = self.seen(f, self.q, -1)
            atoms_gaps = [list(map(add, a, b)) for a, b in zip(self.reference, opposite, strict=True)]
            gap = least_ratio([Choice(*ends, gaps) for ends, gaps in zip(self.weights, atoms_gaps, strict=True)])
            room = list(map(sub, room, self.penalty(gap, list(map(sub, needed, self.value(f, self.q))))))
        worst = [[0] * len(room)]
        for k in range(f):
            if k == self.key:
                top = list(map(max, *worst)) if len(worst) > 1 else worst[0]
                worst = [top] * len(self.tokens[k])
                continue
            rows = []
            for t, taken in zip(self.tokens[k], self.penalties(k, needed), strict=True):
                sums = [
                    list(map(add, before, more))
                    for p, before, more in zip(self.tokens[k - 1] if k else (None,), worst, taken, strict=True)
                    if p != t or not tables.distinct
                ]
                rows.append(list(map(max, *sums)) if len(sums) > 1 else sums[0] if sums else [-1] * len(room))
            worst = rows
        return all(x > max(column) for x, column in zip(room, zip(*worst, strict=True), strict=True))
