"""``cell_loss/1``: the losses of all sequences, from bounds of the logit differences of whole cells.

With w the weights of S0 (margins.py), logit_x - logit_m = (sum of D_x) / (sum of w) is below g if and only if the sum
over the positions of w_q(p, t_p) (L(p,t_p,x) - L(p,t_p,m) - g) is negative, and above g if that of its negatives is.
On a root of a cell (walk.py) the largest such sum is that of the largest terms (T3). The certificate says a g from
below and one from above for each x != m, or none: then it is the least or the largest L(p,t,x) - L(p,t,m) over all p
and t <= m, of which the difference is a mean. The loss log(1 + sum of exp(logit_x - logit_m)) increases with each.

All x are tested at once, packed (T6). With integers v <= w <= v + s in one unit, w y <= v y + s max(0, y); so K s times
the largest y of the cell, if positive, is added to each sum of the v y.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from .certificate import Reader
from .dyadic import in_units
from .errors import Code, Failure
from .exponential import FIRST_BITS, shifted_down, shifted_up
from .logarithm import STEP_BITS, log_one_plus
from .margins import Margins
from .packing import maximum, nonnegative, ones, pack, tops
from .rule import Auditor, Derivation, Rule
from .rule_loss_tree import WEIGHT_BITS, LossSum, check_sum, read_conclusion, weights
from .rule_tree import Cell, node_sum
from .shards import in_shards
from .walk import roots

# An entry n > 0 stands for (n - ZERO) / 2**DIFFERENCE_BITS, and 0 for no number.
DIFFERENCE_BITS = 9
ZERO = 1 << 15
KEPT_BITS = 96


def without(row: Sequence[int], m: int) -> list[int]:
    """row[x] - row[m] for x != m; x < m stay where they are.

    >>> without([5, 9, 2], 1)
    [-4, -7]
    """
    return [v - row[m] for x, v in enumerate(row) if x != m]


def extremes(margins: Margins, m: int) -> list[tuple[int, int]]:
    """By x != m the least and the largest L(p,t,x) - L(p,t,m) without UU, over all p and all t <= m, exactly."""
    tokens = zip(*(without(row, m) for row in margins.by_token[: m + 1]), strict=True)
    places = zip(*(without(row, m) for row in margins.by_position), strict=True)
    return [(min(a) + min(b), max(a) + max(b)) for a, b in zip(tokens, places, strict=True)]


class Tables:
    """The logit parts of the network, in units of 2**unit, and packed over all x.

    A difference of logits minus a number has at most ``bits`` bits, sums of their products with weights have less than
    ``width``.
    """

    def __init__(self, auditor: Auditor) -> None:
        self.margins, paths = auditor.margins, auditor.paths
        self.unit = min(self.margins.logit_unit, -DIFFERENCE_BITS)
        parts = [in_units(table, self.unit) for table in (paths.UU, paths.EVOU, paths.PVOU)]
        self.direct, self.by_token, self.by_position = parts
        entries = max(max(map(int.bit_length, row)) for part in parts for row in part)
        self.bits = 1 + max(entries + 3, ZERO.bit_length() - DIFFERENCE_BITS - self.unit)
        self.width = self.bits + KEPT_BITS + self.margins.positions.bit_length() + 5
        self.top, self.ones = (make(self.margins.vocabulary, self.width) for make in (tops, ones))
        self.packed = [[pack(row, self.width) for row in part] for part in parts]

    def number(self, entry: int) -> int:
        """What an entry stands for; 0 for none."""
        return entry - ZERO << -DIFFERENCE_BITS - self.unit if entry else 0

    def largest(self, first: int, second: int) -> int:
        """The larger one in each field."""
        return maximum(first, (second,), self.top, self.width)


class Target:
    """What all cells of one m share: parts of logit differences, packed, and what they are at least and at most."""

    def __init__(self, tables: Tables, m: int) -> None:
        self.tables, self.m = tables, m
        _, tokens, places = tables.packed
        pairs = zip(tokens, tables.by_token[: m + 1], strict=False)
        self.tokens = [packed - row[m] * tables.ones for packed, row in pairs]
        self.places = [packed - row[m] * tables.ones for packed, row in zip(places, tables.by_position, strict=True)]
        self.extremes = extremes(tables.margins, m)


class LossCell:
    """One cell that has sequences; what is by x leaves out m."""

    def __init__(self, target: Target, q: int) -> None:
        self.target, self.q, self.m = target, q, target.m
        tables, margins = target.tables, target.tables.margins
        self.cell = Cell(margins, q, self.m)
        direct = without(margins.direct[q], self.m)
        self.least = [d + low for d, (low, _) in zip(direct, target.extremes, strict=True)]
        self.largest = [d + high for d, (_, high) in zip(direct, target.extremes, strict=True)]
        self.others = [x for x in range(margins.vocabulary) if x != self.m]
        low, high, _ = weights(margins, q, self.m)
        drop = 2 * FIRST_BITS + WEIGHT_BITS - KEPT_BITS
        self.weights = [[w >> drop for w in row] for row in low]
        pairs = zip(chain(*low), chain(*high), strict=True)
        self.spread = 1 + max((above >> drop) - (below >> drop) for below, above in pairs)
        self.direct = tables.packed[0][q] - tables.direct[q][self.m] * tables.ones

    def fails(self, entries: Sequence[int], sign: int) -> list[int]:
        """The x whose number is not shown to be above (sign 1) or below (sign -1) all its differences."""
        tables, m = self.target.tables, self.m
        numbers = [tables.number(entry) for entry in entries]
        scale = tables.margins.logit_unit - tables.unit
        ends = self.largest if sign > 0 else self.least
        used = [sign * ((end << scale) - n) for end, n, entry in zip(ends, numbers, entries, strict=True) if entry]
        if not used:
            return []
        base = self.direct - pack([*numbers[:m], 0, *numbers[m:]], tables.width)
        terms = [
            [sign * w * (base + place + token) for w, token in zip(row, self.target.tokens, strict=True)]
            for row, place in zip(self.weights, self.target.places, strict=True)
        ]
        entry_tables, suffixes = self.cell.ordered(terms, tables.largest)
        rest = terms[-1][self.q] + len(terms) * self.spread * max(0, *used) * tables.ones
        failing = {
            x
            for node in roots(self.q, m, self.cell.free)
            for x in nonnegative(rest + node_sum(node, entry_tables, suffixes), tables.top, tables.width)
        }
        return [x for x, entry in zip(self.others, entries, strict=True) if entry and x in failing]

    def bound(self, entries: Sequence[int], side: int) -> int:
        """The bound of the loss from the numbers below (side 0) or above (side 1) the differences."""
        shift = self.target.tables.margins.logit_unit + STEP_BITS
        ends, rounded = ((self.least, shifted_down), (self.largest, shifted_up))[side]
        steps = [
            entry - ZERO << STEP_BITS - DIFFERENCE_BITS if entry else rounded(end, shift)
            for entry, end in zip(entries, ends, strict=True)
        ]
        return log_one_plus(steps, side)


def read_advice(reader: Reader) -> list[Sequence[int]]:
    """``{"differences":["base64",...]}``, by m."""
    reader.literal('{"differences":')
    differences = reader.items(reader.table)
    reader.literal("}")
    return differences


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Tests every number (E280), and adds up the cells."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    others, advice = vocabulary - 1, derivation.advice
    if len(advice) != vocabulary:
        raise derivation.differs("the number of tables", len(advice), vocabulary)
    for m, table in enumerate(advice):
        if len(table) != 2 * others * (m + 1):
            raise derivation.differs(f"the size of table {m}", len(table), 2 * others * (m + 1))
    tables = Tables(auditor)
    words = 1 + (vocabulary * tables.width >> 12)

    def add_up(m: int) -> tuple[int, int]:
        auditor.budget.spend((m + 1) * (2 * positions * (m + 1) * (1 + 2 * words) + 16 * vocabulary))
        target, sums = Target(tables, m), [0, 0]
        for q in range(m + 1):
            size = auditor.margins.size(q, m)
            if size:
                cell = LossCell(target, q)
                for side, what in enumerate(("lower", "upper")):
                    begin = (2 * q + side) * others
                    entries = advice[m][begin : begin + others]
                    failing = cell.fails(entries, 2 * side - 1)
                    if failing:
                        where = {"id": derivation.id, "rule": derivation.rule.name, "cell": (q, m)}
                        raise Failure(Code.E280, **where, side=what, x=failing[0])
                    sums[side] += size * cell.bound(entries, side)
        return sums[0], sums[1]

    check_sum(derivation, LossSum(*in_shards(add_up, vocabulary, auditor.jobs)))


RULE = Rule("cell_loss/1", ("paths",), "loss_sum", read_advice, read_conclusion, check)
