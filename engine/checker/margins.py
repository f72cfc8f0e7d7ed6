"""The additive margins of a network: S0, and enclosures of its terms.

S0. With q the last token, m the largest and w_q(p,t) = exp((EQKE[q,t] + EQKP[q,p]) / sqrt(h)), softmax is w over its
sum, and the weights add up to one; so (sum over p of w_q(p, t_p)) (logit_x - logit_m) = sum over p of D_x(p, t_p) with
D_x(p,t) = w_q(p,t) (L(p,t,x) - L(p,t,m)), L(p,t,x) = UU[q,x] + EVOU[t,x] + PVOU[p,x]. The sum of the w is positive:
the network is right on t if and only if sum over p of D_x(p, t_p) < 0 for every x != m.

S0'. A float run has scores and logits within known errors of these (floats/): the tables are intervals, and
D+- the extremes of w (L(p,t,x) - L(p,t,m)) over them. sum over p of D+ < 0 for every x != m: every run is right;
sum over p of D- >= 0 for some x: every run is wrong. D- = D = D+ where the tables are exact.

Everywhere below the differences L(p,t,x) - L(p,t,m) are exact integers in one unit common to the whole network. That
positive unit changes no sign; it is counted where a rule speaks of D itself (``unit``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .budget import Budget, cell_steps
from .dyadic import in_units
from .exponential import FIRST_BITS, Enclosure, exponential, exponential_steps, shifted_down, shifted_up, sign_of_sum
from .packing import maximum, nonnegative, ones, pack, tops
from .paths import Paths

COARSE_BITS = 40
COLUMN_BITS = 96

Rows = Sequence[Sequence[int]]
Weight = tuple[int, int, int]


class Integers(NamedTuple):
    """The five tables: logit parts in the network's unit of logits, scores in its unit of scores."""

    direct: Rows
    by_token: Rows
    by_position: Rows
    token_scores: Rows
    position_scores: Rows


@dataclass(frozen=True)
class Column:
    """Enclosures of D_x(p,t) in one cell: lower[p][t] <= D- / 2**unit and D+ / 2**unit <= upper[p][t], t <= m.

    Both are exact where exact tables give D = 0. ``unit`` counts in the network's unit of logits. At position K-1 only
    t = q has a meaning.
    """

    lower: list[list[int]]
    upper: list[list[int]]
    unit: int


