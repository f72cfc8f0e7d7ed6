"""``rank_one/1`` to ``diagonal_gap/1``: the mechanistic story, claim by claim.

With EQKE[q,i] - EQKE[q,k] <= a[q] (s[i] - s[k]) + g[q] from a split whose A is a column a > 0 times a row s, and two
entries of row q of EQKP at most e[q] apart, a token k <= j at any position weighs at most

    x = exp((a[q] (max s[0..j] - s[m]) + g[q] + e[q]) / sqrt(h))

times what m weighs at any other. So n copies of m against c such tokens have at least n / (n + c x) of the attention.
The proof's table of floors is not needed: each is computed when it is asked for.

Attention adds up to one; so a row u may move from UU to each row of EVOU, and another one, w, from each row of PVOU.
Let M = EVOU + 1 (u + w) give output m at least g more than others in row m, and at least o in the rows k <= j. With
attention y >= l on m that is at least y g + (1 - y) o, and so at least min(g, l g + (1 - l) o). The rows of UU - 1 u
and of PVOU - 1 w take away at most their row differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from .certificate import Reader
from .dyadic import Matrix, in_units, plus_row, product
from .errors import Code, Failure
from .exponential import exponential
from .rule import Auditor, Derivation, Rule, no_advice
from .rule_attention import ONE, PRECISION, least_share, read_reach
from .rule_gap import KIND as GAP
from .rule_gap import flags, read_certified
from .rule_known import KIND as KNOWN
from .rule_known import known_names
from .rule_row_difference import KIND as ROW_DIFFERENCE
from .rule_row_split import KIND as ROW_SPLIT
from .rule_row_split import RowSplit, absent
from .terms import read_matrix, read_term, shape_text, unequal_row

RANK_ONE, INCREASING, SCORE_GAP, FLOOR, DIAGONAL = (
    "rank_one",
    "increasing",
    "score_gap",
    "attention_floor",
    "diagonal",
)


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
    """Holds when the split's table is the product, and the column is positive; E270, E271."""
    (premise,) = derivation.premises
    split: RowSplit = auditor.found[premise.id]
    strength, size = derivation.advice
    fits = strength.shape[1] == size.shape[0] == split.noise.shape[1] == 1
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
        self.auditor.budget.spend(64)
        strengths, sizes, noise, _ = self.direction
        score = strengths[q] * (self.peaks[self.reach(q, m, c)] - sizes[m]) + noise[q]
        network = self.auditor.network
        x = exponential((score << self.shift) + self.positions[q], self.unit, network.head, PRECISION)
        return least_share((network.positions - c) * ONE, c * ONE, x)


def read_cells(reader: Reader) -> int:
    """``{"kind":"attention_floor","cells":3}``."""
    reader.literal('{"kind":"attention_floor","cells":')
    cells = reader.small()
    reader.literal("}")
    return cells


