"""``quotient/1``: inputs of a network of two tokens, decided by classes of tokens; the rest one by one.

On the grids of :mod:`.form` let F_z = sum of u_i(z) h_i + b(z), h_i = max(l_i(x) + r_i(y), 0). A block of neurons
has a partition of the x and one of the y. L_i(x) is the mean of l_i over the class of x, rounded down (l_i itself, on a
side without partition), d_i(x) a share of l_i(x) - L_i(x), in sixteenths and rounded down; R and d' likewise. With
g_i = max(L_i + R_i, 0) + d_i + d'_i and G_z = sum of u_i(z) g_i + b(z),

    (F_c - F_z) - (G_c - G_z) = sum of (u_i(c) - u_i(z)) (h_i - g_i) >= -D(c, z) rho(x, y),

D^2 >= sum of (u_i(c) - u_i(z))^2 over the neurons with a partition, rho^2 >= sum of (h_i - g_i)^2. So the network is
right on (x, y) if G_c - G_z > D(c, z) rho + slack for every z != c. This holds for any partitions and shares. Where it
is not so for some z, F_c and these F_z are evaluated.

``quotient_loss/1``: F_c - F_z lies within D(c, z) rho of G_c - G_z, and a logit's lead, in units of 2^-T, within slack
of that. Where G_c - G_z <= D(c, z) rho + slack + cut, F_c - F_z is evaluated. The loss, log(1 + sum of exp of minus the
leads), decreases with every lead.

rho: each h_i - g_i; or, since max(l + r, 0) - max(L + r, 0) is between 0 and l - L, |h_i - g_i| <= e_i(x) + e'_i(y)
with e = max(|d|, |l - L - d|), and the squares add up to at most |e|^2 + |e'|^2 + 2 |f| |f'|, f and f' being e and e'
of the neurons that have both.

G is a sum of tables: of each block, by the two classes; of the d_i, by x; of the d'_i, by y. Tables are added two at a
time, the sum a table by pairs of classes, as the certificate says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from math import isqrt
from operator import mul

from ..budget import Budget
from ..certificate import Reader
from ..errors import Code, Failure
from ..logarithm import UNIT_BITS
from ..networks.loss import BITS, Losses
from ..packing import combined, combining_steps, nonnegative, offset, pack, unpack
from ..relations import Loss
from ..rule import Auditor, Count, Derivation, Rule, check_count, check_enclosure, read_count
from ..shards import in_shards
from .form import Form, Grid, OtherForm, Rows, form_of, on_grids

WIDTH = 64
WORD = 1 << 62
SHARES = 16
MAX_KEPT = 1 << 24
MAX_BITS = 64


@dataclass(frozen=True)
class Side:
    """A partition of tokens by labels, and the shares of its classes, neuron by neuron."""

    labels: Sequence[int]
    shares: bytes


@dataclass(frozen=True)
class Block:
    """Neurons, with a partition of either side or None."""

    neurons: list[int]
    sides: tuple[Side | None, Side | None]


@dataclass(frozen=True)
class Advice:
    """What a certificate says."""

    bits: int
    scales: list[int]
    blocks: list[Block]
    merges: list[tuple[int, int]]
    exact: bool
    largest: bool
    evaluate: bool = False
    cut: int = 0


def read_advice(reader: Reader, *, loss: bool = False) -> Advice:
    """The advice of a quotient; that of a loss says its cut."""

    def side() -> Side | None:
        if reader.text.startswith(b"[]", reader.at):
            reader.literal("[]")
            return None
        return Side(*reader.row(reader.table, reader.octets))

    def block() -> Block:
        neurons, *sides = reader.row(partial(reader.items, reader.small), side, side)
        return Block(neurons, (sides[0], sides[1]))

    def flag() -> bool:
        at, value = reader.at, reader.small()
        if value not in (0, 1):
            raise Failure(Code.E110, at=at, expected="0 or 1", found=str(value))
        return value == 1

    lists = {"scales": reader.small, "blocks": block, "merges": partial(reader.row, reader.small, reader.small)}
    members = {name: partial(reader.items, item) for name, item in lists.items()}
    common = {"bits": reader.small, **members, "exact": flag, "largest": flag}
    if loss:
        *said, cut = reader.object(**common, cut=reader.big)
        return Advice(*said, cut=cut)
    return Advice(*reader.object(**common, evaluate=flag))


class Unfit(Exception):
    """Raised, with the reason, for advice that is none about this network."""


@dataclass(frozen=True)
class Table:
    """Packed logits: ``rows(k)`` has those of class k of the first tokens, a number a class of the second."""

    first: Sequence[int]
    second: Sequence[int]
    rows: Callable[[int], list[int]]
    steps: int


def kept(
    first: Sequence[int], second: Sequence[int], fields: int, rows: Callable[[int], list[int]], steps: int
) -> Table:
    """A table of few entries keeps the rows it has computed."""
    count, width = max(first) + 1, max(second) + 1
    if count == len(first) or count * width * fields > MAX_KEPT:
        return Table(first, second, rows, steps * len(first))
    known: dict[int, list[int]] = {}

    def remembered(k: int) -> list[int]:
        if k not in known:
            known[k] = rows(k)
        return known[k]

    return Table(first, second, remembered, steps * count)


def numbered(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Labels of the pairs, and the pair of each label.

    >>> numbered([(2, 0), (1, 1), (2, 0)])
    ([0, 1, 0], [(2, 0), (1, 1)])
    """
    known = {pair: label for label, pair in enumerate(dict.fromkeys(pairs))}
    return [known[pair] for pair in pairs], list(known)


