"""``generating_function_count/1``: sequences on which x reaches the right logit, counted by rounded costs (S2).

With D- <= D <= D+, maxima M_p >= D+(p,t) and a step h, put k+ = floor((M_p - D+)/h), k- = ceil((M_p - D-)/h) and
B+- = floor((sum M_p + D+-(K-1,q))/h). If sum D >= 0 then h sum k+ <= sum (M_p - D+) <= sum M_p + D+(K-1,q), so
sum k+ <= B+. If sum k- <= B- then sum (M_p - D-) <= h sum k- <= sum M_p + D-(K-1,q), so sum D >= 0. Hence
N- <= #{sum D_x >= 0} <= N+, and a cell has at least max_x N- and at most min(size, sum of N+ over the x that are not
negative on the whole cell) wrong sequences.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from .budget import Budget, quotient_steps
from .cells import Cell
from .certificate import Reader
from .errors import Code, Failure
from .exponential import FIRST_BITS, shifted_down, shifted_up
from .margins import Margins
from .rule import Auditor, Count, Derivation, Rule, check_count, read_count
from .shards import in_shards

COLUMN_BITS = 96
FINEST_BITS = 16384
COARSEST_BITS = 4096
MAX_SERIES_BITS = 1 << 26


class Column(NamedTuple):
    """Enclosures of D_x(p,t) in one cell: lower[p][t] <= D- / 2**unit and D+ / 2**unit <= upper[p][t], t <= m.

    Both are exact where exact tables give D = 0. ``unit`` counts in the network's unit of logits. At position K-1 only
    t = q has a meaning.
    """

    lower: list[list[int]]
    upper: list[list[int]]
    unit: int


def column(margins: Margins, q: int, m: int, x: int, unit: int | None = None) -> Column:
    """D_x over the cell, in the given unit or else to 2**-90 of its largest size.

    The weight is in [low, high] * 2**e >= 0, so D lies between low * difference and high * difference. At the last
    position the weights of tokens other than q may be of any size, compared with those that the unit is made for.
    """
    margins.budget.spend((2 if margins.exact else 4) * margins.positions * (m + 1))
    weights, last = margins.token_weights[q], margins.positions - 1
    cells = [
        (p, t, here, weights[t], margins.difference(q, m, x, p, t, -1), margins.difference(q, m, x, p, t, 1))
        for p, here in enumerate(margins.position_weights[q])
        for t in (range(m + 1) if p < last else [q])
    ]
    if unit is None:
        sizes = (here.exponent + w.exponent + d.bit_length() for _, _, here, w, *ds in cells for d in ds if d)
        unit = 2 * FIRST_BITS - COLUMN_BITS + max(sizes, default=0)
    lower, upper = ([[0] * (m + 1) for _ in range(last + 1)] for _ in range(2))
    for p, t, here, w, least, most in cells:
        low, high, shift = here.low * w.low, here.high * w.high, here.exponent + w.exponent - unit
        lower[p][t] = shifted_down((high if least < 0 else low) * least, shift)
        upper[p][t] = shifted_up((low if most < 0 else high) * most, shift)
    return Column(lower, upper, unit)


class Triple(NamedTuple):
    """One entry of the advice: the cell (q, m), the wrong token x, step and maxima in units of 2**exponent."""

    q: int
    m: int
    x: int
    exponent: int
    step: int
    maxima: list[int]


def read_triple(reader: Reader) -> Triple:
    """``[q,m,x,e,"h",["M_0",...]]``."""
    return Triple(*reader.row(*[reader.small] * 4, reader.big, lambda: reader.items(reader.big)))


def read_advice(reader: Reader) -> list[Triple]:
    """The triples."""
    return reader.object(triples=lambda: reader.items(lambda: read_triple(reader)))[0]


def check_shape(triples: Sequence[Triple], margins: Margins) -> None:
    """Tokens in range, q <= m, x != m, ascending without repetition (E230); step positive (E231); K-1 maxima (E232)."""
    before = (-1, -1, -1)
    for index, t in enumerate(triples):
        place = (t.m, t.q, t.x)
        if not (before < place and 0 <= t.q <= t.m and 0 <= t.x != t.m and max(t.m, t.x) < margins.vocabulary):
            raise Failure(Code.E230, index=index, triple=place)
        if t.step <= 0:
            raise Failure(Code.E231, index=index, step=t.step)
        if len(t.maxima) != margins.positions - 1:
            raise Failure(Code.E232, index=index, expected=margins.positions - 1, found=len(t.maxima))
        before = place


def within_bound(costs: Sequence[Sequence[int]], bound: int, index: int, budget: Budget) -> int:
    """#{choices of one cost from each row with sum <= bound}, for costs >= 0.

    T5: T[b] = #{choices from the rows so far with sum <= b} starts as 1 for every b >= 0, and a row replaces it by
    the sum over its costs k of T[b - k]. The numbers T[0] ... T[bound] are fields of one integer; none exceeds
    the number of choices, for which a field has room. Only T[bound] of the last row is needed. E235 beyond 2**26 bits.

    >>> within_bound([[0, 1, 5], [0, 2, 2]], 2, 0, Budget(10))
    4
    """
    choices = 1
    for row in costs:
        choices *= len(row)
    if bound < 0:
        return 0
    if sum(map(max, costs)) <= bound:
        return choices
    field = choices.bit_length()
    bits = field * (bound + 1)
    if bits > MAX_SERIES_BITS:
        raise Failure(Code.E235, index=index, found=bits, limit=MAX_SERIES_BITS)
    budget.spend(sum(map(len, costs)) * (1 + (bits >> 12)))
    table = ones_table(bound + 1, field)
    kept = (1 << bits) - 1
    for row in costs[:-1]:
        table = sum(n * (table << field * k) for k, n in Counter(row).items() if k <= bound) & kept
    one = (1 << field) - 1
    return sum(table >> field * (bound - k) & one for k in costs[-1] if k <= bound)


def ones_table(count: int, field: int) -> int:
    """``count`` fields of 1, by doubling.

    >>> ones_table(5, 4) == 0x11111
    True
    """
    table, have = 1, 1
    while have < count:
        table |= table << field * have
        have *= 2
    return table & ((1 << field * count) - 1)


def reach(cell: Cell, costs: Sequence[Sequence[int]], bound: int, index: int) -> int:
    """The sequences of the cell with sum of costs[p][t_p] <= bound: when q < m, not those without m."""
    budget = cell.margins.budget
    everything = within_bound(costs, bound, index, budget)
    if cell.q == cell.m:
        return everything
    return everything - within_bound([row[: cell.m] for row in costs], bound, index, budget)


def column_for(cell: Cell, triple: Triple, index: int) -> Column:
    """The enclosures of D_x in a unit that divides the triple's; E234 when that is finer than is computed with.

    Far below the triple's unit nothing depends on the digits of D: 2**COARSEST_BITS times as fine is fine enough, and
    wider enclosures are enclosures.
    """
    margins, place = cell.margins, (cell.q, cell.m, triple.x)
    own = column(margins, *place)
    unit, finest = triple.exponent - margins.logit_unit, own.unit - FINEST_BITS
    if unit < finest:
        raise Failure(Code.E234, index=index, exponent=triple.exponent, limit=finest + margins.logit_unit)
    chosen = min(max(unit - COARSEST_BITS, own.unit), unit)
    charge(cell, triple, unit - chosen, own.unit - chosen)
    return own if chosen == own.unit else column(margins, *place, chosen)


def charge(cell: Cell, triple: Triple, coarser: int, finer: int) -> None:
    """What a triple takes whose unit is so many bits coarser, and D's so many finer, than they might be.

    For each token at each free position some sums, and two quotients by the step.
    """
    bits = max(COLUMN_BITS + max(0, finer), max(map(int.bit_length, triple.maxima), default=0) + coarser)
    entries = (cell.m + 1) * cell.free
    quotients = quotient_steps(2 * entries, bits, triple.step.bit_length() + coarser)
    cell.margins.budget.spend(entries * (4 + (bits >> 11)) + quotients)


def count_triple(cell: Cell, triple: Triple, index: int) -> tuple[int, int]:
    """(N-, N+) of one triple; E233 when a maximum is not established, E234 and E235 when it is too fine to compute."""
    lower, upper, unit = column_for(cell, triple, index)
    shift = triple.exponent - cell.margins.logit_unit - unit
    step = triple.step << shift
    tops = [most << shift for most in triple.maxima]
    gaps = ([[most - d for d in row] for most, row in zip(tops, ends, strict=False)] for ends in (upper, lower))
    gaps_up, gaps_down = gaps
    for position, row in enumerate(gaps_up):
        if min(row) < 0:
            raise Failure(Code.E233, index=index, position=position, token=row.index(min(row)))
    costs_up = [[gap // step for gap in row] for row in gaps_up]
    costs_down = [[-(-gap // step) for gap in row] for row in gaps_down]
    bound_up, bound_down = ((sum(tops) + ends[cell.free][cell.q]) // step for ends in (upper, lower))
    most = reach(cell, costs_up, bound_up, index)
    return reach(cell, costs_down, bound_down, index), most


def count_cell(margins: Margins, q: int, m: int, triples: Sequence[tuple[int, Triple]]) -> tuple[int, int]:
    """At least and at most so many sequences of the cell are wrong; a triple of an x that is not open is ignored."""
    size = margins.size(q, m)
    cell = Cell(margins, q, m)
    counts = {triple.x: count_triple(cell, triple, index) for index, triple in triples if triple.x in cell.open}
    least = max((low for low, _ in counts.values()), default=0)
    most = sum(counts[x][1] if x in counts else size for x in cell.open)
    return least, min(size, most)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells: right_high = V^K - sum of the lower bounds, right_low = V^K - sum of the upper ones."""
    margins = auditor.margins_of(derivation.premises[0])
    check_shape(derivation.advice, margins)
    cells = margins.cells
    by_cell: defaultdict[tuple[int, int], list[tuple[int, Triple]]] = defaultdict(list)
    for index, triple in enumerate(derivation.advice):
        by_cell[triple.q, triple.m].append((index, triple))

    def count(item: int) -> tuple[int, int]:
        return count_cell(margins, *cells[item], by_cell[cells[item]])

    least, most = in_shards(count, len(cells), auditor.jobs)
    check_count(derivation, Count(auditor.inputs - most, auditor.inputs - least))


RULE = Rule(
    "generating_function_count/1",
    ("additive_margin",),
    "right_count",
    read_advice,
    read_count,
    check,
    ((("float_margin",), "float_count"),),
)
