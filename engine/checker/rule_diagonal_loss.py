"""``diagonal_loss/1``: the losses of all sequences, from the mechanistic story.

Within a reach, with attention y >= l on m, all logit differences are at most L = b - min(g, l g + (1 - l) o), b what
the direct path and the positions take away (rule_diagonal.py); so a loss is at most log(1 + (V - 1) exp L). The floors
l hold for any reach (rule_story.py); every sequence of a cell (q, m, c) is within m - 1 and has l = 0. The sequence of
m alone has y = 1, and L = b - g.

binomial(K-1,n) (j+1)**n sequences of a cell are within reach j, n = c when q = m, and c - 1 when q < m; layers.py adds
up.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

from .certificate import Reader
from .exponential import shifted_up
from .layers import Reaches, layered, read_reaches
from .logarithm import STEP_BITS, log_one_plus_equal
from .rule import Auditor, Derivation, Rule
from .rule_attention import ALPHA_BITS
from .rule_diagonal import KIND as DIAGONAL
from .rule_diagonal import Rows, Shares, read_row_terms
from .rule_loss_tree import LossSum, check_sum, read_conclusion
from .rule_row_difference import KIND as ROW_DIFFERENCE
from .rule_story import SCORE_GAP, floors
from .shards import in_shards


class Advice(NamedTuple):
    """The common rows, and reaches."""

    rows: Rows
    reaches: Reaches


def read_advice(reader: Reader) -> Advice:
    """``{"direct":t,"positions":t,"reaches":["base64",...]}``."""
    reader.literal("{")
    rows = read_row_terms(reader)
    reader.literal(',"reaches":')
    reaches = read_reaches(reader)
    reader.literal("}")
    return Advice(rows, reaches)


def check(auditor: Auditor, derivation: Derivation) -> None:
    """Adds up the cells; no loss is below 0."""
    vocabulary, positions = auditor.network.vocabulary, auditor.network.positions
    rows, reaches = derivation.advice
    shares = Shares(auditor, derivation, 3, rows)
    known = [floors(auditor, derivation, reach) for reach in reaches]

    def bound(gap: int, unit: int) -> int:
        auditor.budget.spend(32 + vocabulary + shares.size)
        return log_one_plus_equal(shifted_up(gap, unit + STEP_BITS), vocabulary - 1)

    def cell(q: int, m: int, c: int) -> int:
        others = c if q == m else c - 1
        treated = [(j, at.floor(q, m, c)) for at in known if (j := at.reach(q, m, c)) >= 0]
        gaps = [(shares.gap(q, m, j, low), j + 1) for j, low in [(m - 1, 0), *treated]]
        unit, ways = shares.unit - ALPHA_BITS, comb(positions - 1, others)
        return layered((bound(gap, unit), ways * tokens**others) for gap, tokens in gaps)

    def add_up(m: int) -> tuple[int, int]:
        pairs = [(q, c) for q in range(m + 1) for c in range(1, positions)] if m else []
        return 0, bound(shares.alone(m), shares.unit) + sum(cell(q, m, c) for q, c in pairs)

    check_sum(derivation, LossSum(*in_shards(add_up, vocabulary, auditor.jobs)))


PREMISES = ("paths", SCORE_GAP, ROW_DIFFERENCE, DIAGONAL, ROW_DIFFERENCE, ROW_DIFFERENCE)
RULE = Rule("diagonal_loss/1", PREMISES, "loss_sum", read_advice, read_conclusion, check)
