"""``cubic_cells/1``: tokens judged against the maximum one at a time, and counted as if mixed.

In a cell (q, m) let c free positions hold tokens below m and the others m; b_p = exp(EQKP[q,p] / sqrt(h)), T their sum
over the free positions, S the sum over those that hold m. With upper bounds a of L(p,m,x) - L(p,m,m), f of the query's
own difference and r_k of L(p,k,x) - L(p,k,m), all x != m and all positions, and weights A of m, B_k of k, Q of the
query itself, sum D <= A S a + Q f + sum of b_p B_k r_k over the c positions. With F the largest B_k r_k among those
tokens this is at most A S a + Q f + (T - S) F: affine in S, which lies between the sum of the least and of the largest
b_p. So if

    A S a + Q f + B_k (T - S) r_k < 0    at both of these S, for each k of a set N of tokens below m,

every sequence whose c tokens are in N is right: binomial(K-1, c) |N|**c of them. For c = 0 the one sequence is right
if A T a_x + Q f_x < 0 for each x. Bounds are exact integers in the network's unit of logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

from .certificate import Reader
from .errors import Code, Failure
from .exponential import Enclosure, shifted_up
from .margins import Margins
from .rule import Auditor, Count, Derivation, Rule, check_count, read_count
from .shards import in_shards

BOUNDS = ("joint", "separate")


class End(NamedTuple):
    """Enclosures of S and T - S at one end, in units of 2**unit of its query."""

    held_low: int
    held_high: int
    left_low: int
    left_high: int


class Attention(NamedTuple):
    """One query: the two ends for each c, their unit, and the enclosed weight of the query itself."""

    ends: list[tuple[End, End]]
    unit: int
    own: Enclosure


class Bounds(NamedTuple):
    """Upper bounds of logit differences for one (q, m): by x != m, and over all of them; ``other`` by k < m."""

    on_maximum: list[int]
    on_query: list[int]
    maximum: int
    query: int
    other: list[int]


def read_advice(reader: Reader) -> bool:
    """``{"bounds":"joint"}`` or ``{"bounds":"separate"}``: whether the bounds are joint."""
    reader.literal('{"bounds":')
    at = reader.at
    word = reader.word()
    if word not in BOUNDS:
        raise Failure(Code.E110, at=at, expected=" or ".join(BOUNDS), found=word)
    reader.literal("}")
    return word == "joint"


def attention(margins: Margins, q: int) -> Attention:
    """The free positions in the order of their exact scores, their weights summed from both ends."""
    weights, scores = margins.position_weights[q], margins.position_scores[q]
    last = margins.positions - 1
    unit = max((w.exponent for w in weights[:last]), default=weights[last].exponent)
    order = sorted(range(last), key=scores.__getitem__)
    low = [weights[p].low >> unit - weights[p].exponent for p in order]
    high = [-(-weights[p].high >> unit - weights[p].exponent) for p in order]
    ends: list[tuple[End, End]] = []
    for c in range(last + 1):
        n = last - c
        least = End(sum(low[:n]), sum(high[:n]), sum(low[n:]), sum(high[n:]))
        most = End(sum(low[c:]), sum(high[c:]), sum(low[:c]), sum(high[:c]))
        ends.append((least, most))
    here, token = weights[last], margins.token_weights[q][q]
    own = Enclosure(here.low * token.low, here.high * token.high, here.exponent + token.exponent)
    return Attention(ends, unit, own)


def without(row: Sequence[int], m: int) -> list[int]:
    """row[x] - row[m] for x != m; x < m stay where they are.

    >>> without([5, 9, 2], 1)
    [-4, -7]
    """
    return [v - row[m] for x, v in enumerate(row) if x != m]


def logit_bounds(margins: Margins, m: int, joint: bool) -> list[Bounds]:
    """By query q <= m. Separate: sums of maxima over x. Joint: maxima of sums, the query at its own position, and for
    k the output k by itself."""
    places = [without(row, m) for row in margins.by_position]
    tokens = [without(row, m) for row in margins.by_token[: m + 1]]
    worst = [max(column) for column in zip(*(places[:-1] if joint and places[:-1] else places), strict=True)]
    raised = [[a + b for a, b in zip(row, worst, strict=True)] for row in tokens]
    tops = [max(row, default=0) for row in raised]
    rest = [max(row[:k] + row[k + 1 :], default=row[k]) for k, row in enumerate(raised[:m])]
    found: list[Bounds] = []
    for q in range(m + 1):
        direct = without(margins.direct[q], m)
        straight = max(direct, default=0)
        at_query = places[-1] if joint else worst
        on_maximum = [a + b for a, b in zip(direct, raised[m], strict=True)]
        on_query = [a + b + c for a, b, c in zip(direct, tokens[q], at_query, strict=True)]
        if joint:
            other = [max(direct[k] + raised[k][k], straight + rest[k]) for k in range(m)]
            found.append(Bounds(on_maximum, on_query, max(on_maximum, default=0), max(on_query, default=0), other))
        else:
            other = [straight + top for top in tops[:m]]
            found.append(Bounds(on_maximum, on_query, straight + tops[m], straight + tops[q], other))
    return found


def times(low: int, high: int, bound: int) -> int:
    """An upper bound of w * bound for 0 <= low <= w <= high."""
    return (low if bound < 0 else high) * bound


def count_cell(margins: Margins, here: Attention, bounds: Bounds, q: int, m: int) -> int:
    """So many sequences of the cell are right."""
    free = margins.positions - 1
    weights, own = margins.token_weights[q], here.own
    top = weights[m]
    unit = max(top.exponent + here.unit, own.exponent)
    shift, own_shift = top.exponent + here.unit - unit, own.exponent - unit

    def sums(end: End, maximum: int, query: int) -> int:
        """A S maximum + Q query, from above, in units of 2**unit."""
        held = times(top.low * end.held_low, top.high * end.held_high, maximum)
        return shifted_up(held, shift) + shifted_up(times(own.low, own.high, query), own_shift)

    alone = here.ends[0][0]
    right = int(all(sums(alone, a, b) < 0 for a, b in zip(bounds.on_maximum, bounds.on_query, strict=True)))
    ends = here.ends[1 : free + 1 if q == m else free]
    heads = [tuple(sums(end, bounds.maximum, bounds.query) for end in pair) for pair in ends]
    good = [0] * len(ends)
    for weight, bound in zip(weights, bounds.other, strict=False):
        exponent = weight.exponent + here.unit
        common = max(unit, exponent)
        for c, (pair, head) in enumerate(zip(ends, heads, strict=True)):
            good[c] += all(
                shifted_up(known, unit - common)
                + shifted_up(times(weight.low * end.left_low, weight.high * end.left_high, bound), exponent - common)
                < 0
                for end, known in zip(pair, head, strict=True)
            )
    return right + sum(comb(free, c) * number**c for c, number in enumerate(good, 1))


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells; nothing is shown wrong, so right_high is V^K."""
    margins = auditor.margins
    sizes = range(margins.vocabulary)
    margins.budget.spend(margins.vocabulary * margins.positions**2)
    attentions = [attention(margins, q) for q in sizes]

    def count(m: int) -> tuple[int, int]:
        margins.budget.spend((m + 1) * (4 * margins.vocabulary + 3 * m * margins.positions))
        bounds = logit_bounds(margins, m, derivation.advice)
        cells = [q for q in range(m + 1) if margins.size(q, m)]
        return sum(count_cell(margins, attentions[q], bounds[q], q, m) for q in cells), 0

    low, _ = in_shards(count, len(sizes), auditor.jobs)
    check_count(derivation, Count(low, auditor.inputs))


RULE = Rule("cubic_cells/1", ("additive_margin",), "right_count", read_advice, read_count, check)