class Margins:
    """Logit parts and scores, exact or between ``paths`` and ``upper``, and enclosed exponentials, of one network."""

    def __init__(self, paths: Paths, head: int, budget: Budget, upper: Paths | None = None) -> None:
        budget.spend(cell_steps(*paths.PVOU.shape[::-1]))
        self.budget = budget
        self.head = head
        self.positions, self.vocabulary = paths.PVOU.shape
        self.exact = upper is None
        ends = [paths] if upper is None else [paths, upper]
        self.logit_unit = min(a.exponent for end in ends for a in (end.UU, end.EVOU, end.PVOU))
        self.score_unit = min(a.exponent for end in ends for a in (end.EQKE, end.EQKP))
        self.lower = self._integers(paths)
        self.upper = self.lower if upper is None else self._integers(upper)
        self.direct, self.by_token, self.by_position, self.token_scores, self.position_scores = self.lower
        self.token_weights = self._exponentials(self.token_scores, self.upper.token_scores)
        self.position_weights = self._exponentials(self.position_scores, self.upper.position_scores)
        self._coarse = Coarse(self)

    def _integers(self, paths: Paths) -> Integers:
        """The tables in the common units."""
        logits = (in_units(a, self.logit_unit) for a in (paths.UU, paths.EVOU, paths.PVOU))
        return Integers(*logits, *(in_units(a, self.score_unit) for a in (paths.EQKE, paths.EQKP)))

    def _exponentials(self, scores: Rows, upper: Rows) -> list[list[Enclosure]]:
        """exp(score / sqrt(h)): by q and t for tokens, by q and p for positions."""
        bits = max(max(map(int.bit_length, row)) for row in (*scores, *upper))
        each = exponential_steps(FIRST_BITS, bits) * (1 if self.exact else 2)
        self.budget.spend(each * len(scores) * len(scores[0]))
        return [list(map(self._weight, *both)) for both in zip(scores, upper, strict=True)]

    def _weight(self, least: int, most: int) -> Enclosure:
        """exp(score / sqrt(h)) for all scores from ``least`` to ``most``; ``high`` has FIRST_BITS bits, or is a power
        of two."""
        value = exponential(least, self.score_unit, self.head, FIRST_BITS)
        if most == least:
            return value
        top = exponential(most, self.score_unit, self.head, FIRST_BITS)
        return Enclosure(shifted_down(value.low, value.exponent - top.exponent), top.high, top.exponent)

    @cached_property
    def cells(self) -> list[tuple[int, int]]:
        """All (q, m) with sequences, m ascending and then q."""
        return [(q, m) for m in range(self.vocabulary) for q in range(m if self.positions == 1 else 0, m + 1)]

    def size(self, q: int, m: int) -> int:
        """The sequences with last token q and maximum m.

        Free positions hold tokens <= m; when q < m, some of them holds m.
        """
        free = self.positions - 1
        return (m + 1) ** free - (m**free if q < m else 0)

    def token_order(self, q: int, m: int) -> list[int]:
        """m first, then the smaller tokens by descending exact EQKE[q,t], equal ones by ascending token.

        It is in the middle of its ends.
        """
        low, high = self.token_scores[q], self.upper.token_scores[q]
        return [m, *sorted(range(m), key=lambda t: (-low[t] - high[t], t))]

    def candidates(self, q: int, m: int) -> list[int]:
        """The x != m for which a coarse bound of sum_p D_x (D+) over the cell is not negative."""
        return self._coarse.candidates(q, m)

    def differences(self, q: int, m: int, x: int, side: int) -> list[list[int]]:
        """L(p,t,x) - L(p,t,m) by p and t <= m: the largest (``side`` 1) or the least (-1) that they may be."""
        of_x, of_m = (self.upper, self.lower) if side > 0 else (self.lower, self.upper)
        by_token = [row[x] - other[m] for row, other in zip(of_x.by_token[: m + 1], of_m.by_token, strict=False)]
        query = of_x.direct[q][x] - of_m.direct[q][m]
        offsets = (query + row[x] - other[m] for row, other in zip(of_x.by_position, of_m.by_position, strict=True))
        return [[offset + d for d in by_token] for offset in offsets]

    def column(self, q: int, m: int, x: int, unit: int | None = None) -> Column:
        """D_x over the cell, in the given unit or else to 2**-90 of its largest size.

        The weight is in [low, high] * 2**e >= 0, so D lies between low * difference and high * difference.
        """
        self.budget.spend((2 if self.exact else 4) * self.positions * (m + 1))
        weights = self.token_weights[q][: m + 1]
        largest = self.differences(q, m, x, 1)
        least = largest if self.exact else self.differences(q, m, x, -1)
        if unit is None:
            unit = (
                2 * FIRST_BITS
                - COLUMN_BITS
                + max(
                    (
                        here.exponent + weight.exponent + d.bit_length()
                        for rows in ([largest] if self.exact else [largest, least])
                        for p, (here, row) in enumerate(zip(self.position_weights[q], rows, strict=True))
                        for t, (weight, d) in enumerate(zip(weights, row, strict=True))
                        if d and (p < self.positions - 1 or t == q)
                    ),
                    default=0,
                )
            )
        lower: list[list[int]] = []
        upper: list[list[int]] = []
        for p, (here, row, other) in enumerate(zip(self.position_weights[q], largest, least, strict=True)):
            below: list[int] = []
            above: list[int] = []
            for t, (weight, d, c) in enumerate(zip(weights, row, other, strict=True)):
                if p == self.positions - 1 and t != q:
                    # its weight may be of any size, compared with those that the unit was made for
                    d = c = 0
                low, high = here.low * weight.low, here.high * weight.high
                shift = here.exponent + weight.exponent - unit
                below.append(shifted_down((high if c < 0 else low) * c, shift))
                above.append(shifted_up((low if d < 0 else high) * d, shift))
            lower.append(below)
            upper.append(above)
        return Column(lower, upper, unit)

    def sign(self, q: int, m: int, x: int, tokens: Sequence[int], side: int = 1) -> int:
        """The sign of sum_p D_x(p, t_p) for the sequence with free tokens ``tokens`` and last token q, exactly.

        Where the tables are intervals: of the sum of D+ (``side`` 1) or of D- (-1).
        """
        of_x, of_m = (self.upper, self.lower) if side > 0 else (self.lower, self.upper)
        terms: list[tuple[int, int]] = []
        for p, t in enumerate((*tokens, q)):
            d = of_x.direct[q][x] - of_m.direct[q][m] + of_x.by_token[t][x] - of_m.by_token[t][m]
            d += of_x.by_position[p][x] - of_m.by_position[p][m]
            end = self.upper if d * side > 0 else self.lower
            terms.append((end.token_scores[q][t] + end.position_scores[q][p], d))
        return sign_of_sum(terms, self.score_unit, self.head, self.budget)


