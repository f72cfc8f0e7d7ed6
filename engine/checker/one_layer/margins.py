"""The additive margins of a network: S0, its exact terms, and bounds of them, packed over all outputs.

S0. With q the last token, m the largest and w_q(p,t) = exp((EQKE[q,t] + EQKP[q,p]) / sqrt(h)), softmax is w over its
sum, and the weights add up to one; so (sum over p of w_q(p, t_p)) (logit_x - logit_m) = sum over p of D_x(p, t_p) with
D_x(p,t) = w_q(p,t) (L(p,t,x) - L(p,t,m)), L(p,t,x) = UU[q,x] + EVOU[t,x] + PVOU[p,x]. The sum of the w is positive:
the network is right on t if and only if sum over p of D_x(p, t_p) < 0 for every x != m.

S0'. A float run has scores and logits within known errors of these (floats/): the tables are intervals, and
D+- the extremes of w (L(p,t,x) - L(p,t,m)) over them. sum over p of D+ < 0 for every x != m: every run is right;
sum over p of D- >= 0 for some x: every run is wrong. D- = D = D+ where the tables are exact.

Everywhere below a ``side`` 1 is about D+, and a ``side`` -1 about -D-: of both, upper bounds are looked for. The
differences L(p,t,x) - L(p,t,m) are exact integers in one unit common to the whole network, in which 2**-12 is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, cmp_to_key
from typing import NamedTuple

from ..budget import Budget, cell_steps
from ..dyadic import in_units
from ..exponential import FIRST_BITS, Enclosure, exponential, exponential_steps, shifted_down, sign_of_sum
from ..logarithm import STEP_BITS
from ..packing import maximum, nonnegative, offset, pack, unpack, width_for
from .form import Paths
from .sets import Among, Box, Sums

# Bits of logit parts and of weights: of a first pass, for which words of 64 bits are enough, and of a last one.
COARSE = (23, 29)
SHARP_BITS = 192

Rows = Sequence[Sequence[int]]
# score and coefficient: coefficient * exp(score / sqrt(h))
Term = tuple[int, int]


class Integers(NamedTuple):
    """The five tables: logit parts in the network's unit of logits, scores in its unit of scores."""

    direct: Rows
    by_token: Rows
    by_position: Rows
    token_scores: Rows
    position_scores: Rows


