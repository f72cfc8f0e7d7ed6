"""``loss_tree/1``: on every leaf of a tree the loss is bounded, and sizes times bounds are added up.

The leaves partition each cell (T2, walk.py). With R_x the sum of D_x and W that of the weights over the positions,
logit_x - logit_m = R_x / W (S0, margins.py): a mean of logit differences, so it lies between their extremes over the
cell. On a node R_x and W lie between the sums of their extremes (T3), and R_x / W is at most (upper R_x) / (lower W)
when upper R_x >= 0, at most (upper R_x) / (upper W) otherwise; alike from below. The loss -log softmax(logits)_m is
log(1 + sum over x != m of exp(logit_x - logit_m)) and increases with each difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .certificate import Reader
from .errors import Code, Failure
from .exponential import Enclosure, shifted_down, shifted_up
from .logarithm import STEP_BITS, log_one_plus
from .margins import COLUMN_BITS, Margins
from .packing import pack, tops
from .rule import Auditor, Derivation, Rule
from .rule_tree import Cell, node_sum, packed_tables, read_advice, starts
from .shards import in_shards
from .walk import Node, Symbols, leaves

WEIGHT_BITS = 64

Tables = tuple[list[list[int]], list[list[int]]]
Extreme = Callable[[int, int], int]


class LossSum(NamedTuple):
    """low <= sum of the losses of all sequences <= high, in units of 2**-128."""

    low: int
    high: int


def read_conclusion(reader: Reader) -> LossSum:
    """The bounds."""
    reader.literal('{"kind":"loss_sum","low":')
    low = reader.big()
    reader.literal(',"high":')
    high = reader.big()
    reader.literal("}")
    return LossSum(low, high)


def check_sum(derivation: Derivation, own: LossSum) -> None:
    """The stated bounds must be implied by ``own``: no better on either side."""
    stated = derivation.conclusion
    if stated.low > own.low:
        raise derivation.differs("low", stated.low, own.low)
    if stated.high < own.high:
        raise derivation.differs("high", stated.high, own.high)


class LossCell:
    """Bounds of the loss on the nodes of one cell. ``shifts`` turns quotients of integers into steps, by x."""

    def __init__(self, margins: Margins, q: int, m: int) -> None:
        margins.budget.spend(4 * margins.positions * margins.vocabulary * (m + 1))
        self.cell = Cell(margins, q, m)
        self.free = margins.positions - 1
        others = [x for x in range(margins.vocabulary) if x != m]
        columns = [self.cell.column(x) for x in others]
        self.count = len(columns)
        self.bytes = (COLUMN_BITS + 4 + margins.positions.bit_length() + 7) // 8
        width = 8 * self.bytes
        self.top = tops(self.count, width)
        self.upper, self.last_upper = self._packed([c.upper for c in columns], max, width)
        self.lower, self.last_lower = self._packed([c.lower for c in columns], min, width)
        low, high, unit = weights(margins, q, m)
        self.heavy, self.last_heavy = self.cell.ordered(high, max), high[self.free][q]
        self.light, self.last_light = self.cell.ordered(low, min), low[self.free][q]
        self.shifts = [c.unit + margins.logit_unit - unit + STEP_BITS for c in columns]
        ranges = [logit_range(margins, q, m, x) for x in others]
        shift = margins.logit_unit + STEP_BITS
        self.least = [shifted_down(least, shift) for least, _ in ranges]
        self.largest = [shifted_up(largest, shift) for _, largest in ranges]

    def _packed(self, tables: Sequence[list[list[int]]], extreme: Extreme, width: int) -> tuple[Tables, int]:
        """Entries and extremes from each place on, packed over x, and the last position's."""
        if not tables:
            nothing = [[0] * len(self.cell.order) for _ in range(self.free)]
            return (nothing, nothing), 0
        entries, suffixes = zip(*(self.cell.ordered(table, extreme) for table in tables), strict=True)
        last = pack([table[self.free][self.cell.q] for table in tables], width)
        return (packed_tables(entries, width), packed_tables(suffixes, width)), last

    def _fields(self, packed: int) -> list[int]:
        """The values of a packed vector, by x."""
        size = self.bytes
        raw = (packed + self.top).to_bytes(size * self.count, "little")
        half = 1 << 8 * size - 1
        return [int.from_bytes(raw[i : i + size], "little") - half for i in range(0, len(raw), size)]

    def bounds(self, node: Node) -> tuple[int, int]:
        """Bounds of the loss on every sequence of the node."""
        heavy = self.last_heavy + node_sum(node, *self.heavy)
        light = self.last_light + node_sum(node, *self.light)
        upper = self._fields(self.last_upper + node_sum(node, *self.upper))
        lower = self._fields(self.last_lower + node_sum(node, *self.lower))
        below = quotients(lower, heavy, light, self.shifts, self.least)
        above = quotients([-r for r in upper], heavy, light, self.shifts, [-limit for limit in self.largest])
        return log_one_plus(below, 0), log_one_plus([-k for k in above], 1)


