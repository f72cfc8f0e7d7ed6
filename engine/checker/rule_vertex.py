"""``vertex_cells/1``: tokens judged against the maximum one at a time, output by output, with scores known up to noise.

In a cell (q, m) let c free positions hold tokens below m and the others m, and fix an output x. A token k < m weighs
some B of a box (boxes.py), m weighs A, the query at its own position Q, of a box too when q < m. With b_p =
exp(EQKP[q,p] / sqrt(h)), T their sum over the free positions, S that over those that hold m, and l_m, l_q, l_k bounds
of the logit differences to x (l_q at the last position, the others at any free one),

    sum D_x <= A S l_m + Q l_q + sum of b_p B_p l_k(p) <= A S l_m + Q l_q + (T - S) F,    F the largest B_k l_k.

This is affine in S, Q and each B. So if, for every x and both ends of S (copies of m at the least, or largest, b_p),

    A S l_m + max_Q Q l_q + max_B B (T - S) l_k < 0    for each k of a set N of tokens below m,

every sequence whose c tokens are in N is right: binomial(K-1, c) |N|**c of them. For c = 0 the one sequence is right
if A T l_m + max_Q Q l_q < 0 for each x.

All x are fields of one integer (packing.py). A field of l splits into its positive part, which counts with the upper
end of its weight, and its negative part, with the lower end. Logit differences are rounded up to VALUE_BITS bits,
weights outward to WEIGHT_BITS.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

from .boxes import Boxes, boxes, in_unit
from .exponential import FIRST_BITS, Enclosure
from .margins import Margins
from .packing import maximum, pack, tops
from .rule import Auditor, Count, Derivation, Rule, check_count, no_advice, read_count
from .rule_attention import require_split
from .rule_cubic import End, attention, without
from .rule_row_split import KIND as ROW_SPLIT
from .shards import in_shards
from .terms import aligned

VALUE_BITS = 80
WEIGHT_BITS = 80
# A product of two enclosed weights in units of 2**exponent has so many bits more than one of WEIGHT_BITS.
SPARE_BITS = 2 * FIRST_BITS - WEIGHT_BITS


class Parts(NamedTuple):
    """A vector over the x other than m: its positive and its negative fields."""

    positive: int
    negative: int

    def largest(self, weight: tuple[int, int]) -> int:
        """Field by field the largest product with a weight between these ends, which are not negative."""
        return weight[1] * self.positive + weight[0] * self.negative


class Fields:
    """The vectors of one network: how wide a field is, and how far logits are rounded.

    After rounding two entries of a row of a logit part differ by less than 2 * 2**VALUE_BITS, and three such are
    added, two of them rounded up. A weight is at most K * 2**WEIGHT_BITS and 1, and three products are added.
    """

    def __init__(self, margins: Margins) -> None:
        rows = [*margins.direct, *margins.by_token, *margins.by_position]
        self.drop = max(0, max((entry - row[0]).bit_length() for row in rows for entry in row) - VALUE_BITS)
        self.width = VALUE_BITS + 3 + WEIGHT_BITS + (margins.positions + 1).bit_length() + 3
        self.top = tops(margins.vocabulary - 1, self.width)

    def packed(self, values: Sequence[int]) -> int:
        """The vector, rounded up."""
        return pack([-(-value >> self.drop) for value in values], self.width)

    def parts(self, vector: int) -> Parts:
        """Positive and negative fields."""
        positive = maximum(0, [vector], self.top, self.width)
        return Parts(positive, vector - positive)

    def negative(self, vector: int) -> bool:
        """Whether every field is below zero."""
        return not (vector + self.top) & self.top


class Query(NamedTuple):
    """One query: the weights of tokens, of the copies' positions for each c with their unit, and of its own."""

    tokens: Boxes
    ends: list[tuple[End, End]]
    unit: int
    last: Enclosure


