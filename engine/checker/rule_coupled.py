"""``coupled_gap/1``: cells whose sequences within the reach are right, a token's score and value taken together.

For a cell (q, m, c) of reach j let b_x, r_x and g be as in rule_gap.py, e_k what the token k weighs where m weighs e_m
(boxes.py), each of a box, and v_k = max_{x != m} (A[k,x] - A[k,m]) + e[k] from the split of EVOU. With the positional
weights b_p, S what the copies of m weigh together, Q the query when q < m, and R the sum of b_p over the c other
positions but the query's, z = b_x + g, the gap to x is negative if

    S (z + r_x) + Q (z + v_q) + sum of b_p e_k (z + v_k) < 0.

For every number y, e_k (z + v_k) = e_k (v_k + y) + e_k (z - y). The first is at most C = max_{k<=j} e_k (v_k + y), the
second at most its larger value at the ends of the boxes' union; so the last sum is at most R times both together. What
results is affine in S and in Q: both ends of S (copies at the least, or largest, b_p; then S + R e_m is fixed) and of Q
decide. Only lines b_x + a r_x that are not below another one for all a in [0, 1] are needed: for each value of the
weights the sum is their total times z + a r_x, a the attention on m, plus what does not depend on x.

The number y is advice, in a unit of its own; it may be rounded, as any y will do. How the prover groups tokens (blocks)
and outputs (few lines above all) makes its bounds larger, and is not needed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .boxes import Boxes, boxes, in_unit, times
from .budget import MAX_MATRIX_BITS, Budget, within
from .certificate import Reader
from .dyadic import Matrix
from .errors import Code, Failure
from .exponential import shifted_down
from .margins import Margins
from .rule import Auditor, Derivation, Rule
from .rule_attention import KIND as ATTENTION
from .rule_attention import Ranges, require_split
from .rule_gap import KIND, Gaps, Target, flags, read_certified
from .rule_row_split import KIND as ROW_SPLIT
from .shards import in_shards
from .terms import read_matrix, shape_text, steps

Interval = tuple[int, int]


class Weights(NamedTuple):
    """One (q, m), in one unit: the weight of m, those of the tokens below, and the extremes of these up to each."""

    maximum: Interval
    others: list[Interval]
    box: list[Interval]


def read_multipliers(reader: Reader) -> Matrix:
    """``{"multipliers":M}``: the numbers y by m and c."""
    reader.literal('{"multipliers":')
    multipliers = read_matrix(reader)
    reader.literal("}")
    return multipliers


def rounded(budget: Budget, a: Matrix, unit: int) -> list[list[int]]:
    """The entries in units of 2**unit, rounded down; E243."""
    bits = a.bits + max(0, a.exponent - unit)
    entries = len(a.rows) * len(a.rows[0])
    within("a matrix in bits", entries * bits, MAX_MATRIX_BITS)
    budget.spend(steps(entries, bits))
    return [[shifted_down(entry, a.exponent - unit) for entry in row] for row in a.rows]


def weights_of(here: Boxes, m: int) -> Weights:
    """The weights for one maximum m > 0, in the unit of the largest."""
    top, others = here.maximum[m], here.others[:m]
    unit = max(weight.exponent for weight in (top, *others))
    scaled = [in_unit(*weight, unit) for weight in others]
    box: list[Interval] = []
    for low, high in scaled:
        least, most = box[-1] if box else (low, high)
        box.append((min(least, low), max(most, high)))
    return Weights(in_unit(*top, unit), scaled, box)


class Cells:
    """All cells of one certificate's step."""

    def __init__(
        self, margins: Margins, ranges: Ranges, tokens: list[Boxes], gaps: Gaps, chosen: list[list[int]]
    ) -> None:
        self.margins = margins
        self.ranges = ranges
        self.tokens = tokens
        self.gaps = gaps
        self.chosen = chosen

    def worst_values(self, m: int) -> list[int]:
        """v_k for k < m."""
        rows = zip(self.gaps.tokens[:m], self.gaps.token_noise, strict=False)
        return [max(row[:m] + row[m + 1 :]) - row[m] + noise for row, (noise,) in rows]

    def certain(self, target: Target, weights: Weights, values: Sequence[int], cell: tuple[int, int, int]) -> bool:
        """Whether every sequence of a treated cell within its reach is right."""
        q, m, c = cell
        j, here, y = self.ranges.reach(q, m, c), self.ranges.query(q), self.chosen[m][c]
        low, high, own = here.low, here.high, (here.own_low, here.own_high)
        others = c - (q < m)
        copies = self.margins.positions - 1 - others
        least = (low[copies], high[copies]), (low[-1] - low[copies], high[-1] - high[copies])
        most = (low[-1] - low[others], high[-1] - high[others]), (low[others], high[others])
        coupled = max(times(*e, v + y) for e, v in zip(weights.others[: j + 1], values, strict=False))
        at_query = (own, (0, 0), 0) if q == m else ((0, 0), product(weights.others[q], own), values[q])
        (added_low, added_high), query, query_value = at_query
        noise = self.gaps.noise_at(q, m)
        for held, left in (least, most):
            maximum = product(weights.maximum, (held[0] + added_low, held[1] + added_high))
            for b, r in target.lines:
                z = b + noise
                rest = coupled + times(*weights.box[j], z - y)
                if times(*maximum, z + r) + times(*query, z + query_value) + times(*left, rest) >= 0:
                    return False
        return True


