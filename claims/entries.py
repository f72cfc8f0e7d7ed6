"""Functions of the entries of matrices: comparisons as values, places, order statistics, lists.

What increases with every entry is enclosed by its values at the lower and at the upper ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate

from flint import nmod_mat

from ..engine.arithmetic.verdict import Verdict
from .context import Binding, Context, Open
from .errors import TooLarge, WrongArguments
from .function import Function, Values, of_one
from .intervals import IntervalMatrix
from .tree import Call

MAX_LENGTH = 1 << 20
_TRUTHS = {Verdict.TRUE: (1, 1), Verdict.FALSE: (0, 0), Verdict.UNDECIDED: (0, 1)}


def _between(shape: tuple[int, int], ends: Sequence[tuple[int, int]]) -> IntervalMatrix:
    """Whole numbers between these ends."""
    return IntervalMatrix.between(shape, [low for low, _ in ends], [high for _, high in ends], Fraction(1))


def compared(relation: str, a: IntervalMatrix, b: IntervalMatrix) -> IntervalMatrix:
    """1 where a is so to b, 0 where it is not, between them where that is not known."""
    difference = a - b
    ends = [_TRUTHS[verdict] for verdict in difference.compare(relation)]
    return _between(difference.shape, ends)


def _extreme(pick: Callable[..., int]) -> Callable[[Context, Call, Values, Binding], IntervalMatrix]:
    """The larger or smaller of two, entry by entry."""

    def of_two(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
        a, b = values[0].alike(values[1])
        return IntervalMatrix.between(a.shape, map(pick, a.lower, b.lower), map(pick, a.upper, b.upper), a.scale)

    return of_two


def _relation(relation: str) -> Callable[[Context, Call, Values, Binding], IntervalMatrix]:
    return lambda context, call, values, binding: compared(relation, values[0], values[1])


def row_argmax(matrix: IntervalMatrix) -> IntervalMatrix:
    """The place of the largest entry of each row, the first of equal ones; between the first and the last that may be
    it where that is not known."""
    ends = []
    for i in range(matrix.shape[0]):
        row = matrix.row(i)
        most = max(row.lower)
        if row.exact:
            ends.append((row.lower.index(most),) * 2)
            continue
        places = [place for place, high in enumerate(row.upper) if high >= most]
        # what is certainly as large as anything comes before all that can only tie with it
        first = next((p for p in places if row.lower[p] >= max(row.upper)), places[-1])
        ends.append((places[0], first))
    return _between((matrix.shape[0], 1), ends)


def _sorted_rows(matrix: IntervalMatrix) -> IntervalMatrix:
    return _by_rows(matrix, sorted)


def _by_rows(matrix: IntervalMatrix, build: Callable[[Sequence[int]], Sequence[int]]) -> IntervalMatrix:
    """What is built of each row and increases with each of its entries."""
    rows, columns = matrix.shape

    def built(entries: tuple[int, ...]) -> list[Sequence[int]]:
        return [build(entries[i * columns : (i + 1) * columns]) for i in range(rows)]

    lower = built(matrix.lower)
    upper = lower if matrix.exact else built(matrix.upper)
    low, high = (tuple(entry for row in part for entry in row) for part in (lower, upper))
    return IntervalMatrix.between((rows, len(lower[0])), low, high, matrix.scale)


def quantile_of_rows(matrix: IntervalMatrix, at: Fraction) -> IntervalMatrix:
    """Of each row, between its order statistics at (n - 1)·at, linearly (numpy's default)."""
    place = (matrix.shape[1] - 1) * at
    low = place.numerator // place.denominator
    part = place - low
    above = min(low + 1, matrix.shape[1] - 1)

    def build(row: Sequence[int]) -> list[int]:
        ordered = sorted(row)
        return [ordered[low] * (part.denominator - part.numerator) + ordered[above] * part.numerator]

    found = _by_rows(matrix, build)
    return IntervalMatrix(found.shape, found.lower, found.upper, matrix.scale * Fraction(1, part.denominator))


def _quantile(*, rows: bool) -> Callable[[Context, Call, Values, Binding], IntervalMatrix]:
    def of_values(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
        matrix, at = values
        low, _ = at.bounds()
        if at.shape != (1, 1) or not at.exact or not 0 <= low <= 1:
            raise WrongArguments(
                call.column, call.function, "a matrix and a number from 0 to 1", str(call.arguments[1])
            )
        return quantile_of_rows(matrix if rows else matrix.flat(), low)

    return of_values


def _lower_median(matrix: IntervalMatrix) -> IntervalMatrix:
    row = matrix.flat()
    return _by_rows(row, lambda entries: [sorted(entries)[(len(entries) - 1) // 2]])


def _diff(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,) = values
    rows, columns = matrix.shape
    if columns < 2:
        raise WrongArguments(call.column, "diff", "two columns or more", str(columns))
    return matrix.block(range(rows), range(1, columns)) - matrix.block(range(rows), range(columns - 1))


def _off_diagonal(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,) = values
    rows, columns = matrix.shape
    places = [i * columns + j for i in range(rows) for j in range(columns) if i != j]
    if not places:
        raise WrongArguments(
            call.column, "off_diagonal", "a matrix with entries off its diagonal", f"{rows} × {columns}"
        )
    flat = matrix.flat()
    lower = tuple(flat.lower[place] for place in places)
    upper = lower if matrix.exact else tuple(flat.upper[place] for place in places)
    return IntervalMatrix((1, len(places)), lower, upper, matrix.scale)


def _integers(call: Call, values: Values) -> list[int]:
    found = []
    for value, argument in zip(values, call.arguments, strict=True):
        low, _ = value.bounds()
        if value.shape != (1, 1) or not value.exact or low.denominator != 1:
            raise WrongArguments(call.column, call.function, "whole numbers", str(argument))
        found.append(low.numerator)
    return found


def _arange(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    first, last = _integers(call, values)
    if last <= first:
        raise WrongArguments(call.column, "arange", "a first number below the last", f"{first} and {last}")
    if last - first > MAX_LENGTH:
        raise TooLarge(call.column, f"a list of {last - first} numbers", f"{MAX_LENGTH}")
    return IntervalMatrix.exactly((1, last - first), range(first, last), Fraction(1))


def _row(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    for value, argument in zip(values, call.arguments, strict=True):
        if value.shape != (1, 1):
            found = f"{argument} with {value.shape[0]} × {value.shape[1]}"
            raise WrongArguments(call.column, "a list", "numbers", found)
    return IntervalMatrix.column([value.bounds() for value in values]).T


def _size(pick: Callable[[tuple[int, int]], int]) -> Callable[[IntervalMatrix], IntervalMatrix]:
    return lambda matrix: IntervalMatrix.number(Fraction(pick(matrix.shape)))


# A minor that is not 0 modulo a prime is not 0: the rank modulo a prime is a lower bound of the rank.
PRIME = (1 << 61) - 1
# Exact elimination of larger matrices takes too long; their rank lies between that bound and the smaller side.
MAX_ELIMINATED = 300


def _rank(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,) = values
    if not matrix.exact:
        raise Open(f"the rank of {call.arguments[0]}, which is only enclosed; write rank(…, atol=…)", hopeless=True)
    most, numerators = min(matrix.shape), matrix.numerators()
    least = nmod_mat(numerators, PRIME).rank()
    if least == most or most > MAX_ELIMINATED:
        return IntervalMatrix.interval(Fraction(least), Fraction(most))
    return IntervalMatrix.number(Fraction(int(numerators.rank())))


def _sign(matrix: IntervalMatrix) -> IntervalMatrix:
    def sign(number: int) -> int:
        return (number > 0) - (number < 0)

    return IntervalMatrix.between(matrix.shape, map(sign, matrix.lower), map(sign, matrix.upper), Fraction(1))


ENTRIES: dict[str, Function] = {
    "less": Function(
        2, "two matrices", "1 where the first is smaller, else 0; written (A < B)", _relation("<"), "both"
    ),
    "less_equal": Function(
        2, "two matrices", "1 where the first is not larger; written (A <= B)", _relation("<="), "both"
    ),
    "equal": Function(2, "two matrices", "1 where they are equal; written (A == B)", _relation("="), "both"),
    "maximum": Function(2, "two matrices", "the larger, entry by entry", _extreme(max), "both"),
    "minimum": Function(2, "two matrices", "the smaller, entry by entry", _extreme(min), "both"),
    "argmax": of_one(
        lambda m: row_argmax(m.flat()), "the place of the largest entry, row by row; the first of equal ones"
    ),
    "row_argmax": of_one(row_argmax, "the same of each row, as a column", "column"),
    "quantile": Function(
        2,
        "a matrix and a number from 0 to 1",
        "the quantile of all entries, linear between them",
        _quantile(rows=False),
    ),
    "row_quantile": Function(
        2, "a matrix and a number from 0 to 1", "the same of each row, as a column", _quantile(rows=True), "column"
    ),
    "lower_median": of_one(_lower_median, "the middle entry, of two the lower"),
    "row_sort": of_one(_sorted_rows, "each row in increasing order", "same"),
    "row_cumsum": of_one(
        lambda m: _by_rows(m, lambda row: list(accumulate(row))), "sums of the first entries of each row", "same"
    ),
    "row_diff": Function(1, "a matrix", "each entry less the one before it in its row", _diff, "same"),
    "off_diagonal": Function(1, "a matrix", "all entries off the diagonal, as a vector", _off_diagonal, "vector"),
    "flatten": of_one(IntervalMatrix.flat, "all entries, row by row, as a vector", "vector"),
    "arange": Function(
        2, "a first number and one beyond the last", "the whole numbers from the first, as a vector", _arange, "vector"
    ),
    "row": Function(None, "numbers", "their list, a vector; written [a, b, c]", _row, "vector"),
    "rows": of_one(_size(lambda shape: shape[0]), "how many rows there are; also len(A)"),
    "columns": of_one(_size(lambda shape: shape[1]), "how many columns there are"),
    "size": of_one(_size(lambda shape: shape[0] * shape[1]), "how many entries there are"),
    "rank": Function(1, "a matrix", "the rank, of the exact numbers", _rank),
    "sign": of_one(_sign, "-1, 0 or 1 for every entry", "same"),
}
