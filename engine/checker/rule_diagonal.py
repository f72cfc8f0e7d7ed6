"""``diagonal/1`` and ``diagonal_gap/1``: the rest of the story, copying under enough attention.

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
from .dyadic import Matrix, in_units, matrix, plus_row
from .errors import Code, Failure
from .rule import Auditor, Derivation, Rule, no_advice
from .rule_attention import ONE
from .rule_gap import KIND as GAP
from .rule_gap import flags, read_certified
from .rule_known import KIND as KNOWN
from .rule_known import known_names
from .rule_row_difference import KIND as ROW_DIFFERENCE
from .rule_row_split import absent
from .rule_story import FLOOR, Floors, same
from .terms import aligned, read_matrix, read_term, shape_text

KIND = "diagonal"


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


Rows = tuple[bytes | None, bytes | None]


def read_row_terms(reader: Reader) -> Rows:
    """``"direct":t,"positions":t``; each may be ``[]``."""
    reader.literal('"direct":')
    direct = None if absent(reader) else read_term(reader)
    reader.literal(',"positions":')
    return direct, None if absent(reader) else read_term(reader)


def read_rows(reader: Reader) -> Rows:
    """``{"direct":t,"positions":t}``."""
    reader.literal("{")
    rows = read_row_terms(reader)
    reader.literal("}")
    return rows


def negative(row: Matrix) -> Matrix:
    """-row."""
    return Matrix(tuple(tuple(-entry for entry in entries) for entries in row.rows), row.exponent)


class Shares:
    """What the diagonal gives and the others take away, in units of 2**unit, from three premises of a derivation.

    They are the diagonal of EVOU + 1 (u + w), the row differences of UU - 1 u and of PVOU - 1 w, one after the other
    from a place on, with the rows u and w given; E272 when their terms have other values.
    """

    def __init__(self, auditor: Auditor, derivation: Derivation, place: int, rows: Rows) -> None:
        premise = derivation.premises[place]
        self.check_terms(auditor, derivation, place, rows)
        own, others, unit = auditor.found[premise.id]
        bounds = (claim.conclusion.bounds for claim in derivation.premises[place + 1 : place + 3])
        parts, self.unit = aligned(auditor.budget, matrix([own], unit), matrix(others, unit), *bounds)
        (self.own,), self.others, noise, positions = parts
        most = max(bound for (bound,) in positions)
        self.against = [bound + most for (bound,) in noise]
        # the largest numbers, in units of 1024 bits
        self.size = 1 + (max(max(map(int.bit_length, row)) for part in parts for row in part) >> 10)

    @staticmethod
    def check_terms(auditor: Auditor, derivation: Derivation, place: int, rows: Rows) -> None:
        """The three terms must be the path matrices with the common rows moved; E272."""
        known = known_names(auditor, derivation.premises[place])
        paths = auditor.paths
        tables = [paths.EVOU, paths.UU, paths.PVOU]
        for index, term in enumerate(rows, 1):
            if term is not None:
                row = auditor.terms.value(term, known)
                if row.shape != (1, auditor.network.vocabulary):
                    raise Failure(Code.E252, what=f"a common row of {shape_text(row)}")
                tables[0] = plus_row(tables[0], row)
                tables[index] = plus_row(tables[index], negative(row))
        for index, table in enumerate(tables, place):
            same(auditor, derivation, index, derivation.premises[index].conclusion.term, table)

    def alone(self, m: int) -> int:
        """At most so large are the logit differences on the sequence of m throughout."""
        return self.against[m] - self.own[m]

    def gap(self, q: int, m: int, j: int, low: int) -> int:
        """The same for query q, other tokens up to j, and attention of at least low / ONE on m; in units of 1 / ONE."""
        own = self.own[m]
        return self.against[q] * ONE - min(own * ONE, own * low + self.others[m][j] * (ONE - low))


def check_gap(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when logit differences are negative in every certified cell; E257, E258, E272."""
    floors: Floors = auditor.found[derivation.premises[0].id]
    shares = Shares(auditor, derivation, 1, derivation.advice)
    vocabulary, length = auditor.network.vocabulary, auditor.network.positions
    certified = flags(derivation, vocabulary**2 * length)
    auditor.budget.spend(len(certified))
    for index, flag in enumerate(certified):
        if flag == "1":
            pair, c = divmod(index, length)
            q, m = divmod(pair, vocabulary)
            auditor.budget.spend(shares.size)
            if largest_gap(floors, shares, (q, m, c)) >= 0:
                raise Failure(Code.E258, id=derivation.id, rule=derivation.rule.name, cell=(q, m, c))
    auditor.found[derivation.id] = floors


def largest_gap(floors: Floors, shares: Shares, cell: tuple[int, int, int]) -> int:
    """At most so large are the logit differences in a cell, in units of 1 / ONE; E257 for one that is not treated."""
    q, m, c = cell
    if c == 0 and q == m:
        return shares.alone(m) * ONE
    j = floors.reach(q, m, c)
    if j < 0:
        raise Failure(Code.E257, cell=cell)
    return shares.gap(q, m, j, floors.floor(q, m, c))


RULES = (
    Rule("diagonal/1", (KNOWN,), KIND, no_advice, read_diagonal, check_diagonal),
    Rule("diagonal_gap/1", (FLOOR, KIND, ROW_DIFFERENCE, ROW_DIFFERENCE), GAP, read_rows, read_certified, check_gap),
)
