"""``attention_range/1``: how much of its attention a query pays to the largest token.

A *reach* j of a cell (q, m, c) is about the sequences with last token q, maximum m, and c tokens (q among them when
q < m) other than m, all of them at most j < m. With T[q,i] - T[q,k] <= A[q,i] - A[q,k] + g[q] from a split of EQKE, b_p
= exp(EQKP[q,p] / sqrt(h)), S the sum of b over the positions that hold m and R that over the others, the attention on m
is S / (S + R x) for a mean x of the exp((EQKE[q,k] - EQKE[q,m]) / sqrt(h)), which lies between

    exp((min A[q,k] - A[q,m] - g[q]) / sqrt(h))  and  exp((max A[q,k] - A[q,m] + g[q]) / sqrt(h)),    k <= j.

S / (S + R x) falls with x, and rises when S takes over some of R; so it is least for the larger x with the copies of m
at the positions of the least b, and largest for the smaller x with the copies at those of the largest b.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from .certificate import Reader
from .errors import Code, Failure
from .exponential import Enclosure, exponential, exponential_steps, shifted_down, shifted_up
from .margins import Margins
from .rule import Auditor, Derivation, Rule
from .rule_row_split import KIND as ROW_SPLIT
from .rule_row_split import RowSplit
from .terms import aligned

KIND = "attention_range"
ALPHA_BITS = 96
ONE = 1 << ALPHA_BITS
PRECISION = 96
FAR = 512
MOST_POWERS = 1 << 16


def least_share(copies: int, others: int, x: Enclosure) -> int:
    """A lower bound of copies / (copies + others x) in units of 2**-ALPHA_BITS; 0 when x is very large."""
    if x.exponent > FAR:
        return 0
    return (copies << ALPHA_BITS) // (copies + shifted_up(others * x.high, x.exponent))


def largest_share(copies: int, others: int, x: Enclosure) -> int:
    """An upper bound of copies / (copies + others x), for copies > 0."""
    against = shifted_down(others * x.low, min(x.exponent, FAR))
    return -(-(copies << ALPHA_BITS) // (copies + against))


class Query(NamedTuple):
    """One query: sums of the n least b, from below and from above, and its own b, all in one unit; and the largest
    and the least of the first scores of its row."""

    low: list[int]
    high: list[int]
    own_low: int
    own_high: int
    highest: list[int]
    lowest: list[int]


class Ranges:
    """The attention ranges of one application, each computed when it is asked for.

    ``table`` is the reach, j + 1 by q, m and c, and 0 for a cell that is not treated.
    """

    def __init__(self, margins: Margins, split: RowSplit, table: Sequence[int]) -> None:
        self.margins = margins
        self.table = table
        (self.scores, self.noise), self.unit = aligned(margins.budget, split.approximation, split.noise)
        self.queries: dict[int, Query] = {}
        self.powers: dict[int, Enclosure] = {}

    def query(self, q: int) -> Query:
        """What all cells of a query share; the free positions in the order of their exact scores."""
        if q not in self.queries:
            margins = self.margins
            margins.budget.spend(margins.positions + margins.vocabulary)
            weights, scores = margins.position_weights[q], margins.position_scores[q]
            unit = max(w.exponent for w in weights)
            low = [w.low >> unit - w.exponent for w in weights]
            high = [-(-w.high >> unit - w.exponent) for w in weights]
            order = sorted(range(margins.positions - 1), key=scores.__getitem__)
            below, above = (list(accumulate((b[p] for p in order), initial=0)) for b in (low, high))
            highest, lowest = (list(accumulate(self.scores[q], extreme)) for extreme in (max, min))
            self.queries[q] = Query(below, above, low[-1], high[-1], highest, lowest)
        return self.queries[q]

    def reach(self, q: int, m: int, c: int) -> int:
        """The largest token other than m of the sequences that are treated, or -1."""
        return self.table[(q * self.margins.vocabulary + m) * self.margins.positions + c] - 1

    def ends(self, q: int, m: int, c: int) -> tuple[int, int]:
        """Bounds of the attention on m in a treated cell, in units of 2**-ALPHA_BITS."""
        return self.ends_within(q, m, c, self.reach(q, m, c))

    def ends_within(self, q: int, m: int, c: int, j: int) -> tuple[int, int]:
        """The same with the reach j."""
        here = self.query(q)
        free = self.margins.positions - 1
        copies = free - c if q == m else free - c + 1
        others = free - copies
        first, first_left = here.low[copies], here.high[free] - here.high[copies]
        last, last_left = here.high[free] - here.high[others], here.low[others]
        if q == m:
            first, last = first + here.own_low, last + here.own_high
        else:
            first_left, last_left = first_left + here.own_high, last_left + here.own_low
        score, noise = self.scores[q][m], self.noise[q][0]
        above = self._exponential(here.highest[j] - score + noise)
        below = self._exponential(here.lowest[j] - score - noise)
        return least_share(first, first_left, above), largest_share(last, last_left, below)

    def _exponential(self, score: int) -> Enclosure:
        if score not in self.powers:
            if len(self.powers) == MOST_POWERS:
                self.powers.clear()
            self.margins.budget.spend(exponential_steps(PRECISION, score.bit_length()))
            self.powers[score] = exponential(score, self.unit, self.margins.head, PRECISION)
        return self.powers[score]


def read_reach(reader: Reader) -> Sequence[int]:
    """``{"reach":"base64"}``."""
    reader.literal('{"reach":')
    table = reader.table()
    reader.literal("}")
    return table


def read_conclusion(reader: Reader) -> int:
    """The number of treated cells."""
    reader.literal('{"kind":"attention_range","cells":')
    cells = reader.small()
    reader.literal("}")
    return cells


def require_split(
    auditor: Auditor, derivation: Derivation, place: int, table: str, rows: int, widths: set[int]
) -> RowSplit:
    """The split found by the premise at this place; E255 unless it is of this table and its A has so many rows, its g
    one of these widths."""
    premise = derivation.premises[place]
    split: RowSplit = auditor.found[premise.id]
    found = (split.table, split.approximation.shape[0])
    if found != (table, rows) or split.noise.shape[1] not in widths:
        raise Failure(
            Code.E255, id=derivation.id, rule=derivation.rule.name, premise=premise.id, table=table, rows=rows
        )
    return split


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the reach treats only cells that exist, and so many; E256. The ranges follow when they are used."""
    margins, table = auditor.margins, derivation.advice
    split = require_split(auditor, derivation, 1, "EQKE", margins.vocabulary, {1})
    treated = check_reach(auditor, derivation, table)
    if derivation.conclusion != treated:
        raise derivation.differs("the number of cells", derivation.conclusion, treated)
    auditor.found[derivation.id] = Ranges(margins, split, table)


def check_reach(auditor: Auditor, derivation: Derivation, table: Sequence[int]) -> int:
    """The number of treated cells of a reach; E256 when one does not exist."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    if len(table) != vocabulary**2 * positions:
        raise derivation.differs("the size of the reach", len(table), vocabulary**2 * positions)
    auditor.budget.spend(len(table))
    treated = 0
    for index, entry in enumerate(table):
        if entry:
            treated += 1
            pair, c = divmod(index, positions)
            q, m = divmod(pair, vocabulary)
            if not (c and entry <= m and (q == m or q < entry)):
                raise Failure(Code.E256, id=derivation.id, rule=derivation.rule.name, cell=(q, m, c), reach=entry - 1)
    return treated


RULE = Rule("attention_range/1", ("paths", ROW_SPLIT), KIND, read_reach, read_conclusion, check)
