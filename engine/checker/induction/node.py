"""One test for a set of inputs of an induction task, of a network of two attention-only layers.

A node fixes some tokens; one test settles all its inputs. Notation, lemmas and the exact integers: docs/certificate.md
§11.2. Everything is computed from the weights, rounded so that it bounds; the certificate only says where to test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from itertools import product as tuples
from math import isqrt, perm
from operator import add, gt, itemgetter, le, sub
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
    total = weight = lowest = 0
    for least, most, values in choices:
        if len(values) == 1:  # the common case
            (v,) = values
            total += v * (least[0] if v > 0 else most[0])
            weight += least[0]
            lowest += least[0]
            continue
        products = [v * (a if v > 0 else b) for a, b, v in zip(least, most, values)]  # noqa: B905
        smallest = min(products)
        total += smallest
        weight += least[products.index(smallest)]
        lowest += min(least)
    trial = total // max(weight, 1)
    floor, bottom = 0, None
    for least, most, values in choices:
        if len(values) == 1:
            (small,) = values
            floor += (small - trial) * (least[0] if small > trial else most[0])
        else:
            small = min(values)
            floor += min([(v - trial) * (a if v > trial else b) for a, b, v in zip(least, most, values)])  # noqa: B905
        bottom = small if bottom is None or small < bottom else bottom
    assert bottom is not None, "a mixture of at least one position"
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
        self.query, self.seen = -1, ([self.direct[0]], [self.direct[0]])
        self._weights(times(times(stream, q1), transpose(times(stream, k1))), scales[0])

    def seen_by(self, q: int) -> tuple[list[Row], list[Row]]:
        """What the atoms score the tokens, and what these write, with the query's own part; of the last q asked for."""
        if self.query != q:
            self.query = q
            self.seen = (
                [list(map(add, self.query_stream[q], row)) for row in self.atom_stream],
                [list(map(add, self.query_written[q], row)) for row in self.atom_written],
            )
        return self.seen

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
    """Bounds of keys for all nodes with the query q whose tokens are among ``held``: for a token t_k and the one before
    it, or any that may stand there (None)."""

    def __init__(self, tables: Tables, q: int, held: Sequence[Sequence[int]]) -> None:
        self.tables, self.q, self.held = tables, q, held
        self.stream, self.written = tables.seen_by(q)
        self.atoms = [m * tables.tokens + s for m, some in enumerate(held) for s in some]
        self.cuts = [0, *accumulate(map(len, held))]
        self.known: dict[tuple[int, int, int | None], tuple[Row, Row, list[Row]]] = {}

    def key(self, k: int, t: int, p: int | None) -> tuple[Row, Row, list[Row]]:
        """The ends of A_km for m < k - 1 and for m = k (none for k = 0); at most how much each atom scores the key, by
        the atom's position."""
        if (k, t, p) not in self.known:
            self.tables.budget.spend(len(self.atoms) * (k + 2) // 8)
            self.known[k, t, p] = self._key(k, t, p)
        return self.known[k, t, p]

    def _key(self, k: int, t: int, p: int | None) -> tuple[Row, Row, list[Row]]:
        tables, row = self.tables, k * self.tables.tokens + t
        own, scores = [a[row] for a in self.written_at], [self.stream[x][row] for x in self.atoms]
        if k == 0:
            return [], [], self._by_position(list(map(add, scores, own)))
        before = self.held[k - 1] if p is None else (p,)
        ends: tuple[Row, Row] = [], []
        for weights, extreme, found in zip((tables.least[row], tables.most[row]), (min, max), ends, strict=True):
            found += [extreme([weights[m][s] for s in self.held[m]]) for m in range(k - 1)]
            found += [weights[k][t], extreme([weights[k - 1][s] for s in before])]
        lowest, highest = (found[:-1] for found in share_ends(*ends))
        at = (k - 1) * tables.tokens
        around = self.highest[k - 1] if p is None else [a[at + p] for a in self.written_at]
        members = [list(map(sub, around, high)) for high in (*self.highest[: k - 1], own)]
        less = box(lowest, highest, members)
        return lowest, highest, self._by_position([x + y - z for x, y, z in zip(scores, around, less, strict=True)])

    @cached_property
    def written_at(self) -> list[Row]:
        """What the atoms score what is written."""
        return [self.written[x] for x in self.atoms]

    @cached_property
    def highest(self) -> list[Row]:
        """By position m < f: the most that what is written there scores from each atom; its own token's at m."""
        V, found = self.tables.tokens, []
        for m, held in enumerate(self.held[:-1]):
            some, rows = picker([m * V + s for s in held]), zip(self.atoms, self.written_at, strict=True)
            found.append([a[x] if x // V == m else max(some(a)) for x, a in rows])
        return found

    def _by_position(self, row: Row) -> list[Row]:
        return [row[a:b] for a, b in pairwise(self.cuts)]


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

    def distractors(self, wide: bool) -> Distractors:
        """Those of the node's own tokens, or of any node with its q and i."""
        q = self.fixed[-1]
        assert q is not None
        rest, last = tuple(t for t in range(self.tables.tokens) if t != q), self.tables.n - 1
        held = [(q,) if m in (self.i, last) else rest for m in range(last + 1)] if wide else self.tokens
        return Distractors(self.tables, q, held)


class NodeTest:
    """The test of one node with some distractors: that the right output is ahead of all others, or another one of it.

    ``ahead`` is the latter and its reference key, any whose token is fixed.
    """

    def __init__(self, node: Node, held: Distractors, ahead: tuple[int, int] | None = None) -> None:
        self.held, self.tables, self.tokens = held, node.tables, node.tokens
        self.f, self.q, self.key = self.tables.n - 1, held.q, ahead[0] if ahead else node.i + 1
        (right,), (self.own,) = self.tokens[node.i + 1], self.tokens[self.key]
        self.a = ahead[1] if ahead else right
        self.rivals = [right] if ahead else [b for b in range(self.tables.outputs) if b != right]
        self.places = [{t: at for at, t in enumerate(some)} for some in held.held]
        self.picks = [picker([self.places[m][t] for t in some]) for m, some in enumerate(self.tokens)]
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

    def gap(self, k: int, t: int, p: int | None, scores: Sequence[Row]) -> int:
        """At least g_k of a token and the one before it."""
        choices, fixed = [], {k: t} if p is None else {k: t, k - 1: p}
        for m, ((least, most), reference, row) in enumerate(zip(self.weights, self.reference, scores, strict=True)):
            if m in fixed:
                x = self.tokens[m].index(fixed[m])
                found: Sequence[int] = (reference[x] - row[self.places[m][fixed[m]]],)
                choices.append(Choice(least[x : x + 1], most[x : x + 1], found))
            else:
                choices.append(Choice(least, most, list(map(sub, reference, self.picks[m](row)))))
        return least_ratio(choices)

    @cached_property
    def least(self) -> list[Row]:
        """The least that the distractors' tokens at each position write, for each rival."""
        V, table = self.tables.tokens, self.tables.written_values
        return [
            [min(column) for column in zip(*(self.against(table[m * V + s]) for s in some), strict=True)]
            for m, some in enumerate(self.held.held[:-1])
        ]

    def taken(self, k: int, t: int, p: int | None, needed: Row) -> Row:
        """At least what key k takes away for each rival; ``needed`` is margin minus d."""
        tables, V = self.tables, self.tables.tokens
        lowest, highest, scores = self.held.key(k, t, p)
        value, own = self.against(tables.values[k * V + t]), self.against(tables.written_values[k * V + t])
        if k:
            around = self.least[k - 1] if p is None else self.against(tables.written_values[(k - 1) * V + p])
            off = [list(map(sub, low, around)) for low in (*self.least[: k - 1], own)]
            own = list(map(add, around, box(lowest, highest, off)))
        deficits = [x - y - z for x, y, z in zip(needed, value, own, strict=True)]
        return self.penalty(self.gap(k, t, p, scores), deficits)

    def holds(self, margin: int) -> bool:
        """Whether on every input of the node the margin over every rival is larger than that.

        What a token takes away whatever stands before it is computed first. Pairs are computed where that is not small,
        and, if that does not do, everywhere.
        """
        tables, f = self.tables, self.f
        atoms = sum(map(len, self.tokens))
        tables.budget.spend((atoms * (atoms + tables.n * tables.outputs) + 2 * atoms * atoms) // 4)
        needed = [margin - d for d in self.direct]
        room = list(map(sub, self.value(self.key, self.own), needed))
        if self.key != f:
            opposite = self.seen(f, self.q, -1)
            atoms_gaps = [list(map(add, a, b)) for a, b in zip(self.reference, opposite, strict=True)]
            gap = least_ratio([Choice(*ends, gaps) for ends, gaps in zip(self.weights, atoms_gaps, strict=True)])
            room = list(map(sub, room, self.penalty(gap, list(map(sub, needed, self.value(f, self.q))))))
        if min(room) < 0:
            return False
        keys = [k for k in range(f) if k != self.key]
        alone = {(k, t): self.taken(k, t, None, needed) for k in keys for t in self.tokens[k]}
        pairs: dict[tuple[int, int, int], Row] = {}

        def pair(k: int, t: int, p: int) -> Row:
            if (k, t, p) not in pairs:
                tables.budget.spend((atoms + tables.n * tables.outputs) // 4)
                pairs[k, t, p] = list(map(min, alone[k, t], self.taken(k, t, p, needed)))
            return pairs[k, t, p]

        def worst(small: Row) -> Row:
            """The largest sums along chains, for each rival; penalties up to ``small`` with any token before."""
            ending = {t: [0] * len(room) for t in self.tokens[0]}
            for k in range(f):
                anyway = [max(column) for column in zip(*ending.values(), strict=True)]
                if k == self.key:
                    ending = dict.fromkeys(self.tokens[k], anyway)
                    continue
                sums = {}
                for t in self.tokens[k]:
                    if k == 0 or all(map(le, alone[k, t], small)):
                        sums[t] = list(map(add, anyway, alone[k, t]))
                    elif rows := [
                        list(map(add, before, pair(k, t, p)))
                        for p, before in ending.items()
                        if p != t or not tables.distinct
                    ]:
                        sums[t] = [max(column) for column in zip(*rows, strict=True)]
                ending = sums
            return [max(column) for column in zip(*ending.values(), strict=True)]

        least = worst([LOST << 8] * len(room))
        if all(map(gt, room, least)):
            return True
        small = [LOST << 8 if x > y else x // tables.n for x, y in zip(room, least, strict=True)]
        return any(all(map(gt, room, worst(some))) for some in (small, [-1] * len(room)))
