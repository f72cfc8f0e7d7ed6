"""``cell_losses/1``: the losses of all sequences from above, by sets of sequences.

With R_x the sum of D_x and W > 0 that of the weights over the positions, logit_x - logit_m = R_x / W (S0, margins.py).
On a set of cells.py let R_x be at most E, and W between W- and W+: the difference is at most E / W+ where E is
negative, else at most E / W-; and never more than the largest L(p,t,x) - L(p,t,m) over all p and t <= m, of which it is
a mean. Each loss log(1 + sum over x != m of exp(logit_x - logit_m)) increases with all of them. The C(K-1,n) m^n
sequences of a cell with n tokens below m add up by layers.py, every set a layer; no loss is below 0.

All x are computed at once, packed (packing.py). Differences of logits are rounded up to a unit, y; a weight w lies
between integers v and v + s in a unit of its own, and w y <= v y + s max(0, y): so K s times the largest y of the cell,
if positive, is added to the sum of the v y. Where a set weighs too little for that, beside its cell, floating point
finds a number l for each x: logit_x - logit_m < l where the sum of w (L(p,t,x) - L(p,t,m) - l) is negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from math import comb
from operator import sub

from .cells import Sets, largest_sum, members, read_sets, sets_of, tall_is_negative, tall_rows
from .certificate import Reader
from .exponential import FIRST_BITS, shifted_up
from .layers import MOST_LAYERS, layered
from .logarithm import LOWEST, STEP_BITS, log_one_plus
from .margins import Margins
from .packing import maximum, pack, tops, unpack
from .rule import Auditor, Derivation, Rule
from .rule_loss_tree import WEIGHT_BITS, LossSum, check_sum, logit_range, read_conclusion, weights
from .shards import in_shards

LOGIT_BITS = 64
KEPT_BITS = 96
# What the sequences of a set weigh is to be this many bits of the packed weights.
LEAST_BITS = 16
DROPPED = 2 * FIRST_BITS + WEIGHT_BITS - KEPT_BITS


def read_advice(reader: Reader) -> list[list[Sets]]:
    """``{"layers":[[...],...]}``: in each layer sets by m; E112 for too many."""
    reader.literal('{"layers":')
    layers = reader.items(lambda: reader.items(lambda: read_sets(reader)), MOST_LAYERS)
    reader.literal("}")
    return layers


class Logits:
    """Logit parts in units of 2**unit by rows: rounded down, and rounded up and packed over all x.

    A difference of logits has at most LOGIT_BITS + 3 bits, a sum of its products with weights less than ``width``.
    """

    def __init__(self, margins: Margins) -> None:
        self.margins = margins
        parts = margins.direct, margins.by_token, margins.by_position
        self.drop = max(0, max(max(map(int.bit_length, row)) for part in parts for row in part) - LOGIT_BITS)
        self.width = LOGIT_BITS + 3 + KEPT_BITS + margins.positions.bit_length() + 5
        self.top = tops(margins.vocabulary, self.width)
        self.ones = self.top >> self.width - 1
        self.low = [[[v >> self.drop for v in row] for row in part] for part in parts]
        self.high = [[pack([-(-v >> self.drop) for v in row], self.width) for row in part] for part in parts]

    def against(self, part: int, row: int, m: int) -> int:
        """A row of a part minus its entry m."""
        return self.high[part][row] - self.low[part][row][m] * self.ones


class Cell:
    """One cell that has sequences: terms by p and t, packed over x, and the largest of the first tokens."""

    def __init__(self, logits: Logits, tokens: list[int], places: list[int], q: int, m: int) -> None:
        self.logits, self.q, self.m = logits, q, m
        margins = logits.margins
        self.others = [x for x in range(margins.vocabulary) if x != m]
        largest = [logit_range(margins, q, m, x)[1] for x in self.others]
        self.caps = [shifted_up(end, margins.logit_unit + STEP_BITS) for end in largest]
        light, self.heavy, _ = weights(margins, q, m)
        self.light = [[-w for w in row] for row in light]
        kept = [[w >> DROPPED for w in row] for row in light]
        above = [[w >> DROPPED for w in row] for row in self.heavy]
        spread = 1 + max(map(max, (map(sub, *rows) for rows in zip(above, kept, strict=True))))
        most = (max(0, *largest, 0) >> logits.drop) + 7
        self.room = len(kept) * spread * most
        start = logits.against(0, q, m)
        terms = [
            [w * (start + place + token) for w, token in zip(row, tokens, strict=True)]
            for row, place in zip(kept, places, strict=True)
        ]
        self.terms = terms
        self.firsts = [list(accumulate(row[:m], self.larger)) for row in terms[:-1]]

    def larger(self, first: int, second: int) -> int:
        """The larger one in each field."""
        return maximum(first, (second,), self.logits.top, self.logits.width)

    def sums(self, n: int, tokens: Sequence[int]) -> list[int]:
        """E by x without what rounding may take away."""
        *free, last = self.terms
        held = [row[self.m] for row in free]
        total = last[self.q] + sum(held)
        if n:
            if isinstance(tokens, range):
                best = [row[len(tokens) - 1] for row in self.firsts]
            else:
                best = [reduce(self.larger, [row[t] for t in tokens]) for row in free]
            total += self.largest(list(map(sub, best, held)), n)
        fields = unpack(total, len(self.others) + 1, self.logits.width)
        return fields[: self.m] + fields[self.m + 1 :]

    def largest(self, vectors: Sequence[int], n: int) -> int:
        """The sum of the n largest, field by field: each vector takes its place in a descending list."""
        if n == len(vectors):
            return sum(vectors)
        kept: list[int] = []
        for vector in vectors:
            for place, other in enumerate(kept):
                kept[place] = self.larger(other, vector)
                vector = other + vector - kept[place]
            if len(kept) < n:
                kept.append(vector)
        return sum(kept)

    def loss(self, n: int, tokens: Sequence[int]) -> int:
        """The largest loss on the set, from above, in units of 2**-UNIT_BITS."""
        margins, q, m = self.logits.margins, self.q, self.m
        heaviest = largest_sum(self.heavy, q, m, n, tokens)
        lightest = -largest_sum(self.light, q, m, n, tokens)
        if not lightest >> DROPPED + LEAST_BITS:
            return log_one_plus(
                [self.bisected(x, n, tokens, cap) for x, cap in zip(self.others, self.caps, strict=True)], 1
            )
        shift = margins.logit_unit + self.logits.drop + DROPPED + STEP_BITS
        steps: list[int] = []
        for total, cap in zip(self.sums(n, tokens), self.caps, strict=True):
            most = shifted_up(total + self.room, shift)
            steps.append(min(cap, -(-most // (heaviest if most < 0 else lightest))))
        return log_one_plus(steps, 1)

    def bisected(self, x: int, n: int, tokens: Sequence[int], cap: int) -> int:
        """A number of steps that no difference to x exceeds on the set, close to the least."""
        margins, q, m = self.logits.margins, self.q, self.m
        low, high = min(cap, -LOWEST) - 1, cap
        while high - low > 1:
            middle = (low + high) // 2
            rows = tall_rows(margins, q, m, x, middle, STEP_BITS)
            below = tall_is_negative(margins.budget, rows, q, m, n, tokens)
            low, high = (low, middle) if below else (middle, high)
        return high


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells."""
    margins, layers = auditor.margins, derivation.advice
    vocabulary, free = margins.vocabulary, margins.positions - 1
    for layer in layers:
        if len(layer) != vocabulary:
            raise derivation.differs("the number of tables", len(layer), vocabulary)
    logits = Logits(margins)
    words = 1 + (vocabulary * logits.width >> 12)

    def add_up(m: int) -> tuple[int, int]:
        found = [sets_of(derivation, margins, layer[m], m) for layer in layers]
        tokens = [logits.against(1, t, m) for t in range(m + 1)]
        places = [logits.against(2, p, m) for p in range(free + 1)]
        high = 0
        for q in range(m + 1):
            if margins.size(q, m):
                margins.budget.spend((free + 1) * (m + 1) * (1 + 4 * words) + 16 * vocabulary)
                cell = Cell(logits, tokens, places, q, m)
                everything = log_one_plus(cell.caps, 1)
                shown = [[(everything, comb(free, n) * m**n)] for n in range(free + 1 - (q < m))]
                for sets in found:
                    for n, some in sets[q]:
                        margins.budget.spend((free + 1) * (len(some) + words * (1 + 4 * n)) + 4 * vocabulary)
                        shown[n].append((cell.loss(n, some), members(free, n, some)))
                high += sum(map(layered, shown))
        return 0, high

    check_sum(derivation, LossSum(*in_shards(add_up, vocabulary, auditor.jobs)))


RULE = Rule("cell_losses/1", ("paths",), "loss_sum", read_advice, read_conclusion, check)