class Coarse:
    """One packed pass over a cell that rules out most x (T1, T6 with directed rounding).

    Logit parts are floored to 2**g. With floors u <= U < u + 1 (u of the upper end of x, of the lower end of m) the
    difference of three parts is below the difference of the floors plus 3; call that bound d, |d| < 2**(COARSE_BITS+4).

    Exact tables. A weight is a product of two numbers, in units
    between A and A + G and between B and B + G, A and B below 2**COARSE_BITS, G at most that. It is floored again to
    v = floor(A B / 2**s), s >= COARSE_BITS the same for the cell up to the exponents: v < 2**COARSE_BITS and, since
    (A + G)(B + G) <= A B + 3 G 2**COARSE_BITS, v <= w <= v + 1 + 3 G. Then D <= v d if d < 0, and
    D <= (v + 1 + 3 G) d otherwise; so D <= v d + (1 + 3 G) max|d|.

    Intervals. With v from the lower ends of the weights, and from the upper ends, rounded up, v' <= 2**COARSE_BITS,
    D+ <= v d + (v' - v) max(d, 0).
    """

    def __init__(self, margins: Margins) -> None:
        self.margins = margins
        low, high = margins.lower[:3], margins.upper[:3]
        excess = max(max(map(int.bit_length, row)) for part in (*low, *high) for row in part) - COARSE_BITS
        drop = max(0, excess)
        self.direct, self.by_token, self.by_position = ([[v >> drop for v in row] for row in part] for part in low)
        self.token_weights, gap = _floored(margins.token_weights)
        self.position_weights, other_gap = _floored(margins.position_weights)
        slack = margins.positions * (1 + 3 * max(gap, other_gap)) << (COARSE_BITS + 4) if margins.exact else 0
        self.width = ((margins.positions << 2 * COARSE_BITS + 4) + slack).bit_length() + 4
        count = margins.vocabulary
        self.top = tops(count, self.width)
        self.ones = ones(count, self.width)
        self.slack = slack * self.ones
        self.packed_direct, self.packed_by_token, self.packed_by_position = (
            [pack([v >> drop for v in row], self.width) for row in part] for part in high
        )
        self.shifted_for = -1
        self.shifted: list[int] = []

    def _tokens_minus(self, m: int) -> list[int]:
        """EVOU[t, .] - EVOU[t, m] for t <= m, packed; kept while m stays the same."""
        if self.shifted_for != m:
            rows = zip(self.packed_by_token[: m + 1], self.by_token, strict=False)
            self.shifted = [packed - row[m] * self.ones for packed, row in rows]
            self.shifted_for = m
        return self.shifted

    def _bounds(self, here: Weight, weights: Sequence[Weight], packed: Sequence[int], highest: int) -> list[int]:
        """Bounds of D (D+) at one position, for each token's weight and packed bounds d; without the slack."""
        place, place_above, e = here
        shift = highest - e
        values = [(place * w >> (shift - f)) * d for (w, _, f), d in zip(weights, packed, strict=True)]
        if self.margins.exact:
            return values
        rest = [-(-place_above * above >> (shift - f)) - (place * w >> (shift - f)) for w, above, f in weights]
        positive = (maximum(0, [d], self.top, self.width) for d in packed)
        return [v + more * d for v, more, d in zip(values, rest, positive, strict=True)]

    def candidates(self, q: int, m: int) -> list[int]:
        """The x != m whose bound over the cell is not negative.

        When q < m, the sequences split by the first position p that holds m: positions before p hold tokens < m.
        """
        tokens = self._tokens_minus(m)
        weights, places = self.token_weights[q][: m + 1], self.position_weights[q]
        highest = max(w[2] for w in weights) + max(w[2] for w in places) + COARSE_BITS
        query = self.packed_direct[q] + (3 - self.direct[q][m]) * self.ones
        free = self.margins.positions - 1
        top, width = self.top, self.width
        below: list[int] = []
        holds_m: list[int] = []
        for p in range(free):
            base = query + self.packed_by_position[p] - self.by_position[p][m] * self.ones
            values = self._bounds(places[p], weights, [base + t for t in tokens], highest)
            holds_m.append(values.pop())
            below.append(maximum(values[0], values[1:], top, width) if values else holds_m[p])
        base = query + self.packed_by_position[free] - self.by_position[free][m] * self.ones
        (total,) = self._bounds(places[free], [weights[q]], [base + tokens[q]], highest)
        total += self.slack
        freely = [maximum(a, [b], top, width) for a, b in zip(below, holds_m, strict=True)]
        if q == m:
            bounds = [total + sum(freely)]
        else:
            bounds = []
            rest = sum(freely)
            before = 0
            for p in range(free):
                rest -= freely[p]
                bounds.append(total + before + holds_m[p] + rest)
                before += below[p]
        worst = maximum(bounds[0], bounds[1:], top, width)
        return [x for x in nonnegative(worst, top, width) if x != m]


def _floored(rows: Sequence[Sequence[Enclosure]]) -> tuple[list[list[Weight]], int]:
    """For each value (A, B, e) with A <= value / 2**e <= B and B at most 2**COARSE_BITS; and the largest B - A."""
    drop = FIRST_BITS - COARSE_BITS
    ends = [[(w.low >> drop, -(-w.high >> drop), w.exponent + drop) for w in row] for row in rows]
    return ends, max(high - low for row in ends for low, high, _ in row)
