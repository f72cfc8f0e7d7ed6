"""``logit_gap/1`` and ``gap_count/1``: cells in which every sequence within the reach is right, and their number.

For a cell (q, m, c) of reach j and x != m, with UU[q,x] - UU[q,m] <= a[x] - a[m] + g from a split of UU into one row,
and EVOU[k,x] - EVOU[k,m] <= A[k,x] - A[k,m] + e[k] from one of EVOU:

    b_x = a[x] - a[m] + max_p (PVOU[p,x] - PVOU[p,m])        r_x = A[m,x] - A[m,m] + e[m]
    w   = the largest A[k,x] - A[k,m] + e[k], k <= j, x != m.

With attention y on m (the weights add up to one, those of the other tokens to 1 - y) the gap logit_x - logit_m is at
most g + b_x + y r_x + (1 - y) w. The largest such bound over x is convex in y, so over an interval it is largest at an
end; there it is computed exactly. Prover's bounds from anchors or chords lie above it: they serve to be quicker, or to
show what a published bound costs, and are not needed here.

The sequence that is m throughout (q = m, c = 0) is right when UU[m,x] - UU[m,m] + EVOU[m,x] - EVOU[m,m] + max_p
(PVOU[p,x] - PVOU[p,m]) is negative for each x; no split of these tables shows more. A sequence determines its cell;
C(K-1,n) (j+1)^n sequences of the cell are within its reach, with n = c when q = m, and c - 1 when q < m.
"""

from __future__ import annotations

from itertools import accumulate
from math import comb
from typing import NamedTuple

from .budget import Budget
from .certificate import Reader
from .errors import Code, Failure
from .paths import Paths
from .rule import Auditor, Count, Derivation, Rule, check_count, no_advice, read_count
from .rule_attention import KIND as ATTENTION
from .rule_attention import ONE, Ranges, require_split
from .rule_row_split import KIND as ROW_SPLIT
from .rule_row_split import RowSplit
from .shards import in_shards
from .terms import aligned

KIND = "logit_gap"


class Target(NamedTuple):
    """What all cells of one m share: the lines (b_x, r_x) that can be largest, w by j, and whether m alone is right."""

    lines: list[tuple[int, int]]
    others: list[int]
    alone: bool


