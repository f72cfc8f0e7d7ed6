"""``loss_tree/1``, ``cell_losses/1``, ``cell_loss/1``: the losses of all sequences, by sets on which they are bounded.

With D_x and w of S0 (margins.py), logit_x - logit_m = R_x / W, R_x the sum of D_x and W > 0 that of the weights over
the positions: a mean of the L(p,t,x) - L(p,t,m), so it lies between their extremes over the cell, l and g. On a set of
sums.py R_x is at most some R+ and W between some W- and W+; so R_x / W is at most R+ / W- where R+ >= 0, and at most
R+ / W+ where R+ < 0. Alike from below, for -R_x. The loss -log softmax(logits)_m is log(1 + sum over x != m of
exp(logit_x - logit_m)), and increases with each difference.

A tree's leaves partition each cell: sizes times bounds are added up.

Layers of sets n among N bound losses from above. The C(K-1,n) m^n sequences of a cell with n tokens below m have
losses of which at least i_1 are at most u_1, and so on; with all of them at most what follows from g alone they add up
to what ``layered`` says. No loss is below 0.

Numbers of a cell, c_x from below and from above, are tested: logit_x - logit_m is below c_x if the sum of
w (L(p,t,x) - L(p,t,m) - c_x) is negative on the whole cell, and above if that of its negatives is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import comb

from ..certificate import Reader
from ..errors import Code, Failure
from ..exponential import shifted_down, shifted_up
from ..logarithm import LOWEST, STEP_BITS, log_one_plus
from ..relations import LossSum
from ..rule import Auditor, Derivation, Rule, check_enclosure
from ..shards import in_shards
from .counts import Sets, View, over_leaves, read_sets, read_tree, sets_of
from .margins import Margins, Packed
from .sets import Among, Box, Leaf, roots

MOST_LAYERS = 1 << 8
# Bits of weights for the boxes of a tree, whose logits are exact; of logits and weights for sets. What the sequences
# of a set weigh is to be LEAST_BITS of the weights' bits.
TREE_BITS = 96
SET_BITS = 64
LEAST_BITS = 16
NUMBER_BITS = 112
# An entry n > 0 stands for (n - ZERO) / 2**DIFFERENCE_BITS, and 0 for no number.
DIFFERENCE_BITS = 9
ZERO = 1 << 15


def quotients(sums: Sequence[int], light: int, heavy: int, shift: int, caps: Sequence[int]) -> list[int]:
    """Upper bounds of R / W * 2**shift for R <= each sum and light <= W <= heavy, none above its cap.

    >>> quotients([-6, 6, 7], 2, 4, 0, [9, 2, 9])
    [-1, 2, 4]
    """
    up, down = max(shift, 0), max(-shift, 0)
    found = []
    for total, cap in zip(sums, caps, strict=True):
        weight = light if total >= 0 else heavy
        bound = -((-total << up >> down) // weight) if weight > 0 else cap
        found.append(bound if bound < cap else cap)
    return found


class Bounds:
    """Bounds of logit differences on sets of one cell, in steps of 2**-STEP_BITS, by x != m: from above (side 1), and
    of their negatives (-1)."""

    def __init__(self, packed: Packed, q: int, m: int, order: Sequence[int], sides: Sequence[int]) -> None:
        self.packed, self.q, self.m, self.order = packed, q, m, order
        self.sums = {side: packed.sums(q, m, order, side) for side in sides}
        self.light, self.heavy = packed.weights(q, m, order)
        self.caps = caps(packed.margins, q, m)
        self.shift = packed.margins.logit_unit + packed.drop + STEP_BITS

    def steps(self, part: Box | Among, side: int) -> list[int]:
        """Of a set."""
        fields = self.packed.fields(self.sums[side].over(part), self.m)
        return quotients(fields, -self.light.over(part), self.heavy.over(part), self.shift, self.caps[side])

    def loss(self, part: Among, exact: bool) -> int:
        """The largest loss on a set, from above. Each difference is found by exact tests if asked, or where the set
        weighs little beside its cell."""
        if not exact and -self.light.over(part) >> LEAST_BITS:
            return log_one_plus(self.steps(part, 1), 1)
        outputs = (x for x in range(self.packed.margins.vocabulary) if x != self.m)
        return log_one_plus([self.bisected(x, part, cap) for x, cap in zip(outputs, self.caps[1], strict=True)], 1)

    def bisected(self, x: int, part: Among, cap: int) -> int:
        """A number of steps that no difference to x exceeds on the set, the least if that is not far below 0."""
        margins = self.packed.margins
        low, high, finer = min(cap, -LOWEST) - 1, cap, -STEP_BITS - margins.logit_unit
        while high - low > 1:
            middle = (low + high) // 2
            sign = margins.largest_sign(self.q, self.m, x, part, self.order, number=middle << finer)
            low, high = (low, middle) if sign < 0 else (middle, high)
        return high


def caps(margins: Margins, q: int, m: int) -> dict[int, list[int]]:
    """g (side 1) and -l (-1), rounded up to steps, by x != m."""
    shift = margins.logit_unit + STEP_BITS
    direct = [v - margins.direct[q][m] for v in margins.direct[q]]
    ends = zip(direct, margins.extremes(m), strict=True)
    pairs = [(shifted_up(d + g, shift), -shifted_down(d + l, shift)) for x, (d, (l, g)) in enumerate(ends) if x != m]
    return {1: [above for above, _ in pairs], -1: [below for _, below in pairs]}


def lower_and_upper(below: Sequence[int], above: Sequence[int]) -> tuple[int, int]:
    """Bounds of the loss from steps of both sides."""
    return log_one_plus([-k for k in below], 0), log_one_plus(above, 1)


def bounded(packed: Packed, q: int, m: int) -> Callable[[Leaf], tuple[int, int]]:
    """Bounds of the sum of the losses of a leaf's sequences; E227 for a symbol that is neither S nor U."""
    margins = packed.margins
    margins.budget.spend(4 * margins.positions * margins.vocabulary * (m + 1))
    bounds = Bounds(packed, q, m, margins.order(q, m), (1, -1))

    def bound(leaf: Leaf) -> tuple[int, int]:
        if leaf.symbol != "U":
            raise Failure(Code.E227, cell=(q, m), symbol=leaf.index)
        low = high = 0
        for box in leaf.boxes:
            margins.budget.spend(20 + 4 * margins.vocabulary)
            least, most = lower_and_upper(bounds.steps(box, -1), bounds.steps(box, 1))
            low, high = low + box.size(m) * least, high + box.size(m) * most
        return low, high

    return bound


