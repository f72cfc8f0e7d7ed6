"""``split_along/1``, ``table_itself/1``, ``split_range/1``: a path table within its rows, up to noise.

The conclusion, for T = EQKE, UU or EVOU, and matrices A and g (V x V, or one row of A or column of g for all):

    T[q,i] - T[q,j] <= A[q,i] - A[q,j] + g[q,j]    for all q, i, j.

If T + c 1^T = A + R with a column c, then c cancels within a row, and g may be a bound of R's row differences. For
R = T - 1 a with a row a, R[q,i] - R[q,j] is at most max_k R[q,k] - R[q,j] (``pairs``), max_k R[q,k] - min_k R[q,k]
(``rows``), max R - min R (``all``).
"""

from __future__ import annotations

from operator import sub
from typing import NamedTuple

from .certificate import Reader
from .dyadic import Matrix, matrix, tensor_hash, zeros
from .errors import Code, Failure
from .rule import Auditor, Derivation, Rule
from .rule_known import KIND as KNOWN
from .rule_known import known_names
from .rule_row_difference import KIND as ROW_DIFFERENCE
from .rule_row_difference import value_in_both
from .terms import aligned, read_matrix, read_term, shape_text, steps

KIND = "row_split"
TABLES = ("EQKE", "UU", "EVOU")
NOISES = ("pairs", "rows", "all")


class RowSplit(NamedTuple):
    """T[q,i] - T[q,j] <= approximation[q,i] - approximation[q,j] + noise[q,j]; one row or column may stand for all."""

    table: str
    approximation: Matrix
    noise: Matrix


class Split(NamedTuple):
    """The table, and the text of A."""

    table: str
    approximation: bytes


class CommonRow(NamedTuple):
    """The row a, where it is not zero, and how the rest is bounded."""

    table: str
    row: Matrix | None
    noise: str


class Stated(NamedTuple):
    """The conclusion: the table and the tensor hashes of the two matrices."""

    table: str
    approximation: str
    noise: str


def one_of(reader: Reader, words: tuple[str, ...]) -> str:
    """One of these words; E110."""
    at = reader.at
    word = reader.word()
    if word not in words:
        raise Failure(Code.E110, at=at, expected=" or ".join(words), found=word)
    return word


def read_table(reader: Reader) -> str:
    """``{"table":"EQKE"}``."""
    reader.literal('{"table":')
    table = one_of(reader, TABLES)
    reader.literal("}")
    return table


def read_split(reader: Reader) -> Split:
    """``{"table":"EQKE","approximation":t}``."""
    reader.literal('{"table":')
    table = one_of(reader, TABLES)
    reader.literal(',"approximation":')
    approximation = read_term(reader)
    reader.literal("}")
    return Split(table, approximation)


def read_common_row(reader: Reader) -> CommonRow:
    """``{"table":"UU","row":M,"kind":"pairs"}``; the row may be ``[]``."""
    reader.literal('{"table":')
    table = one_of(reader, TABLES)
    reader.literal(',"row":')
    row = None if absent(reader) else read_matrix(reader)
    reader.literal(',"kind":')
    noise = one_of(reader, NOISES)
    reader.literal("}")
    return CommonRow(table, row, noise)


def absent(reader: Reader) -> bool:
    """Whether ``[]`` stands here; steps over it."""
    empty = reader.text.startswith(b"[]", reader.at)
    if empty:
        reader.literal("[]")
    return empty


def read_conclusion(reader: Reader) -> Stated:
    """The table and two hashes."""
    reader.literal('{"kind":"row_split","table":')
    table = one_of(reader, TABLES)
    reader.literal(',"approximation":')
    approximation = reader.hash()
    reader.literal(',"bounds":')
    noise = reader.hash()
    reader.literal("}")
    return Stated(table, approximation, noise)


def keep(auditor: Auditor, derivation: Derivation, own: RowSplit) -> None:
    """The conclusion must be about the auditor's own matrices; they are kept for what builds on it."""
    for a in own[1:]:
        auditor.budget.spend(2 * steps(len(a.rows) * len(a.rows[0]), a.bits))
    hashes = (tensor_hash(a, a.shape) for a in own[1:])
    whats = ("the table", "the hash of the approximation", "the hash of the bounds")
    for what, stated, mine in zip(whats, derivation.conclusion, (own.table, *hashes), strict=True):
        if stated != mine:
            raise derivation.differs(what, stated, mine)
    auditor.found[derivation.id] = own


def table_of(auditor: Auditor, name: str) -> Matrix:
    """The auditor's own path table."""
    return {"EQKE": auditor.paths.EQKE, "UU": auditor.paths.UU, "EVOU": auditor.paths.EVOU}[name]


def check_along(auditor: Auditor, derivation: Derivation) -> None:
    """Holds when A + R - T is constant in each row, R the premise's term, whose bounds are the noise; E254."""
    table, text = derivation.advice
    known = known_names(auditor, derivation)
    target = table_of(auditor, table)
    approximation = auditor.terms.value(text, known)
    rest = value_in_both(auditor, derivation, derivation.premises[1], known)
    height, width = target.shape
    if rest.shape != target.shape or approximation.shape not in ((1, width), target.shape):
        raise Failure(Code.E252, what=f"{table} = {shape_text(approximation)} + {shape_text(rest)}")
    (whole, cheap, left), _ = aligned(auditor.budget, target, approximation, rest)
    if len(cheap) == 1:
        cheap *= height
    for row, rows in enumerate(zip(cheap, left, whole, strict=True)):
        if len({a + r - t for a, r, t in zip(*rows, strict=True)}) > 1:
            raise Failure(Code.E254, id=derivation.id, rule=derivation.rule.name, row=row, table=table)
    keep(auditor, derivation, RowSplit(table, approximation, derivation.premises[1].conclusion.bounds))


def check_itself(auditor: Auditor, derivation: Derivation) -> None:
    """A table is its own approximation, without noise."""
    table = table_of(auditor, derivation.advice)
    keep(auditor, derivation, RowSplit(derivation.advice, table, zeros(len(table.rows), 1)))


def check_range(auditor: Auditor, derivation: Derivation) -> None:
    """The noise is the exact range of T - 1 a."""
    name, row, noise = derivation.advice
    table = table_of(auditor, name)
    height, width = table.shape
    row = row or zeros(1, width)
    if row.shape != (1, width):
        raise Failure(Code.E252, what=f"{name} - 1 a with a {shape_text(row)}")
    (whole, (common,)), unit = aligned(auditor.budget, table, row)
    rest = [list(map(sub, entries, common)) for entries in whole]
    tops, bottoms = list(map(max, rest)), list(map(min, rest))
    if noise == "pairs":
        bounds = [[top - entry for entry in entries] for top, entries in zip(tops, rest, strict=True)]
    elif noise == "rows":
        bounds = [[top - bottom] for top, bottom in zip(tops, bottoms, strict=True)]
    else:
        bounds = [[max(tops) - min(bottoms)]] * height
    keep(auditor, derivation, RowSplit(name, row, matrix(bounds, unit)))


RULES = (
    Rule("split_along/1", (KNOWN, ROW_DIFFERENCE), KIND, read_split, read_conclusion, check_along),
    Rule("table_itself/1", ("paths",), KIND, read_table, read_conclusion, check_itself),
    Rule("split_range/1", ("paths",), KIND, read_common_row, read_conclusion, check_range),
)
