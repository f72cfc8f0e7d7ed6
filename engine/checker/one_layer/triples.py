"""``generating_function_count/2``: sequences on which x reaches the right logit, counted on a grid (S2).

With D- <= D <= D+ and a step h > 0, put k+ = ceil(D+/h), k- = floor(D-/h) at the free positions, and b+- =
floor(D+-(K-1,q)/h). If sum D >= 0 then sum k+ >= -D+(K-1,q)/h over the free positions, so sum k+ >= -b+. If sum k- >=
-b- then sum D-/h >= -b- >= -D-(K-1,q)/h, so sum D >= 0. Hence N- <= #{sum D_x >= 0} <= N+, with N+ = #{sum k+ >= -b+}
and N- = #{sum k- >= -b-}, and a cell has at least max_x N- and at most min(size, sum of N+ over the x that are not
negative on the whole cell) wrong sequences. Nearer D+- give no more with N+, and no less with N-.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ..budget import Budget
from ..certificate import Reader
from ..errors import Code, Failure
from ..exponential import FIRST_BITS, shifted_down, shifted_up
from ..rule import Auditor, Count, Derivation, Rule, check_count, read_count
from ..shards import in_shards
from .counts import FLOATS, Cell, margins_of
from .margins import Margins

MAX_SERIES_BITS = 1 << 26


class Triple(NamedTuple):
    """One entry of the advice: the cell (q, m), the wrong token x, and the step 2**exponent."""

    q: int
    m: int
    x: int
    exponent: int


def read_advice(reader: Reader) -> list[Triple]:
    """``{"triples":[[q,m,x,e],...]}``."""
    return reader.object(triples=lambda: reader.items(lambda: Triple(*reader.row(*[reader.small] * 4))))[0]


def check_shape(triples: Sequence[Triple], margins: Margins) -> None:
    """Tokens in range, q <= m, x != m, ascending without repetition; E230."""
    before = (-1, -1, -1)
    for index, t in enumerate(triples):
        place = (t.m, t.q, t.x)
        if not (before < place and 0 <= t.q <= t.m and 0 <= t.x != t.m and max(t.m, t.x) < margins.vocabulary):
            raise Failure(Code.E230, index=index, triple=place)
        before = place


class Ends(NamedTuple):
    """low * 2**exponent <= D- and D+ <= high * 2**exponent; exact where exact tables give D = 0."""

    low: int
    high: int
    exponent: int


def ends(margins: Margins, q: int, m: int, x: int, p: int, t: int) -> Ends:
    """Of D_x(p,t): the weight is positive, so D lies between its ends times the differences."""
    here, token = margins.position_weights[q][p], margins.token_weights[q][t]
    least, most = (margins.difference(q, m, x, p, t, side) for side in (-1, 1))
    light, heavy = here.low * token.low, here.high * token.high
    exponent = here.exponent + token.exponent + margins.logit_unit
    return Ends((heavy if least < 0 else light) * least, (light if most < 0 else heavy) * most, exponent)


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


def reach(cell: Cell, rows: Sequence[Sequence[int]], last: int, index: int) -> int:
    """The sequences of the cell with sum of rows[p][t_p] >= -last: when q < m, not those without m."""
    tops, budget = list(map(max, rows)), cell.margins.budget
    costs = [[top - k for k in row] for top, row in zip(tops, rows, strict=True)]
    everything = within_bound(costs, sum(tops) + last, index, budget)
    if cell.q == cell.m:
        return everything
    return everything - within_bound([row[: cell.m] for row in costs], sum(tops) + last, index, budget)


def count_triple(cell: Cell, triple: Triple, index: int) -> tuple[int, int]:
    """(N-, N+) of one triple; E234 and E235 when it is too fine to compute."""
    margins, place = cell.margins, (cell.q, cell.m, triple.x)
    margins.budget.spend(margins.positions * (cell.m + 1) * (4 + (margins.sharp.width >> 6)))
    table = [[ends(margins, *place, p, t) for t in range(cell.m + 1)] for p in range(cell.free)]
    last = ends(margins, *place, cell.free, cell.q)
    every = (each for row in (*table, [last]) for each in row if each.low or each.high)
    sizes = (max(e.low.bit_length(), e.high.bit_length()) + e.exponent for e in every)
    finest = max(sizes, default=triple.exponent + FIRST_BITS) - FIRST_BITS
    if triple.exponent < finest:
        raise Failure(Code.E234, index=index, exponent=triple.exponent, limit=finest)

    def count(side: int) -> int:
        rounded = shifted_up if side else shifted_down
        rows = [[rounded(e[side], e.exponent - triple.exponent) for e in row] for row in table]
        return reach(cell, rows, shifted_down(last[side], last.exponent - triple.exponent), index)

    return count(0), count(1)


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
    margins = margins_of(auditor, derivation.premises[0])
    check_shape(derivation.advice, margins)
    cells = margins.cells
    by_cell: defaultdict[tuple[int, int], list[tuple[int, Triple]]] = defaultdict(list)
    for index, triple in enumerate(derivation.advice):
        by_cell[triple.q, triple.m].append((index, triple))

    def count(item: int) -> tuple[int, int]:
        return count_cell(margins, *cells[item], by_cell[cells[item]])

    least, most = in_shards(count, len(cells), auditor.jobs)
    check_count(derivation, Count(auditor.inputs - most, auditor.inputs - least))


RULE = Rule("generating_function_count/2", ("additive_margin",), "right_count", read_advice, read_count, check, FLOATS)