class Cell:
    """One (q, m): the sums without the other tokens, from above, in the units that are asked for."""

    def __init__(self, fields: Fields, here: Query, q: int, m: int, on_maximum: Parts, on_query: Parts) -> None:
        self.fields = fields
        self.top = here.tokens.maximum[m]
        self.own = self.top if q == m else here.tokens.others[q]
        self.here = here
        self.on_maximum, self.on_query = on_maximum, on_query
        self.unit = max(self.top.exponent + here.unit, self.own.exponent + here.last.exponent) + SPARE_BITS
        self.most = len(here.ends) - 1 if q == m else len(here.ends) - 2
        self.found: dict[int, list[list[int]]] = {}

    def heads(self, unit: int) -> list[list[int]]:
        """For c = 0 ... the sums for both ends, in units of 2**unit."""
        if unit not in self.found:
            here, own, top = self.here, self.own, self.top
            last = in_unit(own.low * here.last.low, own.high * here.last.high, own.exponent + here.last.exponent, unit)
            query, exponent = self.on_query.largest(last), top.exponent + here.unit
            self.found[unit] = [
                [
                    query
                    + self.on_maximum.largest(in_unit(top.low * end.held_low, top.high * end.held_high, exponent, unit))
                    for end in pair
                ]
                for pair in here.ends[: max(self.most, 0) + 1]
            ]
        return self.found[unit]

    def alone(self) -> bool:
        """Whether the sequence with m at every free position is right."""
        return self.fields.negative(self.heads(self.unit)[0][0])

    def good(self, k: int, value: Parts) -> list[bool]:
        """For c = 1 ... whether c copies of the token k, which is worth ``value``, leave every x below m."""
        weight = self.here.tokens.others[k]
        exponent = weight.exponent + self.here.unit
        unit = max(self.unit, exponent + SPARE_BITS)
        pairs = zip(self.here.ends[1:], self.heads(unit)[1:], strict=False)
        return [
            all(
                self.fields.negative(
                    head
                    + value.largest(in_unit(weight.low * end.left_low, weight.high * end.left_high, exponent, unit))
                )
                for end, head in zip(pair, heads, strict=True)
            )
            for pair, heads in pairs
        ]


class Counts:
    """The counts of all cells of one network."""

    def __init__(self, margins: Margins, tokens: list[Boxes]) -> None:
        self.margins = margins
        self.fields = Fields(margins)
        self.queries: list[Query] = []
        for q, weights in enumerate(tokens):
            places, last = attention(margins, q), margins.position_weights[q][-1]
            self.queries.append(Query(weights, places.ends, places.unit, last))

    def of(self, m: int) -> int:
        """So many sequences with the maximum m are right."""
        margins, fields = self.margins, self.fields
        free = margins.positions - 1
        places = [without(row, m) for row in margins.by_position]
        worst = [max(column) for column in zip(*(places[:-1] or places), strict=True)]
        tokens = [without(row, m) for row in margins.by_token[: m + 1]]
        raised = [fields.packed([a + b for a, b in zip(row, worst, strict=True)]) for row in tokens]
        right = 0
        for q in range(m + 1):
            if margins.size(q, m):
                margins.budget.spend((1 + m * free) * (8 + margins.vocabulary // 8))
                direct = without(margins.direct[q], m)
                query = [sum(parts) for parts in zip(direct, tokens[q], places[-1], strict=True)]
                packed = fields.packed(direct)
                cell = Cell(
                    fields, self.queries[q], q, m, fields.parts(packed + raised[m]), fields.parts(fields.packed(query))
                )
                good = [cell.good(k, fields.parts(packed + raised[k])) for k in range(m)] if cell.most > 0 else []
                right += cell.alone()
                right += sum(comb(free, c) * sum(column) ** c for c, column in enumerate(zip(*good, strict=True), 1))
        return right


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells; nothing is shown wrong, so right_high is V^K."""
    margins = auditor.margins
    split = require_split(auditor, derivation, 0, "EQKE", margins.vocabulary, {1})
    margins.budget.spend(margins.vocabulary * margins.positions**2)
    (scores, noise), unit = aligned(margins.budget, split.approximation, split.noise)
    counts = Counts(margins, boxes(margins, scores, noise, unit))
    low, _ = in_shards(lambda m: (counts.of(m), 0), margins.vocabulary, auditor.jobs)
    check_count(derivation, Count(low, auditor.inputs))


RULE = Rule("vertex_cells/1", (ROW_SPLIT, "additive_margin"), "right_count", no_advice, read_count, check)
