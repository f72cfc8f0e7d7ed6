"""``rank_one/1`` to ``attention_floor/1``: the mechanistic story, claim by claim, as far as attention goes.

With EQKE[q,i] - EQKE[q,k] <= a[q] (s[i] - s[k]) + g[q] from a split whose A is a column a > 0 times a row s, and two
entries of row q of EQKP at most e[q] apart, a token k <= j at any position weighs at most

    x = exp((a[q] (max s[0..j] - s[m]) + g[q] + e[q]) / sqrt(h))

times what m weighs at any other. So n copies of m against c such tokens have at least n / (n + c x) of the attention.
The proof's table of floors is not needed: each is computed when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from .certificate import Reader
from .dyadic import Matrix, in_units, product
from .errors import Code, Failure
from .exponential import exponential, exponential_steps
from .rule import Auditor, Derivation, Rule, no_advice
from .rule_attention import ONE, PRECISION, check_reach, least_share, read_reach
from .rule_known import known_names
from .rule_row_difference import KIND as ROW_DIFFERENCE
from .rule_row_split import KIND as ROW_SPLIT
from .rule_row_split import RowSplit
from .terms import read_matrix, unequal_row

RANK_ONE, INCREASING, SCORE_GAP, FLOOR = "rank_one", "increasing", "score_gap", "attention_floor"


class Direction(NamedTuple):
    """a and g by query, in one unit for the products a s and for g; s by token."""

    strengths: tuple[int, ...]
    sizes: tuple[int, ...]
    noise: tuple[int, ...]
    unit: int


def read_factors(reader: Reader) -> tuple[Matrix, Matrix]:
    """``{"strength":M,"size":M}``."""
    reader.literal('{"strength":')
    strength = read_matrix(reader)
    reader.literal(',"size":')
    size = read_matrix(reader)
    reader.literal("}")
    return strength, size


def read_table(reader: Reader) -> str:
    """``{"kind":"rank_one","table":"EQKE"}``."""
    reader.literal('{"kind":"rank_one","table":')
    table = reader.word()
    reader.literal("}")
    return table


def check_rank_one(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the split's table is the product, and the column is positive; E270, E271.

    Each query has a strength and a bound of its own: none of the two stands for all.
    """
    (premise,) = derivation.premises
    split: RowSplit = auditor.found[premise.id]
    strength, size = derivation.advice
    fits = strength.shape == split.noise.shape == (auditor.network.vocabulary, 1) and size.shape[0] == 1
    if not fits or unequal_row(product(strength, size, auditor.budget), split.approximation) is not None:
        raise Failure(Code.E270, id=derivation.id, rule=derivation.rule.name, premise=premise.id)
    column = [a for (a,) in strength.rows]
    weak = next((q for q, a in enumerate(column) if a <= 0), None)
    if weak is not None:
        raise Failure(Code.E271, id=derivation.id, rule=derivation.rule.name, query=weak)
    if derivation.conclusion != split.table:
        raise derivation.differs("the table", derivation.conclusion, split.table)
    unit = min(strength.exponent + size.exponent, split.noise.exponent)
    shift = strength.exponent + size.exponent - unit
    (sizes,) = in_units(size, size.exponent - shift)
    noise = tuple(bound for (bound,) in in_units(split.noise, unit))
    auditor.found[derivation.id] = Direction(tuple(column), sizes, noise, unit)


def exceptions(direction: Direction) -> set[int]:
    """The tokens that do not lie above all smaller ones."""
    peaks = accumulate(direction.sizes, max)
    return {t for t, (top, size) in enumerate(zip(peaks, direction.sizes[1:], strict=False), 1) if size <= top}


def read_exceptions(reader: Reader) -> int:
    """``{"kind":"increasing","exceptions":3}``: how many there are."""
    reader.literal('{"kind":"increasing","exceptions":')
    number = reader.small()
    reader.literal("}")
    return number