def quotients(sums: Sequence[int], heavy: int, light: int, shifts: Sequence[int], limits: Sequence[int]) -> list[int]:
    """Lower bounds of R / W * 2**shift for R >= each sum and light <= W <= heavy, none below its limit.

    >>> quotients([6, -6, -6], 4, 2, [0, 0, -1], [-9, -2, -9])
    [1, -2, -2]
    """
    found: list[int] = []
    for total, shift, limit in zip(sums, shifts, limits, strict=True):
        weight = heavy if total >= 0 else light
        found.append(max(limit, shifted_down(total, shift) // weight) if weight > 0 else limit)
    return found


def weights(margins: Margins, q: int, m: int) -> tuple[list[list[int]], list[list[int]], int]:
    """Bounds of w_q(p,t) for t <= m in units of 2**unit, and the unit: far below the largest that is used.

    At the last position only t = q is used; 0 stands for the others.
    """
    tokens = margins.token_weights[q][: m + 1]
    *free, last = margins.position_weights[q]
    used = [(here, w) for here in free for w in tokens]
    unit = max(here.exponent + w.exponent for here, w in [*used, (last, tokens[q])]) - WEIGHT_BITS

    def low(here: Enclosure, token: Enclosure) -> int:
        return shifted_down(here.low * token.low, here.exponent + token.exponent - unit)

    def high(here: Enclosure, token: Enclosure) -> int:
        return shifted_up(here.high * token.high, here.exponent + token.exponent - unit)

    def table(bound: Callable[[Enclosure, Enclosure], int]) -> list[list[int]]:
        rows = [[bound(here, token) for token in tokens] for here in free]
        return [*rows, [bound(last, token) if t == q else 0 for t, token in enumerate(tokens)]]

    return table(low), table(high), unit


def logit_range(margins: Margins, q: int, m: int, x: int) -> tuple[int, int]:
    """The least and the largest L(p,t,x) - L(p,t,m) over all p and all t <= m, exactly, in the network's unit."""
    query = margins.direct[q][x] - margins.direct[q][m]
    tokens = [row[x] - row[m] for row in margins.by_token[: m + 1]]
    places = [row[x] - row[m] for row in margins.by_position]
    return query + min(tokens) + min(places), query + max(tokens) + max(places)


def sum_cell(margins: Margins, q: int, m: int, symbols: Symbols) -> tuple[int, int]:
    """Bounds of the sum of the losses of the cell's sequences; E227 for a symbol that is neither S nor U."""
    cell = LossCell(margins, q, m)
    low = high = 0
    for leaf in leaves(symbols, q, m, cell.free):
        if leaf.symbol != "U":
            raise Failure(Code.E227, cell=(q, m), symbol=leaf.index)
        for node in leaf.nodes:
            margins.budget.spend(20 + 4 * margins.vocabulary)
            size = node.size(m)
            below, above = cell.bounds(node)
            low += size * below
            high += size * above
    return low, high


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells."""
    margins, tree = auditor.margins, derivation.advice
    cells = margins.cells
    begin = starts(cells, tree, margins.vocabulary, margins.positions - 1, auditor.budget)

    def count(index: int) -> tuple[int, int]:
        return sum_cell(margins, *cells[index], Symbols(tree, margins.vocabulary, begin[index]))

    low, high = in_shards(count, len(cells), auditor.jobs)
    check_sum(derivation, LossSum(low, high))


RULE = Rule("loss_tree/1", ("paths",), "loss_sum", read_advice, read_conclusion, check)
