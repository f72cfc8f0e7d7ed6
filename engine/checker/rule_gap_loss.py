"""``gap_loss/1``: the losses of all sequences, from the sub-cubic bounds of logit gaps.

With the parts b_x, r_x, w and g of ``logit_gap/1``, every sequence of a cell (q, m, c) whose tokens other than m are at
most j has logit_x - logit_m <= g + b_x + y r_x + (1 - y) w, y its attention on m. So its loss is at most log(1 + exp
L) with L = g + F(y) + (1 - y) w and F(y) = log of the sum over x of exp(b_x + y r_x), which is convex: L is largest at
an end of the attention range, and F lies below its chords between the y = i/16.

binomial(K-1,n) (j+1)**n sequences of the cell are within reach j, with n = c when q = m, and c - 1 when q < m; they
are added up in layers (layers.py). The sequence that is m throughout has y = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

from .certificate import Reader
from .exponential import shifted_up
from .layers import Reaches, layered, read_reaches
from .logarithm import STEP_BITS, UNIT_BITS, log_one_plus, log_one_plus_equal
from .rule import Auditor, Derivation, Rule
from .rule_attention import ALPHA_BITS, ONE, Ranges, check_reach, require_split
from .rule_gap import Gaps
from .rule_loss_tree import LossSum, check_sum, read_conclusion
from .rule_row_split import KIND as ROW_SPLIT
from .shards import in_shards

CHORD_BITS = 4


def log_sum(values: Sequence[int], unit: int) -> int:
    """An upper bound of log of the sum of exp(v 2**unit), in units of 2**-UNIT_BITS, for at least one value.

    >>> log_sum([0, 0], 0) * 10**12 >> UNIT_BITS
    693147180559
    """
    first, *rest = sorted(values, reverse=True)
    steps = [shifted_up(value - first, unit + STEP_BITS) for value in rest]
    return shifted_up(first, unit + UNIT_BITS) + log_one_plus(steps, 1)


class Target:
    """What all cells of one m share: F between its chords, and w by j, in units of 2**-UNIT_BITS."""

    def __init__(self, gaps: Gaps, m: int) -> None:
        lines, parts = gaps.lines(m), 1 << CHORD_BITS
        self.at = [log_sum([parts * b + i * r for b, r in lines], gaps.unit - CHORD_BITS) for i in range(parts + 1)]
        self.others = [shifted_up(w, gaps.unit + UNIT_BITS) for w in gaps.others(m)]

    def gap(self, j: int, share: int) -> int:
        """F(y) + (1 - y) w for y = share / ONE, in units of 1 / ONE of those of its parts."""
        fine = ALPHA_BITS - CHORD_BITS
        left = min(share >> fine, (1 << CHORD_BITS) - 1)
        below, above = self.at[left], self.at[left + 1]
        chord = (below << fine) + (above - below) * (share - (left << fine))
        return (chord << CHORD_BITS) + (ONE - share) * self.others[j]


def read_advice(reader: Reader) -> Reaches:
    """``{"reaches":["base64",...]}``; E112 for too many."""
    reader.literal('{"reaches":')
    reaches = read_reaches(reader)
    reader.literal("}")
    return reaches


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells; no loss is below 0."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    scores = require_split(auditor, derivation, 1, "EQKE", vocabulary, {1})
    direct = require_split(auditor, derivation, 2, "UU", 1, {1, vocabulary})
    tokens = require_split(auditor, derivation, 3, "EVOU", vocabulary, {1})
    for reach in derivation.advice:
        check_reach(auditor, derivation, reach)
    ranges = Ranges(auditor.margins, scores, ())
    gaps = Gaps(auditor.paths, direct, tokens, auditor.budget)
    free = positions - 1

    def cell(target: Target, q: int, m: int, c: int) -> int:
        noise = shifted_up(gaps.noise_at(q, m), gaps.unit + UNIT_BITS) * ONE
        others = c if q == m else c - 1
        layers = []
        for j in {m - 1, *(reach[(q * vocabulary + m) * positions + c] - 1 for reach in derivation.advice)} - {-1}:
            auditor.budget.spend(16 + gaps.size)
            gap = noise + max(target.gap(j, share) for share in ranges.ends_within(q, m, c, j))
            high = log_one_plus_equal(-(-gap >> ALPHA_BITS + UNIT_BITS - STEP_BITS), 1)
            layers.append((high, comb(free, others) * (j + 1) ** others))
        return layered(layers)

    def add_up(m: int) -> tuple[int, int]:
        auditor.budget.spend(vocabulary * (positions + gaps.size * (m // 16 + 64)))
        target = Target(gaps, m)
        noise = shifted_up(gaps.noise_at(m, m), gaps.unit + UNIT_BITS)
        alone = log_one_plus_equal(-(-(target.at[-1] + noise) >> UNIT_BITS - STEP_BITS), 1)
        pairs = [(q, c) for q in range(m + 1) for c in range(1, positions)] if m else []
        return 0, alone + sum(cell(target, q, m, c) for q, c in pairs)

    _, high = in_shards(add_up, vocabulary, auditor.jobs) if vocabulary > 1 else (0, 0)
    check_sum(derivation, LossSum(0, high))


RULE = Rule("gap_loss/1", ("paths", ROW_SPLIT, ROW_SPLIT, ROW_SPLIT), "loss_sum", read_advice, read_conclusion, check)