def check_increasing(auditor: Auditor, derivation: Derivation) -> None:
    """The tokens below a smaller one are counted."""
    direction: Direction = auditor.found[derivation.premises[0].id]
    auditor.budget.spend(1 + len(direction.sizes) // 16)
    own = exceptions(direction)
    if derivation.conclusion != len(own):
        raise derivation.differs("the number of exceptions", derivation.conclusion, len(own))
    auditor.found[derivation.id] = direction


def read_score_gap(reader: Reader) -> None:
    """``{"kind":"score_gap"}``."""
    reader.literal('{"kind":"score_gap"}')


def check_score_gap(auditor: Auditor, derivation: Derivation) -> None:
    """Holds for one direction, of EQKE; E270."""
    rank_one, increasing = derivation.premises
    direction: Direction = auditor.found[rank_one.id]
    if auditor.found[increasing.id] is not direction or rank_one.conclusion != "EQKE":
        raise Failure(Code.E270, id=derivation.id, rule=derivation.rule.name, premise=increasing.id)
    auditor.found[derivation.id] = direction


def same(auditor: Auditor, derivation: Derivation, place: int, term: bytes, table: Matrix) -> None:
    """The term of the premise at this place must be the table; E272."""
    premise = derivation.premises[place]
    value = auditor.terms.value(term, known_names(auditor, premise))
    auditor.budget.spend(1 + value.shape[0] * value.shape[1] // 16)
    row = unequal_row(value, table)
    if row is not None:
        raise Failure(Code.E272, id=derivation.id, rule=derivation.rule.name, premise=premise.id, row=row)


class Floors:
    """The attention floors of one application; ``table`` is the reach, j + 1, and 0 where nothing is treated."""

    def __init__(self, auditor: Auditor, direction: Direction, positions: Matrix, table: Sequence[int]) -> None:
        self.auditor, self.direction, self.table = auditor, direction, table
        self.unit = min(direction.unit, positions.exponent)
        self.shift = direction.unit - self.unit
        self.positions = tuple(bound for (bound,) in in_units(positions, self.unit))
        self.peaks = tuple(accumulate(direction.sizes, max))

    def reach(self, q: int, m: int, c: int) -> int:
        """The largest token other than m of the sequences that are treated, or -1."""
        network = self.auditor.network
        return self.table[(q * network.vocabulary + m) * network.positions + c] - 1

    def floor(self, q: int, m: int, c: int) -> int:
        """A lower bound of the attention on m in a treated cell, in units of 1 / ONE."""
        strengths, sizes, noise, _ = self.direction
        score = strengths[q] * (self.peaks[self.reach(q, m, c)] - sizes[m]) + noise[q]
        score = (score << self.shift) + self.positions[q]
        self.auditor.budget.spend(exponential_steps(PRECISION, score.bit_length()))
        network = self.auditor.network
        x = exponential(score, self.unit, network.head, PRECISION)
        return least_share((network.positions - c) * ONE, c * ONE, x)


def read_cells(reader: Reader) -> int:
    """``{"kind":"attention_floor","cells":3}``."""
    reader.literal('{"kind":"attention_floor","cells":')
    cells = reader.small()
    reader.literal("}")
    return cells


def floors(auditor: Auditor, derivation: Derivation, reach: Sequence[int]) -> Floors:
    """The floors for a reach, from the paths, a score gap and row differences of EQKP, the first three premises.

    E256 and E273 for a cell that does not exist, or of a token that does not lie above all smaller ones; E272.
    """
    direction: Direction = auditor.found[derivation.premises[1].id]
    positions = derivation.premises[2].conclusion
    same(auditor, derivation, 2, positions.term, auditor.paths.EQKP)
    check_reach(auditor, derivation, reach)
    low = exceptions(direction)
    for index in (index for index, entry in enumerate(reach) if entry):
        pair, c = divmod(index, auditor.network.positions)
        q, m = divmod(pair, auditor.network.vocabulary)
        if m in low:
            raise Failure(Code.E273, id=derivation.id, rule=derivation.rule.name, cell=(q, m, c))
    return Floors(auditor, direction, positions.bounds, reach)


def check_floor(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the reach treats only cells that exist, of tokens above all smaller ones; E256, E272, E273."""
    found = floors(auditor, derivation, derivation.advice)
    treated = sum(map(bool, derivation.advice))
    if derivation.conclusion != treated:
        raise derivation.differs("the number of cells", derivation.conclusion, treated)
    auditor.found[derivation.id] = found


RULES = (
    Rule("rank_one/1", (ROW_SPLIT,), RANK_ONE, read_factors, read_table, check_rank_one),
    Rule("increasing/1", (RANK_ONE,), INCREASING, no_advice, read_exceptions, check_increasing),
    Rule("score_gap/1", (RANK_ONE, INCREASING), SCORE_GAP, no_advice, read_score_gap, check_score_gap),
    Rule("attention_floor/1", ("paths", SCORE_GAP, ROW_DIFFERENCE), FLOOR, read_reach, read_cells, check_floor),
)