def check_floor(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the reach treats only cells that exist, of tokens above all smaller ones; E256, E272, E273."""
    direction: Direction = auditor.found[derivation.premises[1].id]
    positions, table = derivation.premises[2], derivation.advice
    same(auditor, derivation, 2, positions.conclusion.term, auditor.paths.EQKP)
    vocabulary, length = auditor.network.vocabulary, auditor.network.positions
    if len(table) != vocabulary**2 * length:
        raise derivation.differs("the size of the reach", len(table), vocabulary**2 * length)
    auditor.budget.spend(len(table))
    low = exceptions(direction)
    treated = [index for index, entry in enumerate(table) if entry]
    for index in treated:
        pair, c = divmod(index, length)
        q, m = divmod(pair, vocabulary)
        j = table[index] - 1
        cell = (q, m, c)
        if not (c and j < m and (q == m or q <= j)):
            raise Failure(Code.E256, id=derivation.id, rule=derivation.rule.name, cell=cell, reach=j)
        if m in low:
            raise Failure(Code.E273, id=derivation.id, rule=derivation.rule.name, cell=cell)
    if derivation.conclusion != len(treated):
        raise derivation.differs("the number of cells", derivation.conclusion, len(treated))
    auditor.found[derivation.id] = Floors(auditor, direction, positions.conclusion.bounds, table)


class Stated(NamedTuple):
    """The term, and the margin of the diagonal entry by row."""

    term: bytes
    margins: Matrix


class Diagonal(NamedTuple):
    """By output m: the margin of row m, and the least of the rows up to j, in one unit."""

    own: tuple[int, ...]
    others: list[list[int]]
    unit: int


def read_diagonal(reader: Reader) -> Stated:
    """``{"kind":"diagonal","term":t,"margins":M}``."""
    reader.literal('{"kind":"diagonal","term":')
    term = read_term(reader)
    reader.literal(',"margins":')
    margins = read_matrix(reader)
    reader.literal("}")
    return Stated(term, margins)


def check_diagonal(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when no margin is larger than the auditor's own; E252 unless the table is square."""
    term, margins = derivation.conclusion
    value = auditor.terms.value(term, known_names(auditor, derivation))
    size = len(value.rows)
    if size < 2 or value.shape != (size, size):
        raise Failure(Code.E252, what=f"the diagonal of {shape_text(value)}")
    auditor.budget.spend(size * size)
    tops = [sorted(row)[-2:] for row in value.rows]
    each = [
        [row[m] - (second if row[m] == first else first) for row, (second, first) in zip(value.rows, tops, strict=True)]
        for m in range(size)
    ]
    own = matrix_of([row[m] for m, row in enumerate(each)], value.exponent)
    if margins.shape != own.shape:
        raise derivation.differs("the shape of the margins", shape_text(margins), shape_text(own))
    unit = min(margins.exponent, own.exponent)
    pairs = zip(in_units(margins, unit), in_units(own, unit), strict=True)
    for row, ((stated,), (mine,)) in enumerate(pairs):
        if stated > mine:
            raise derivation.differs(f"the margin of row {row}", stated, mine)
    others = [list(accumulate(row, min)) for row in each]
    auditor.found[derivation.id] = Diagonal(tuple(a for (a,) in own.rows), others, value.exponent)


def matrix_of(column: Sequence[int], exponent: int) -> Matrix:
    """A column."""
    return Matrix(tuple((entry,) for entry in column), exponent)


def read_rows(reader: Reader) -> tuple[bytes | None, bytes | None]:
    """``{"direct":t,"positions":t}``; each may be ``[]``."""
    reader.literal('{"direct":')
    direct = None if absent(reader) else read_term(reader)
    reader.literal(',"positions":')
    positions = None if absent(reader) else read_term(reader)
    reader.literal("}")
    return direct, positions


def negative(row: Matrix) -> Matrix:
    """-row."""
    return Matrix(tuple(tuple(-entry for entry in entries) for entries in row.rows), row.exponent)


def check_gap(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when the margin of every certified cell is larger than what the rest takes away; E257, E258, E272."""
    floors: Floors = auditor.found[derivation.premises[0].id]
    diagonal: Diagonal = auditor.found[derivation.premises[1].id]
    direct, positions = (premise.conclusion for premise in derivation.premises[2:])
    check_parts(auditor, derivation)
    parts = (direct.bounds, positions.bounds)
    unit = min(diagonal.unit, *(part.exponent for part in parts))
    noise, most = ([bound for (bound,) in in_units(part, unit)] for part in parts)
    against = [bound + max(most) for bound in noise]
    shift = diagonal.unit - unit
    vocabulary, length = auditor.network.vocabulary, auditor.network.positions
    certified = flags(derivation, vocabulary**2 * length)
    auditor.budget.spend(len(certified))
    for index, flag in enumerate(certified):
        if flag == "1":
            pair, c = divmod(index, length)
            q, m = divmod(pair, vocabulary)
            if margin(floors, diagonal, (q, m, c)) << shift <= against[q] * ONE:
                raise Failure(Code.E258, id=derivation.id, rule=derivation.rule.name, cell=(q, m, c))
    auditor.found[derivation.id] = floors


def check_parts(auditor: Auditor, derivation: Derivation) -> None:
    """The three terms must be the path matrices with the common rows moved; E272."""
    _, diagonal, direct, positions = (premise.conclusion for premise in derivation.premises)
    known = known_names(auditor, derivation.premises[1])
    paths = auditor.paths
    tables = [paths.EVOU, paths.UU, paths.PVOU]
    for place, term in enumerate(derivation.advice, 1):
        if term is not None:
            row = auditor.terms.value(term, known)
            if row.shape != (1, auditor.network.vocabulary):
                raise Failure(Code.E252, what=f"a common row of {shape_text(row)}")
            tables[0] = plus_row(tables[0], row)
            tables[place] = plus_row(tables[place], negative(row))
    for place, (stated, table) in enumerate(zip((diagonal, direct, positions), tables, strict=True), 1):
        same(auditor, derivation, place, stated.term, table)


def margin(floors: Floors, diagonal: Diagonal, cell: tuple[int, int, int]) -> int:
    """At least how much more m gets than any other output, in units of 1 / ONE; E257 for a cell that is not treated."""
    q, m, c = cell
    own = diagonal.own[m] * ONE
    if c == 0 and q == m:
        return own
    j = floors.reach(q, m, c)
    if j < 0:
        raise Failure(Code.E257, cell=cell)
    low = floors.floor(q, m, c)
    return min(own, diagonal.own[m] * low + diagonal.others[m][j] * (ONE - low))


RULES = (
    Rule("rank_one/1", (ROW_SPLIT,), RANK_ONE, read_factors, read_table, check_rank_one),
    Rule("increasing/1", (RANK_ONE,), INCREASING, no_advice, read_exceptions, check_increasing),
    Rule("score_gap/1", (RANK_ONE, INCREASING), SCORE_GAP, no_advice, read_score_gap, check_score_gap),
    Rule("attention_floor/1", ("paths", SCORE_GAP, ROW_DIFFERENCE), FLOOR, read_reach, read_cells, check_floor),
    Rule("diagonal/1", (KNOWN,), DIAGONAL, no_advice, read_diagonal, check_diagonal),
    Rule(
        "diagonal_gap/1", (FLOOR, DIAGONAL, ROW_DIFFERENCE, ROW_DIFFERENCE), GAP, read_rows, read_certified, check_gap
    ),
)
