"""``cubic_loss/1``: the losses of all sequences, from the test of ``cubic_cells/1`` against thresholds.

With w the weights of S0 (margins.py) and W > 0 their sum, logit_x - logit_m < l if and only if the sum of the D_x minus
l W is negative: the sum over the positions of w (L(p,t,x) - L(p,t,m) - l). So the test of ``cubic_cells/1``, with l
taken off every bound of a difference, shows that logit_x - logit_m < l for all x != m on as many sequences of the cell
as it counts. With g_x the largest L(p,t,x) - L(p,t,m) over all p and t <= m, which no attention exceeds, their losses
are at most log(1 + sum over x of exp(min(l, g_x))), those of all others at most log(1 + sum of exp(g_x)); layers.py
adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from .certificate import Reader
from .exponential import shifted_up
from .layers import MOST_LAYERS, layered
from .logarithm import STEP_BITS, log_one_plus
from .margins import Margins
from .rule import Auditor, Derivation, Rule
from .rule_cubic import Attention, Bounds, attention, count_cell, logit_bounds, without
from .rule_loss_tree import LossSum, check_sum, read_conclusion
from .shards import in_shards


def read_advice(reader: Reader) -> list[int]:
    """``{"thresholds":[-32768,...]}``, in units of 2**-STEP_BITS; E112 for too many."""
    reader.literal('{"thresholds":')
    thresholds = reader.items(reader.small, MOST_LAYERS)
    reader.literal("}")
    return thresholds


def below(bounds: Bounds, shift: int, number: int) -> Bounds:
    """The bounds minus a number, both in units of 2**-shift of theirs.

    >>> below(Bounds([1], [2], 3, 4, [5]), 1, 6).other
    [4]
    """

    def each(values: Sequence[int]) -> list[int]:
        return [(value << shift) - number for value in values]

    maximum, query = each((bounds.maximum, bounds.query))
    return Bounds(each(bounds.on_maximum), each(bounds.on_query), maximum, query, each(bounds.other))


def extremes(margins: Margins, m: int) -> list[tuple[int, int]]:
    """By x != m the least and the largest L(p,t,x) - L(p,t,m) without UU, over all p and all t <= m, exactly."""
    tokens = zip(*(without(row, m) for row in margins.by_token[: m + 1]), strict=True)
    places = zip(*(without(row, m) for row in margins.by_position), strict=True)
    return [(min(a) + min(b), max(a) + max(b)) for a, b in zip(tokens, places, strict=True)]


def bound_cell(
    margins: Margins, here: Attention, bounds: Bounds, cell: tuple[int, int], largest: Sequence[int], advice: list[int]
) -> int:
    """At most so much do the losses of the cell's sequences add up to; ``largest`` by x != m, in steps."""
    size = margins.size(*cell)
    layers = [(log_one_plus(largest, 1), size)]
    shift = max(0, margins.logit_unit + STEP_BITS)
    for threshold in sorted(set(advice)):
        if threshold >= max(largest, default=threshold):
            break
        number = threshold << shift - margins.logit_unit - STEP_BITS
        counted = count_cell(margins, here, below(bounds, shift, number), *cell)
        if counted:
            layers.append((log_one_plus([min(threshold, top) for top in largest], 1), counted))
        if counted == size:
            break
    return layered(layers)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells; no loss is below 0."""
    margins, advice = auditor.margins, derivation.advice
    vocabulary, positions = margins.vocabulary, margins.positions
    bits = max(table.bits for table in (auditor.paths.UU, auditor.paths.EVOU, auditor.paths.PVOU))
    longer = 1 + (bits + max(0, margins.logit_unit) >> 9)
    margins.budget.spend(vocabulary * positions**2)
    attentions = [attention(margins, q) for q in range(vocabulary)]

    def add_up(m: int) -> tuple[int, int]:
        tests = (len(advice) + 1) * (3 * m * positions + 4 * vocabulary + 64)
        margins.budget.spend((m + 1) * (4 * vocabulary + tests) * longer)
        bounds, parts = logit_bounds(margins, m, True), [most for _, most in extremes(margins, m)]
        high = 0
        for q in range(m + 1):
            if margins.size(q, m):
                tops = map(add, without(margins.direct[q], m), parts)
                largest = [shifted_up(top, margins.logit_unit + STEP_BITS) for top in tops]
                high += bound_cell(margins, attentions[q], bounds[q], (q, m), largest, advice)
        return 0, high

    check_sum(derivation, LossSum(*in_shards(add_up, vocabulary, auditor.jobs)))


RULE = Rule("cubic_loss/1", ("paths",), "loss_sum", read_advice, read_conclusion, check)