def check_tree(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells of a tree."""
    margins = auditor.of(View).margins
    packed = Packed(margins, None, TREE_BITS)
    check_enclosure(derivation, *over_leaves(auditor, margins, derivation.advice, partial(bounded, packed)))


def layered(layers: Iterable[tuple[int, int]]) -> int:
    """What numbers add up to at most: of each (u, i), at least i of them are at most u; the largest i is their number.

    In ascending order of u, with M_j the largest i of the first j, those from number M_(j-1) on up to M_j are at most
    u_j.

    >>> layered([(5, 2), (1, 1), (9, 4), (7, 2)])
    24
    """
    total = most = 0
    for bound, number in sorted(layers):
        total += max(number - most, 0) * bound
        most = max(number, most)
    return total


def read_layers(reader: Reader) -> list[list[Sets]]:
    """``{"layers":[[...],...]}``: in each layer sets by m; E112 for too many."""
    return reader.object(layers=lambda: reader.items(lambda: read_sets(reader), MOST_LAYERS))[0]


def check_layers(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells; with exact tests of all sets where the others do not show what is stated."""
    margins, layers = auditor.of(View).margins, derivation.advice
    free, packed = margins.positions - 1, Packed(margins, SET_BITS, SET_BITS)

    def add_up(m: int, exact: bool) -> tuple[int, int]:
        found = [sets_of(derivation, margins, layer, m) for layer in layers]
        high = 0
        for q in (q for q in range(m + 1) if margins.size(q, m)):
            margins.budget.spend((free + 1) * (m + 1) * (1 + 4 * packed.words) + 16 * margins.vocabulary)
            bounds = Bounds(packed, q, m, [m, *range(m)], (1,))
            everything = log_one_plus(bounds.caps[1], 1)
            shown = [[(everything, comb(free, n) * m**n)] for n in range(free + 1 - (q < m))]
            for part in (part for sets in found for part in sets[q]):
                entries = len(part.places) + packed.words * (1 + 4 * part.n)
                margins.budget.spend((free + 1) * entries + 4 * margins.vocabulary)
                shown[part.n].append((bounds.loss(part, exact), part.size(m)))
            high += sum(map(layered, shown))
        return 0, high

    for exact in (False, True):
        low, high = in_shards(partial(add_up, exact=exact), margins.vocabulary, auditor.jobs)
        if high <= derivation.conclusion.high:
            break
    check_enclosure(derivation, low, high)


def read_numbers(reader: Reader) -> list[Sequence[int]]:
    """``{"differences":["base64",...]}``, by m."""
    return reader.object(differences=lambda: reader.items(reader.table))[0]


def failing(packed: Packed, q: int, m: int, entries: Sequence[int], side: int) -> int | None:
    """An x whose number is not shown to be above (side 1) or below (-1) all its differences; None if there is none."""
    used = {x + (x >= m): n - ZERO << -DIFFERENCE_BITS - packed.margins.logit_unit for x, n in enumerate(entries) if n}
    if not used:
        return None
    numbers = packed.numbers([side * used.get(x, 0) for x in range(packed.margins.vocabulary)])
    sums = packed.sums(q, m, [m, *range(m)], side, numbers)
    largest = sums.cell(roots(q == m, packed.margins.positions - 1))
    return next((x for x in packed.reaching(largest, m) if x in used), None)


def check_numbers(auditor: Auditor, derivation: Derivation) -> None:
    """Tests every number (E280), and adds up the cells."""
    margins, advice = auditor.of(View).margins, derivation.advice
    others = margins.vocabulary - 1
    if len(advice) != margins.vocabulary:
        raise derivation.differs("the number of tables", len(advice), margins.vocabulary)
    for m, table in enumerate(advice):
        if len(table) != 2 * others * (m + 1):
            raise derivation.differs(f"the size of table {m}", len(table), 2 * others * (m + 1))
    largest = max((abs(n - ZERO) for table in advice for n in table if n), default=0)
    packed = Packed(margins, NUMBER_BITS, NUMBER_BITS, (largest << -DIFFERENCE_BITS - margins.logit_unit).bit_length())

    def add_up(m: int) -> tuple[int, int]:
        margins.budget.spend((m + 1) * (2 * margins.positions * (m + 1) * (1 + 2 * packed.words) + 16 * others))
        low = high = 0
        for q in (q for q in range(m + 1) if margins.size(q, m)):
            ends, steps = caps(margins, q, m), []
            for side, what in ((-1, "lower"), (1, "upper")):
                begin = (2 * q + (side > 0)) * others
                entries = advice[m][begin : begin + others]
                x = failing(packed, q, m, entries, side)
                if x is not None:
                    where = {"id": derivation.id, "rule": derivation.rule.name, "cell": (q, m)}
                    raise Failure(Code.E280, **where, side=what, x=x)
                known = [side * (n - ZERO) << STEP_BITS - DIFFERENCE_BITS for n in entries]
                steps.append([k if n else end for n, k, end in zip(entries, known, ends[side], strict=True)])
            least, most = lower_and_upper(*steps)
            low, high = low + margins.size(q, m) * least, high + margins.size(q, m) * most
        return low, high

    check_enclosure(derivation, *in_shards(add_up, margins.vocabulary, auditor.jobs))


RULES = (
    Rule("loss_tree/1", ("paths",), "loss_sum", read_tree, LossSum.read, check_tree),
    Rule("cell_losses/1", ("paths",), "loss_sum", read_layers, LossSum.read, check_layers),
    Rule("cell_loss/1", ("paths",), "loss_sum", read_numbers, LossSum.read, check_numbers),
)