class Margins:
    """Logit parts and scores, exact or between ``paths`` and ``upper``, and enclosed exponentials, of one network."""

    def __init__(self, paths: Paths, head: int, budget: Budget, upper: Paths | None = None) -> None:
        budget.spend(cell_steps(*paths.PVOU.shape[::-1]))
        self.budget = budget
        self.head = head
        self.positions, self.vocabulary = paths.PVOU.shape
        self.exact = upper is None
        ends = [paths, upper or paths]
        self.logit_unit = min(-STEP_BITS, *(a.exponent for end in ends for a in (end.UU, end.EVOU, end.PVOU)))
        self.score_unit = min(a.exponent for end in ends for a in (end.EQKE, end.EQKP))
        self.lower = self._integers(paths)
        self.upper = self.lower if upper is None else self._integers(upper)
        self.direct, self.by_token, self.by_position, self.token_scores, self.position_scores = self.lower
        self.token_weights = self._exponentials(self.token_scores, self.upper.token_scores)
        self.position_weights = self._exponentials(self.position_scores, self.upper.position_scores)
        self.extremes_of: tuple[int, list[tuple[int, int]]] = -1, []
        self.coarse = Packed(self, *COARSE)

    @cached_property
    def sharp(self) -> Packed:
        """Bounds of all digits of the logits."""
        return Packed(self, None, SHARP_BITS)

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

    def order(self, q: int, m: int) -> list[int]:
        """m first, then the smaller tokens by descending exact EQKE[q,t], equal ones by ascending token.

        It is in the middle of its ends.
        """
        low, high = self.token_scores[q], self.upper.token_scores[q]
        return [m, *sorted(range(m), key=lambda t: (-low[t] - high[t], t))]

    def difference(self, q: int, m: int, x: int, p: int, t: int, side: int = 1) -> int:
        """L(p,t,x) - L(p,t,m): the largest (``side`` 1) or the least (-1) that it may be."""
        of_x, of_m = (self.upper, self.lower) if side > 0 else (self.lower, self.upper)
        parts = ((0, q), (1, t), (2, p))
        return sum([of_x[part][row][x] - of_m[part][row][m] for part, row in parts])

    def extremes(self, m: int) -> list[tuple[int, int]]:
        """By x the least and the largest of the other two parts of L(p,t,x) - L(p,t,m), over all p and t <= m."""
        if self.extremes_of[0] != m:
            tokens, places = self.by_token[: m + 1], self.by_position
            parts = ([[v - row[m] for v in row] for row in table] for table in (tokens, places))
            pairs = zip(*(zip(*part, strict=True) for part in parts), strict=True)
            self.extremes_of = m, [(min(a) + min(b), max(a) + max(b)) for a, b in pairs]
        return self.extremes_of[1]

    def largest_sign(
        self, q: int, m: int, x: int, part: Box | Among, order: Sequence[int], side: int = 1, number: int = 0
    ) -> int:
        """The sign of the largest sum of D+ (``side`` 1) or -D- (-1), exactly, over a set of the cell's sequences whose
        places are those of ``order`` (sets.py).

        ``number``, in the unit of logits, is taken off the differences L(p,t,x) - L(p,t,m). Every comparison on the way
        is the sign of a sum of exponentials.
        """

        def term(p: int, t: int) -> list[Term]:
            d = self.difference(q, m, x, p, t, side) - number
            end = self.upper if d * side > 0 else self.lower
            return [(end.token_scores[q][t] + end.position_scores[q][p], d * side)]

        def minus(terms: list[Term]) -> list[Term]:
            return [(score, -g) for score, g in terms]

        def sign(terms: list[Term]) -> int:
            return sign_of_sum(terms, self.score_unit, self.head, self.budget)

        def difference(a: list[Term], b: list[Term]) -> int:
            return sign(a + minus(b))

        larger = cmp_to_key(difference)
        choices = part.choices(order)
        best = [max([term(p, t) for t in tokens], key=larger) if tokens else [] for p, tokens in enumerate(choices)]
        if part.n is not None:
            held = [term(p, m) for p in range(len(choices))]
            pairs = sorted(zip(best, held, strict=True), key=lambda pair: larger(pair[0] + minus(pair[1])))
            best = [pair[k >= len(pairs) - part.n] for k, pair in enumerate((b, a) for a, b in pairs)]
        return sign(sum(best, term(self.positions - 1, q)))

    def sign(self, q: int, m: int, x: int, tokens: Sequence[int], side: int = 1) -> int:
        """The sign of sum_p D+ (``side`` 1) or D- (-1) on the sequence with free tokens ``tokens`` and last token q."""
        return side * self.largest_sign(q, m, x, Box([~t for t in tokens]), range(m + 1), side)