def highest_lines(lines: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Lines b + y r such that one of them is highest at each y in [0, 1].

    A line that is not above another at 0, and not at 1, is nowhere above it between.

    >>> highest_lines([(0, 0), (1, -3), (-2, 3), (-1, 1)])
    [(1, -3), (0, 0), (-2, 3)]
    """
    kept: list[tuple[int, int]] = []
    top = None
    for b, r in sorted(lines, key=lambda line: (-line[0], -line[1])):
        if top is None or b + r > top:
            kept.append((b, r))
            top = b + r
    return kept


class Gaps:
    """Exact logit parts and splits of them in one unit."""

    def __init__(self, paths: Paths, direct: RowSplit, tokens: RowSplit, budget: Budget) -> None:
        parts, self.unit = aligned(budget, paths.UU, paths.EVOU, paths.PVOU, *direct[1:], *tokens[1:])
        self.own_direct, self.own_tokens, self.positions, (self.common,), self.noise, *others = parts
        self.tokens, self.token_noise = others
        # the largest numbers, in units of 1024 bits
        self.size = 1 + (max(max(map(int.bit_length, row)) for part in parts for row in part) >> 10)

    def noise_at(self, q: int, m: int) -> int:
        """g; one entry may stand for a row."""
        row = self.noise[q]
        return row[m] if m < len(row) else row[-1]

    def lines(self, m: int) -> list[tuple[int, int]]:
        """(b_x, r_x) for every x other than m."""
        outputs = [x for x in range(len(self.common)) if x != m]
        slopes = [self.tokens[m][x] - self.tokens[m][m] + self.token_noise[m][0] for x in outputs]
        base = [self.common[x] - self.common[m] + place for x, place in zip(outputs, self.places(m), strict=True)]
        return list(zip(base, slopes, strict=True))

    def places(self, m: int) -> list[int]:
        """max_p (PVOU[p,x] - PVOU[p,m]) for every x other than m."""
        return [max(row[x] - row[m] for row in self.positions) for x in range(len(self.common)) if x != m]

    def others(self, m: int) -> list[int]:
        """w by j < m, for at least two tokens."""
        rows = zip(self.tokens[:m], self.token_noise, strict=False)
        return list(accumulate((max(row[:m] + row[m + 1 :]) - row[m] + noise for row, (noise,) in rows), max))

    def target(self, m: int) -> Target:
        """The tables of one m."""
        exact = [d + t for d, t in zip(self.own_direct[m], self.own_tokens[m], strict=True)]
        rest = [value for x, value in enumerate(exact) if x != m]
        alone = all(value - exact[m] + place < 0 for value, place in zip(rest, self.places(m), strict=True))
        return Target(highest_lines(self.lines(m)), self.others(m), alone)


def largest_gap(target: Target, j: int, share: int) -> int:
    """max_x b_x + y r_x + (1 - y) w for y = share / ONE, in units of 1 / ONE."""
    return max(b * ONE + r * share for b, r in target.lines) + (ONE - share) * target.others[j]


def read_flag(reader: Reader) -> bool:
    """0 or 1; E110."""
    at = reader.at
    flag = reader.small()
    if flag not in (0, 1):
        raise Failure(Code.E110, at=at, expected="0 or 1", found=flag)
    return flag == 1


def read_certified(reader: Reader) -> int:
    """One bit a cell."""
    reader.literal('{"kind":"logit_gap","certified":')
    certified = reader.mask()
    reader.literal("}")
    return certified


def flags(derivation: Derivation, number: int) -> str:
    """The bits of the conclusion as 0 and 1, cells in the order q, m, c; a bit beyond them is refused."""
    if derivation.conclusion.bit_length() > number:
        raise derivation.differs("the number of cells", derivation.conclusion.bit_length(), number)
    return f"{derivation.conclusion:0{number}b}"


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the gap of every certified cell is negative at both ends of its attention range; E257, E258."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    ranges: Ranges = auditor.found[derivation.premises[0].id]
    direct = require_split(auditor, derivation, 1, "UU", 1, {1, vocabulary})
    tokens = require_split(auditor, derivation, 2, "EVOU", vocabulary, {1})
    certified = flags(derivation, vocabulary**2 * positions)
    auditor.budget.spend(len(certified))
    gaps = Gaps(auditor.paths, direct, tokens, auditor.budget)

    def check_target(m: int) -> tuple[int, int]:
        auditor.budget.spend(vocabulary * (positions + gaps.size * m // 16))
        target = gaps.target(m)
        for q in range(vocabulary):
            start = (q * vocabulary + m) * positions
            for c in range(positions):
                if certified[start + c] == "1":
                    auditor.budget.spend(gaps.size * len(target.lines))
                    if not certain(gaps, ranges, target, (q, m, c)):
                        raise Failure(Code.E258, id=derivation.id, rule=derivation.rule.name, cell=(q, m, c))
        return 0, 0

    in_shards(check_target, vocabulary, auditor.jobs)
    auditor.found[derivation.id] = ranges


def certain(gaps: Gaps, ranges: Ranges, target: Target, cell: tuple[int, int, int]) -> bool:
    """Whether every sequence of the cell within its reach is right; E257 for a cell that is not treated."""
    q, m, c = cell
    if c == 0 and q == m:
        return target.alone
    j = ranges.reach(q, m, c)
    if j < 0:
        raise Failure(Code.E257, cell=cell)
    noise = gaps.noise_at(q, m) * ONE
    return all(noise + largest_gap(target, j, share) < 0 for share in ranges.ends(q, m, c))


def read_all(reader: Reader) -> bool:
    """``{"all":1}``: all j + 1 tokens are counted, else j of them."""
    reader.literal('{"all":')
    everything = read_flag(reader)
    reader.literal("}")
    return everything


def check_gap_count(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the certified cells; nothing is shown wrong, so right_high is V^K."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    (premise,) = derivation.premises
    ranges: Ranges = auditor.found[premise.id]
    free = positions - 1
    low = 0
    for index, flag in enumerate(flags(premise, vocabulary**2 * positions)):
        if flag == "1":
            auditor.budget.spend(positions)
            pair, c = divmod(index, positions)
            q, m = divmod(pair, vocabulary)
            others = c if q == m else c - 1
            low += comb(free, others) * (ranges.reach(q, m, c) + derivation.advice) ** others
    check_count(derivation, Count(low, auditor.inputs))


RULES = (
    Rule(
        "logit_gap/1", (ATTENTION, ROW_SPLIT, ROW_SPLIT, "additive_margin"), KIND, no_advice, read_certified, check
    ),
    Rule("gap_count/1", (KIND,), "right_count", read_all, read_count, check_gap_count),
)