def product(a: Interval, b: Interval) -> Interval:
    """Of intervals that are not negative."""
    return a[0] * b[0], a[1] * b[1]


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the gap of every certified cell is negative; E257, E258."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    ranges: Ranges = auditor.found[derivation.premises[0].id]
    direct = require_split(auditor, derivation, 1, "UU", 1, {1, vocabulary})
    tokens = require_split(auditor, derivation, 2, "EVOU", vocabulary, {1})
    multipliers: Matrix = derivation.advice
    if multipliers.shape != (vocabulary, positions):
        raise derivation.differs("the number of multipliers", shape_text(multipliers), f"{vocabulary} x {positions}")
    certified = flags(derivation, vocabulary**2 * positions)
    auditor.budget.spend(len(certified))
    gaps = Gaps(auditor.paths, direct, tokens, auditor.budget)
    chosen = rounded(auditor.budget, multipliers, gaps.unit)
    size = gaps.size + (multipliers.bits + max(0, multipliers.exponent - gaps.unit) >> 10)
    cells = Cells(
        auditor.margins, ranges, boxes(auditor.margins, ranges.scores, ranges.noise, ranges.unit), gaps, chosen
    )

    def check_target(m: int) -> tuple[int, int]:
        auditor.budget.spend(vocabulary * (positions + gaps.size * m // 16))
        target, values = gaps.target(m), cells.worst_values(m)
        for q in range(vocabulary):
            start = (q * vocabulary + m) * positions
            stated = [c for c in range(positions) if certified[start + c] == "1"]
            if q == m and 0 in stated:
                stated.remove(0)
                require(target.alone, (q, m, 0))
            for c in stated:
                if ranges.reach(q, m, c) < 0:
                    raise Failure(Code.E257, cell=(q, m, c))
            if stated:
                weights = weights_of(cells.tokens[q], m)
                auditor.budget.spend(len(stated) * size * (m + 4 * len(target.lines)))
                for c in stated:
                    require(cells.certain(target, weights, values, (q, m, c)), (q, m, c))
        return 0, 0

    def require(right: bool, cell: tuple[int, int, int]) -> None:
        if not right:
            raise Failure(Code.E258, id=derivation.id, rule=derivation.rule.name, cell=cell)

    in_shards(check_target, vocabulary, auditor.jobs)
    auditor.found[derivation.id] = ranges


RULE = Rule(
    "coupled_gap/1", (ATTENTION, ROW_SPLIT, ROW_SPLIT, "additive_margin"), KIND, read_multipliers, read_certified, check
)
