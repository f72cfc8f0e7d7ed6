"""Terms: matrix expressions over the weights and named matrices, evaluated exactly.

A term is kept as its text in the certificate, in prefix form (abstract: N a name, n an integer, t a term):

    ["N"]  ["ones",n]  ["T",t]  ["row",t,n]  ["+",t,t]  ["-",t,t]  ["@",t,t]

``["N"]`` is a weight or a matrix that ``name_matrix/1`` named; ``ones`` is the column of n ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import add, sub
from typing import Any

from .budget import Budget, within
from .certificate import Reader
from .dyadic import Matrix, in_units, matrix, product, transpose
from .errors import Code, Failure

MAX_DEPTH = 64
MAX_TERM = 1 << 16
MAX_EXPONENT = 1 << 20
MAX_HELD_BITS = 1 << 31
# A Python integer with its place in a tuple, besides its digits.
ENTRY_BITS = 320

OPERATIONS = {"ones": "n", "T": "t", "row": "tn", "+": "tt", "-": "tt", "@": "tt"}

Rows = tuple[tuple[int, ...], ...]
# build(text of the term, name or operation, values of its arguments) -> value
Build = Callable[[bytes, str, list[Any]], Any]


def walk(reader: Reader, build: Build, depth: int = 0) -> Any:
    """The value of the term at the cursor, from its parts up; E110, E113."""
    start = reader.at
    if depth == MAX_DEPTH:
        raise Failure(Code.E113, at=start, what=f"deeper than {MAX_DEPTH}")
    reader.literal("[")
    name = reader.word()
    arguments: list[Any] = []
    if not reader.text.startswith(b"]", reader.at):
        for kind in OPERATIONS.get(name, ""):
            reader.literal(",")
            arguments.append(reader.small() if kind == "n" else walk(reader, build, depth + 1))
    reader.literal("]")
    if reader.at - start > MAX_TERM:
        raise Failure(Code.E113, at=start, what=f"longer than {MAX_TERM} bytes")
    return build(reader.text[start : reader.at], name, arguments)


def read_term(reader: Reader) -> bytes:
    """The text of a term; E110, E113."""
    return walk(reader, lambda text, *_: text)


def read_matrix(reader: Reader) -> Matrix:
    """``[rows,columns,exponent,["0x..",...]]``: entries row by row in units of 2**exponent; E110, E111.

    >>> read_matrix(Reader(b'[1,2,-3,["0x1f","-0x2"]]'))
    Matrix(rows=((31, -2),), exponent=-3)
    """
    reader.literal("[")
    height = reader.small()
    reader.literal(",")
    width = reader.small()
    reader.literal(",")
    at = reader.at
    exponent = reader.small()
    if abs(exponent) > MAX_EXPONENT:
        raise Failure(Code.E111, at=at)
    reader.literal(",")
    at = reader.at
    entries = reader.items(reader.big)
    if height < 1 or width < 1 or height * width != len(entries):
        found = f"{len(entries)} of them"
        raise Failure(Code.E110, at=at, expected=f"{height} x {width} entries, at least one", found=found)
    reader.literal("]")
    return matrix((entries[i * width : (i + 1) * width] for i in range(height)), exponent)


def shape_text(a: Matrix) -> str:
    """The shape for messages."""
    return f"{a.shape[0]} x {a.shape[1]}"


def steps(entries: int, bits: int) -> int:
    """What it takes to go through so many numbers of so many bits."""
    return 1 + (entries * (bits + ENTRY_BITS) >> 10)


def alignment(*matrices: Matrix) -> int:
    """What it takes to write matrices in one unit, and go through them."""
    unit = min(a.exponent for a in matrices)
    return sum(steps(len(a.rows) * len(a.rows[0]), a.bits + a.exponent - unit) for a in matrices)


def aligned(budget: Budget, *matrices: Matrix) -> tuple[list[Rows], int]:
    """The entries of matrices in one unit 2**exponent, and the exponent."""
    budget.spend(alignment(*matrices))
    unit = min(a.exponent for a in matrices)
    return [in_units(a, unit) for a in matrices], unit


class Terms:
    """Values of terms over the auditor's weights, remembered, and forgotten together when they grow large."""

    def __init__(self, weights: Mapping[str, Matrix], budget: Budget) -> None:
        self.weights = weights
        self.budget = budget
        # by operation and the identities of its arguments, all of which live at least as long as the entry
        self.values: dict[tuple[Any, ...], Matrix] = {}
        self.held = 0

    def value(self, text: bytes, known: Mapping[str, Matrix]) -> Matrix:
        """The value of a term whose names are weights or in ``known``, matrices that a derivation keeps.

        E251 for another name, E252 when the shapes do not fit, E243 when it grows too large.
        """
        if self.held > MAX_HELD_BITS // 2:
            self.values.clear()
            self.held = 0
        return walk(Reader(text), partial(self._build, known))

    def _build(self, known: Mapping[str, Matrix], text: bytes, name: str, arguments: list[Any]) -> Matrix:
        self.budget.spend(1 + len(text) // 256)
        if not arguments:
            found = self.weights.get(name) or known.get(name)
            if found is None:
                raise Failure(Code.E251, name=name)
            return found
        key = (name, *(a if isinstance(a, int) else id(a) for a in arguments))
        if key not in self.values:
            self.values[key] = self._operation(name, arguments)
        return self.values[key]

    def _hold(self, entries: int, bits: int) -> None:
        """Make room for so many entries, before they are computed."""
        self.budget.spend(steps(entries, bits))
        self.held += entries * (bits + ENTRY_BITS)
        within("the values of terms in bits", self.held, MAX_HELD_BITS)

    def _operation(self, name: str, arguments: list[Any]) -> Matrix:
        first, second = arguments[0], arguments[-1]
        match name:
            case "ones":
                if first < 1:
                    raise Failure(Code.E252, what=f"a column of {first} ones")
                self._hold(first, 1)
                return matrix([[1]] * first, 0)
            case "T":
                self._hold(first.shape[0] * first.shape[1], first.bits)
                return transpose(first)
            case "row":
                if not 0 <= second < first.shape[0]:
                    raise Failure(Code.E252, what=f"row {second} of {shape_text(first)}")
                self._hold(first.shape[1], first.bits)
                return Matrix((first.rows[second],), first.exponent)
            case "@":
                if first.shape[1] != second.shape[0]:
                    raise Failure(Code.E252, what=f"{shape_text(first)} @ {shape_text(second)}")
                bits = first.bits + second.bits + first.shape[1].bit_length()
                self._hold(first.shape[0] * second.shape[1], bits)
                return product(first, second, self.budget)
        if first.shape != second.shape:
            raise Failure(Code.E252, what=f"{shape_text(first)} {name} {shape_text(second)}")
        unit = min(first.exponent, second.exponent)
        bits = 1 + max(a.bits + a.exponent - unit for a in (first, second))
        self._hold(first.shape[0] * first.shape[1], bits)
        (one, other), _ = aligned(self.budget, first, second)
        return matrix((map(add if name == "+" else sub, *rows) for rows in zip(one, other, strict=True)), unit)


def unequal_row(a: Matrix, b: Matrix) -> int | None:
    """The first row in which two matrices differ; E252 when they have other shapes."""
    if a.shape != b.shape:
        raise Failure(Code.E252, what=f"{shape_text(a)} = {shape_text(b)}")
    unit = min(a.exponent, b.exponent)
    pairs = zip(in_units(a, unit), in_units(b, unit), strict=True)
    return next((row for row, (one, other) in enumerate(pairs) if one != other), None)
