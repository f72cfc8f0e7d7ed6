"""The additive margins of a network: S0, and enclosures of its terms.

S0. With q the last token, m the largest and w_q(p,t) = exp((EQKE[q,t] + EQKP[q,p]) / sqrt(h)), softmax is w over its
sum, and the weights add up to one; so (sum over p of w_q(p, t_p)) (logit_x - logit_m) = sum over p of D_x(p, t_p) with
D_x(p,t) = w_q(p,t) (L(p,t,x) - L(p,t,m)), L(p,t,x) = UU[q,x] + EVOU[t,x] + PVOU[p,x]. The sum of the w is positive:
the network is right on t if and only if sum over p of D_x(p, t_p) < 0 for every x != m.

Everywhere below the differences L(p,t,x) - L(p,t,m) are exact integers in one unit common to the whole network. That
positive unit changes no sign; it is counted where a rule speaks of D itself (``unit``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .budget import Budget, cell_steps
from .dyadic import in_units
from .exponential import FIRST_BITS, Enclosure, exponential, shifted_down, shifted_up, sign_of_sum
from .packing import maximum, nonnegative, ones, pack, tops
from .paths import Paths

COARSE_BITS = 40
COLUMN_BITS = 96


@dataclass(frozen=True)
class Column:
    """Enclosures of D_x(p,t) in one cell: lower[p][t] <= D / 2**unit <= upper[p][t], t <= m; exact where D = 0.

    ``unit`` counts in the network's unit of logits. At position K-1 only t = q has a meaning.
    """

    lower: list[list[int]]
    upper: list[list[int]]
    unit: int


class Margins:
    """Exact logit parts and scores, and enclosed exponentials, of one network."""

    def __init__(self, paths: Paths, head: int, budget: Budget) -> None:
        budget.spend(cell_steps(*paths.PVOU.shape[::-1]))
        self.budget = budget
        self.head = head
        self.positions, self.vocabulary = paths.PVOU.shape
        logits = (paths.UU, paths.EVOU, paths.PVOU)
        scores = (paths.EQKE, paths.EQKP)
        self.logit_unit = min(a.exponent for a in logits)
        self.score_unit = min(a.exponent for a in scores)
        self.direct, self.by_token, self.by_position = (in_units(a, self.logit_unit) for a in logits)
        self.token_scores, self.position_scores = (in_units(a, self.score_unit) for a in scores)
        self.token_weights = self._exponentials(self.token_scores)
        self.position_weights = self._exponentials(self.position_scores)
        self._coarse = Coarse(self)

    def _exponentials(self, scores: Sequence[Sequence[int]]) -> list[list[Enclosure]]:
        """exp(score / sqrt(h)): by q and t for tokens, by q and p for positions."""
        self.budget.spend(16 * len(scores) * len(scores[0]))
        return [[exponential(s, self.score_unit, self.head, FIRST_BITS) for s in row] for row in scores]

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
        """m first, then the smaller tokens by descending exact EQKE[q,t], equal ones by ascending token."""
        scores = self.token_scores[q]
        return [m, *sorted(range(m), key=lambda t: (-scores[t], t))]

    def candidates(self, q: int, m: int) -> list[int]:
        """The x != m for which a coarse bound of sum_p D_x over the cell is not negative."""
        return self._coarse.candidates(q, m)

    def column(self, q: int, m: int, x: int, unit: int | None = None) -> Column:
        """D_x over the cell, in the given unit or else to 2**-90 of its largest size.

        The weight is in [low, high] * 2**e > 0, so D lies between low * difference and high * difference.
        """
        self.budget.spend(2 * self.positions * (m + 1))
        query, tokens = self.direct[q], self.by_token[: m + 1]
        weights = self.token_weights[q][: m + 1]
        by_token = [row[x] - row[m] for row in tokens]
        rows: list[list[int]] = []
        for place in self.by_position:
            offset = query[x] - query[m] + place[x] - place[m]
            rows.append([offset + d for d in by_token])
        if unit is None:
            unit = 2 * FIRST_BITS - COLUMN_BITS + max(
                (
                    here.exponent + weight.exponent + d.bit_length()
                    for p, (here, row) in enumerate(zip(self.position_weights[q], rows, strict=True))
                    for t, (weight, d) in enumerate(zip(weights, row, strict=True))
                    if d and (p < self.positions - 1 or t == q)
                ),
                default=0,
            )
        lower: list[list[int]] = []
        upper: list[list[int]] = []
        for here, row in zip(self.position_weights[q], rows, strict=True):
            below: list[int] = []
            above: list[int] = []
            for weight, d in zip(weights, row, strict=True):
                least, most = here.low * weight.low * d, here.high * weight.high * d
                if d < 0:
                    least, most = most, least
                shift = here.exponent + weight.exponent - unit
                below.append(shifted_down(least, shift))
                above.append(shifted_up(most, shift))
            lower.append(below)
            upper.append(above)
        return Column(lower, upper, unit)

    def sign(self, q: int, m: int, x: int, tokens: Sequence[int]) -> int:
        """The sign of sum_p D_x(p, t_p) for the sequence with free tokens ``tokens`` and last token q, exactly."""
        sequence = [*tokens, q]
        terms = [
            (
                self.token_scores[q][t] + self.position_scores[q][p],
                sum(row[x] - row[m] for row in (self.direct[q], self.by_token[t], self.by_position[p])),
            )
            for p, t in enumerate(sequence)
        ]
        return sign_of_sum(terms, self.score_unit, self.head, self.budget)


class Coarse:
    """One packed pass over a cell that rules out most x (T1, T6 with directed rounding).

    Logit parts are floored to 2**g. With floors u <= U < u + 1 the difference of three parts is below the difference of
    the floors plus 3; call that bound d, |d| < 2**(COARSE_BITS+4). A weight is a product of two numbers, in units
    between A and A + G and between B and B + G, A and B below 2**COARSE_BITS, G at most that. It is floored again to
    v = floor(A B / 2**s), s >= COARSE_BITS the same for the cell up to the exponents: v < 2**COARSE_BITS and, since
    (A + G)(B + G) <= A B + 3 G 2**COARSE_BITS, v <= w <= v + 1 + 3 G. Then D <= v d if d < 0, and
    D <= (v + 1 + 3 G) d otherwise; so D <= v d + (1 + 3 G) max|d|.
    """

    def __init__(self, margins: Margins) -> None:
        self.margins = margins
        parts = (margins.direct, margins.by_token, margins.by_position)
        excess = max(max(map(int.bit_length, row)) for part in parts for row in part) - COARSE_BITS
        drop = max(0, excess)
        self.direct, self.by_token, self.by_position = ([[v >> drop for v in row] for row in part] for part in parts)
        self.token_weights, gap = _floored(margins.token_weights)
        self.position_weights, other_gap = _floored(margins.position_weights)
        slack = margins.positions * (1 + 3 * max(gap, other_gap)) << (COARSE_BITS + 4)
        self.width = ((margins.positions << 2 * COARSE_BITS + 4) + slack).bit_length() + 4
        count = margins.vocabulary
        self.top = tops(count, self.width)
        self.ones = ones(count, self.width)
        self.slack = slack * self.ones
        self.packed_direct, self.packed_by_token, self.packed_by_position = (
            [pack(row, self.width) for row in part] for part in (self.direct, self.by_token, self.by_position)
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

    def candidates(self, q: int, m: int) -> list[int]:
        """The x != m whose bound over the cell is not negative.

        When q < m, the sequences split by the first position p that holds m: positions before p hold tokens < m.
        """
        tokens = self._tokens_minus(m)
        weights, places = self.token_weights[q][: m + 1], self.position_weights[q]
        highest = max(e for _, e in weights) + max(e for _, e in places) + COARSE_BITS
        query = self.packed_direct[q] + (3 - self.direct[q][m]) * self.ones
        free = self.margins.positions - 1
        top, width = self.top, self.width
        below: list[int] = []
        holds_m: list[int] = []
        for p in range(free):
            here, e = places[p]
            base = query + self.packed_by_position[p] - self.by_position[p][m] * self.ones
            shift = highest - e
            values = [(here * w >> (shift - f)) * (base + t) for (w, f), t in zip(weights, tokens, strict=True)]
            holds_m.append(values.pop())
            below.append(maximum(values[0], values[1:], top, width) if values else holds_m[p])
        here, e = places[free]
        base = query + self.packed_by_position[free] - self.by_position[free][m] * self.ones
        weight, f = weights[q]
        total = (here * weight >> (highest - e - f)) * (base + tokens[q]) + self.slack
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


def _floored(rows: Sequence[Sequence[Enclosure]]) -> tuple[list[list[tuple[int, int]]], int]:
    """For each value (A, e) with A of COARSE_BITS bits and A <= value / 2**e <= A + G; and the one G for all."""
    drop = FIRST_BITS - COARSE_BITS
    floors = [[(w.low >> drop, w.exponent + drop) for w in row] for row in rows]
    gap = max(-(-w.high >> drop) - (w.low >> drop) for row in rows for w in row)
    return floors, gap