def joined(one: Table, other: Table, fields: int) -> Table:
    """The sum, by pairs of classes."""
    first, parents = numbered(list(zip(one.first, other.first, strict=True)))
    second, pairs = numbered(list(zip(one.second, other.second, strict=True)))

    def rows(k: int) -> list[int]:
        mine, theirs = one.rows(parents[k][0]), other.rows(parents[k][1])
        return [mine[a] + theirs[b] for a, b in pairs]

    made = kept(first, second, fields, rows, len(pairs) * combining_steps(1, fields, WIDTH))
    return Table(made.first, made.second, made.rows, made.steps + one.steps + other.steps)


class Quotient:
    """One application to a network on grids."""

    def __init__(self, form: Form, advice: Advice, budget: Budget) -> None:
        neurons = len(form.out.rows)
        if len(advice.scales) != neurons or min(advice.scales) < 1 or not 0 <= advice.bits <= MAX_BITS:
            raise Unfit(f"there must be {neurons} scales, all positive, and 0 to {MAX_BITS} bits")
        if sorted(i for block in advice.blocks for i in block.neurons) != list(range(neurons)):
            raise Unfit(f"the blocks must hold each of {neurons} neurons once")
        self.form, self.advice, self.budget = form, advice, budget
        self.grid: Grid = on_grids(form, advice.bits, advice.scales)
        self.fields = len(self.grid.bias)
        self.half = offset(self.fields, WIDTH)
        self.ones = self.half >> WIDTH - 1
        exact = (self.grid.left, self.grid.right)
        self.near: tuple[Rows, Rows] = tuple([row[:] for row in table] for table in exact)  # type: ignore[assignment]
        self.shift: tuple[Rows, Rows] = tuple([[0] * neurons for _ in table] for table in exact)  # type: ignore[assignment]
        self.bound_words()
        pairs = [(a, b) for tables in zip(exact, self.near, strict=True) for a, b in zip(*tables, strict=True)]
        self.moved = [i for i in range(neurons) if any(a[i] != b[i] for a, b in pairs)]
        self.out = [pack(row, WIDTH) for row in self.grid.out]
        tables = [self.block(block) for block in advice.blocks]
        self.sum = self.added_up([*tables, self.corrections(0), self.corrections(1)])
        tokens, others = len(form.left.rows), len(form.right.rows)
        each = 4 * combining_steps(2, self.fields, WIDTH) + (len(self.moved) if advice.exact else 2)
        budget.spend(self.sum.steps + tokens * others * each)

    def bound_words(self) -> None:
        """Rounds the means and shares, and sees that every field of a packed sum stays below 2^62 in size."""
        for block in self.advice.blocks:
            for number, side in enumerate(block.sides):
                if side is not None:
                    self.average(block.neurons, number, side)
        sides = (*self.near, *self.shift), (self.grid.left, self.grid.right)
        hidden = max(sum(max(abs(v) for row in table for v in row) for table in tables) for tables in sides)
        weights = max(sum(map(abs, column)) for column in zip(*self.grid.out, strict=True))
        if 4 * (hidden * weights + max(map(abs, self.grid.bias))) + self.grid.slack >= WORD:
            raise Unfit("the logits on these grids do not fit the words")

    def average(self, neurons: Sequence[int], number: int, side: Side) -> None:
        """The means of the classes and the shares of what they leave out."""
        table, near, shift = (self.grid.left, self.grid.right)[number], self.near[number], self.shift[number]
        classes, rest = divmod(len(side.shares), len(neurons)) if neurons else (0, 1)
        if rest or len(side.labels) != len(table) or set(side.labels) != set(range(classes)):
            raise Unfit(f"the labels of {len(table)} tokens must be numbers of classes, each of some token")
        if max(side.shares) > SHARES:
            raise Unfit(f"a share is at most {SHARES} sixteenths")
        members: list[list[int]] = [[] for _ in range(classes)]
        for token, label in enumerate(side.labels):
            members[label].append(token)
        for k, tokens in enumerate(members):
            for place, i in enumerate(neurons):
                mean = sum(table[t][i] for t in tokens) // len(tokens)
                share = side.shares[k * len(neurons) + place]
                for t in tokens:
                    near[t][i] = mean
                    shift[t][i] = share * (table[t][i] - mean) // SHARES

    def block(self, block: Block) -> Table:
        """What the block's neurons add, by classes."""
        neurons, rows = block.neurons, [self.out[i] for i in block.neurons]
        labels = [
            list(range(len(near))) if side is None else side.labels
            for side, near in zip(block.sides, self.near, strict=True)
        ]
        hidden = []
        for of, near in zip(labels, self.near, strict=True):
            some = {label: t for t, label in enumerate(of)}
            hidden.append([[near[some[k]][i] for i in neurons] for k in range(len(some))])
        first, second = hidden

        def by(k: int) -> list[int]:
            mine = first[k]
            return [combined([max(a + b, 0) for a, b in zip(mine, other, strict=True)], rows) for other in second]

        steps = len(second) * combining_steps(len(neurons), self.fields, WIDTH)
        return kept(labels[0], labels[1], self.fields, by, steps)

    def corrections(self, number: int) -> Table:
        """What d adds by x, with the bias; or d' by y."""
        tokens, others = ([0] * len(table) for table in self.near)
        rows = [combined(row, self.out) for row in self.shift[number]]
        self.budget.spend(len(rows) * combining_steps(len(self.out), self.fields, WIDTH))
        if number == 1:
            return Table(tokens, range(len(others)), lambda k: rows, 0)
        bias = pack(self.grid.bias, WIDTH)
        return Table(range(len(tokens)), others, lambda k: [rows[k] + bias], 0)

    def added_up(self, tables: list[Table]) -> Table:
        """All tables, two at a time."""
        found: list[Table | None] = list(tables)
        for i, j in self.advice.merges:
            pair = [found[k] if 0 <= k < len(found) else None for k in (i, j)]
            one, other = pair
            if one is None or other is None or i == j:
                raise Unfit(f"the tables {i} and {j} cannot be added")
            found[i] = found[j] = None
            found.append(joined(one, other, self.fields))
        (left, *more) = [table for table in found if table is not None]
        if more:
            raise Unfit("tables are left over")
        return left

    @cached_property
    def distances(self) -> Rows:
        """D(c, z)."""
        columns = [[row[z] for row in (self.grid.out[i] for i in self.moved)] for z in range(self.fields)]
        squares = [sum(v * v for v in column) for column in columns]
        if 4 * max(squares) >= WORD:
            raise Unfit("the distances of outputs do not fit the words")
        self.budget.spend(self.fields * combining_steps(len(self.moved) + 1, self.fields, WIDTH))
        rows = [self.out[i] for i in self.moved]
        products = [unpack(combined(column, rows), self.fields, WIDTH, self.half) for column in columns]
        return [
            [above_root(a + b - 2 * p) for b, p in zip(squares, by, strict=True)]
            for a, by in zip(squares, products, strict=True)
        ]

    @cached_property
    def norms(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(|e|^2, |f|) of each x, and of each y."""
        errors = []
        for exact, near, shift in zip((self.grid.left, self.grid.right), self.near, self.shift, strict=True):
            rows = zip(exact, near, shift, strict=True)
            errors.append([[max(abs(d), abs(a - b - d)) for a, b, d in zip(*row, strict=True)] for row in rows])
        both = [all(any(row[i] for row in table) for table in errors) for i in range(len(self.out))]
        first, second = (
            [
                (sum(e * e for e in row), above_root(sum(e * e for e, has in zip(row, both, strict=True) if has)))
                for row in table
            ]
            for table in errors
        )
        return first, second

    def remainders(self, x: int) -> list[int]:
        """rho(x, y) for every y."""
        if not self.advice.exact:
            square, norm = self.norms[0][x]
            return [above_root(square + other + 2 * norm * more) for other, more in self.norms[1]]
        mine = [(self.grid.left[x][i], self.near[0][x][i], self.shift[0][x][i]) for i in self.moved]
        found = []
        for exact, near, shift in zip(self.grid.right, self.near[1], self.shift[1], strict=True):
            theirs = [(exact[i], near[i], shift[i]) for i in self.moved]
            rest = [max(a + b, 0) - max(n + m, 0) - d - e for (a, n, d), (b, m, e) in zip(mine, theirs, strict=True)]
            found.append(above_root(sum(map(int.__mul__, rest, rest))))
        return found

    def count(self, x: int) -> tuple[int, int]:
        """How many y are right and wrong with this x, as far as the advice goes."""
        right = wrong = 0
        rows, labels, slack = self.sum.rows(self.sum.first[x]), self.sum.second, self.grid.slack
        for y, rho in enumerate(self.remainders(x)):
            answer = self.form.answers[x][y]
            place, logits = WIDTH * answer, rows[labels[y]]
            room = slack + (self.widest[answer] * rho if self.advice.largest else 0)
            needed = ((logits + self.half >> place) & (1 << WIDTH) - 1) - (1 << WIDTH - 1) - room - 1
            margins = needed * self.ones - logits + self.half + (room + 1 << place)
            if not self.advice.largest:
                margins -= rho * self.packed[answer]
            if rho > self.farthest:
                margins = 0
            if margins & self.half == self.half:
                right += 1
            elif self.advice.evaluate:
                verdict = self.evaluated(x, y, nonnegative((~margins & self.half) - self.half, self.half, WIDTH))
                right += verdict
                wrong += not verdict
        return right, wrong

    def loss(self, x: int) -> tuple[int, int]:
        """Bounds of the sum of the losses with this x, in units of 2^-BITS."""
        ends = Losses(self.advice.bits), Losses(self.advice.bits)
        rows, labels, slack = self.sum.rows(self.sum.first[x]), self.sum.second, self.grid.slack
        self.budget.spend(4 * self.fields * len(labels))
        for y, rho in enumerate(self.remainders(x)):
            answer = self.form.answers[x][y]
            logits = unpack(rows[labels[y]], self.fields, WIDTH, self.half)
            away = [d * rho + slack for d in self.distances[answer]]
            behind = [logit - logits[answer] for logit in logits]
            rivals = [
                z
                for z, (b, e) in enumerate(zip(behind, away, strict=True))
                if z != answer and -b - e <= self.advice.cut
            ]
            for z, lead in zip(rivals, self.leads(x, y, rivals), strict=True):
                behind[z], away[z] = -lead, slack
            away[answer] = 0
            for sums, sign in zip(ends, (-1, 1), strict=True):
                sums.add([b + sign * e for b, e in zip(behind, away, strict=True)], 0, answer)
        return ends[0].ends()[0], ends[1].ends()[1]

    @cached_property
    def widest(self) -> list[int]:
        """The largest D(c, z) of each c."""
        return [max(row) for row in self.distances]

    @cached_property
    def farthest(self) -> int:
        """The largest rho with which no field of the margins leaves its word."""
        return (WORD // 2 - self.grid.slack) // max(1, *self.widest)

    @cached_property
    def columns(self) -> list[tuple[int, ...]]:
        """u, a row an output."""
        return list(zip(*self.grid.out, strict=True))

    @cached_property
    def packed(self) -> list[int]:
        """D(c, z), a number a c."""
        return [pack(row, WIDTH) for row in self.distances]

    def evaluated(self, x: int, y: int, rivals: Sequence[int]) -> bool:
        """Whether the right logit is the largest of its rivals': by the integers, and exactly where they leave it
        open."""
        others = [z for z in rivals if z != self.form.answers[x][y]]
        margin = min(self.leads(x, y, others), default=self.grid.slack + 1)
        if abs(margin) > self.grid.slack:
            return margin > 0
        return self.form.right_exactly(x, y)

    def leads(self, x: int, y: int, rivals: Sequence[int]) -> list[int]:
        """F_c - F_z of these outputs z."""
        own, bias = self.form.answers[x][y], self.grid.bias
        self.budget.spend(2 + (1 + len(rivals)) * len(self.out) // 64)
        hidden = [max(a + b, 0) for a, b in zip(self.grid.left[x], self.grid.right[y], strict=True)]
        first, *others = [sum(map(mul, hidden, self.columns[z])) + bias[z] for z in (own, *rivals)]
        return [first - other for other in others]

    def right(self, jobs: int) -> Count:
        """How many inputs are right at least and at most."""
        tokens, others = len(self.form.left.rows), len(self.form.right.rows)
        _ = self.packed, self.farthest  # before there are processes
        right, wrong = in_shards(self.count, tokens, jobs)
        return Count(right, tokens * others - wrong)


def above_root(square: int) -> int:
    """The smallest integer whose square is at least ``square``.

    >>> [above_root(n) for n in (0, 1, 2, 4, 5)]
    [0, 1, 2, 2, 3]
    """
    return isqrt(square - 1) + 1 if square > 0 else 0


def quotient_of(auditor: Auditor, derivation: Derivation) -> Quotient:
    """The quotient that the advice describes."""
    try:
        made = Quotient(form_of(auditor.network, auditor.task, auditor.budget), derivation.advice, auditor.budget)
        _ = made.distances, made.columns  # before there are processes, and where a reason can be given
    except (OtherForm, Unfit) as reason:
        raise Failure(Code.E238, id=derivation.id, rule=derivation.rule.name, what=str(reason)) from reason
    return made


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than the checker's own count."""
    check_count(derivation, quotient_of(auditor, derivation).right(auditor.jobs))


def check_loss(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the stated bounds are no better than the checker's own."""
    made = quotient_of(auditor, derivation)
    low, high = in_shards(made.loss, len(made.form.left.rows), auditor.jobs)
    up = UNIT_BITS - BITS
    check_enclosure(derivation, low << up, high << up, len(made.form.left.rows) * len(made.form.right.rows))


RULES = (
    Rule("quotient/1", ("network",), "right_count", read_advice, read_count, check),
    Rule("quotient_loss/1", ("network",), "loss", partial(read_advice, loss=True), Loss.read, check_loss),
)