class Packed:
    """Upper bounds of D+ or -D- for all x at once (packing.py), logit parts rounded to so many bits, or exact (None).

    A weight lies between A B and A' B', its position's and its token's ends, in a unit in which the largest of the cell
    is below 2**kept. With v = floor(A B), v' = ceil(A' B') and d a bound of the difference, D+ <= v d + (v' - v)
    max(d, 0). Of exact tables A' - A and B' - B are at most some G in units of 2**-128 of their sizes; so
    v' - v <= 2 + 3 G 2**(kept-128), and for rounded logit parts that times the largest |d| is added once a position.

    A part of at most ``size`` bits, x's rounded up and m's down, makes |d| < 2**(size+3), with a number of as many bits
    taken off as well. So the sums stay below K 2**(kept+size+4), and differences of sums below twice that.
    """

    def __init__(self, margins: Margins, bits: int | None, kept: int, number_bits: int = 0) -> None:
        self.margins, self.kept = margins, kept
        low, high = margins.lower[:3], margins.upper[:3]
        size = max(number_bits, *(max(map(int.bit_length, row)) for part in (*low, *high) for row in part))
        self.drop = 0 if bits is None else max(0, size - bits)
        self.width = width_for(margins.positions.bit_length() + kept + size - self.drop + 5)
        self.top = offset(margins.vocabulary, self.width)
        self.ones = self.top >> self.width - 1
        gap = max(w.high - w.low for row in (*margins.token_weights, *margins.position_weights) for w in row)
        apart = margins.positions * (2 + (3 * gap << kept >> FIRST_BITS))
        self.apart = bits is None or not margins.exact
        self.slack = 0 if self.apart else apart << size - self.drop + 3
        self.down = [[[v >> self.drop for v in row] for row in part] for part in low]
        self.up = [[[-(-v >> self.drop) for v in row] for row in part] for part in high]
        self.packed = {1: [[pack(row, self.width) for row in part] for part in self.up]}
        self.words = 1 + (margins.vocabulary * self.width >> 12)
        self.made: tuple[int, int] | None = None
        self.parts: list[list[int]] = []

    def against(self, part: int, row: int, m: int, side: int) -> int:
        """An upper bound of ``side`` times (the row of a part minus its entry m)."""
        if side > 0:
            return self.packed[1][part][row] - self.down[part][row][m] * self.ones
        if side not in self.packed:
            self.packed[side] = [[pack(row, self.width) for row in part] for part in self.down]
        return self.up[part][row][m] * self.ones - self.packed[side][part][row]

    def numbers(self, values: Sequence[int]) -> int:
        """Numbers by x, in the unit of logits, to be taken off: rounded down."""
        return pack([v >> self.drop for v in values], self.width)

    def unit(self, q: int, m: int) -> int:
        """The unit of weights in the cell."""
        weights, (*free, last) = self.margins.token_weights[q], self.margins.position_weights[q]
        highest = [last.exponent + weights[q].exponent]
        if free:
            highest.append(max(here.exponent for here in free) + max(w.exponent for w in weights[: m + 1]))
        return max(highest) + 2 * FIRST_BITS - self.kept

    def sums(self, q: int, m: int, order: Sequence[int], side: int = 1, numbers: int = 0) -> Sums:
        """The bounds of the cell (q, m), its tokens in this order; ``numbers`` are taken off the differences."""
        if self.made != (m, side):
            rows = [range(m + 1), range(self.margins.positions)]
            self.parts = [[self.against(part, row, m, side) for row in rows[part - 1]] for part in (1, 2)]
            self.made = m, side
        (tokens, places), query = self.parts, self.against(0, q, m, side) - numbers

        def term(light: int, heavy: int, p: int, t: int) -> int:
            d = query + places[p] + tokens[t]
            more = heavy - light if self.apart else 0
            return light * d + more * maximum(0, (d,), self.top, self.width) if more else light * d

        found = self.weighed(q, m, order, term, self.largest)
        found.last += self.slack * self.ones
        return found

    def weights(self, q: int, m: int, order: Sequence[int]) -> tuple[Sums, Sums]:
        """The sums of -v and of v'."""
        light = self.weighed(q, m, order, lambda light, heavy, p, t: -light, max)
        return light, self.weighed(q, m, order, lambda light, heavy, p, t: heavy, max)

    def weighed(
        self,
        q: int,
        m: int,
        order: Sequence[int],
        term: Callable[[int, int, int, int], int],
        largest: Callable[[Sequence[int]], int],
    ) -> Sums:
        """The sums of term(v, v', p, t)."""
        weights, (*free, last) = self.margins.token_weights[q], self.margins.position_weights[q]
        unit = self.unit(q, m)

        def of(p: int, t: int, here: Enclosure, token: Enclosure) -> int:
            down = unit - here.exponent - token.exponent
            return term(here.low * token.low >> down, -(-here.high * token.high >> down), p, t)

        rows = [[of(p, t, here, weights[t]) for t in order] for p, here in enumerate(free)]
        return Sums(rows, of(len(free), q, last, weights[q]), largest)

    def largest(self, vectors: Sequence[int]) -> int:
        """The field-wise maximum."""
        return maximum(vectors[0], vectors[1:], self.top, self.width)

    def reaching(self, total: int, m: int) -> list[int]:
        """The x != m whose field is at least zero."""
        return [x for x in nonnegative(total, self.top, self.width) if x != m]

    def fields(self, total: int, m: int) -> list[int]:
        """The fields by x != m."""
        found = unpack(total, self.margins.vocabulary, self.width, self.top)
        return found[:m] + found[m + 1 :]
