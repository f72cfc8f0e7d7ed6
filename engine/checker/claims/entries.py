"""Functions of entries: comparisons as values, places, order statistics, lists (docs/claims.md).

What increases with every entry is enclosed by its values at the lower and at the upper ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from math import lcm
from operator import attrgetter

from ..errors import Code, Failure
from .functions import joined
from .matrix import ONE, Arithmetic, Intervals, Row, exactly, length, number, shape_text, together
from .spectrum import rank_up_to

MAX_LENGTH = 1 << 20
# A function of any number of arguments.
ANY = -1
Function = Callable[[Arithmetic, list[Intervals]], Intervals]


def integer(value: Intervals) -> int:
    """An exact whole number; E292."""
    found = value.lower[0][0] * value.scale
    if not value.exact or value.shape != (1, 1) or found.denominator != 1:
        raise Failure(Code.E292, what="an argument", expected="an exact whole number")
    return int(found)


def beside(values: Sequence[Intervals], arithmetic: Arithmetic) -> Intervals:
    """Numbers in a row; E252."""
    if any(value.shape != (1, 1) for value in values):
        raise Failure(Code.E252, what=f"a list of {shape_text(*values)}")
    arithmetic.divide(*(value.scale for value in values))
    unit = Fraction(1, lcm(*(value.scale.denominator for value in values)))
    arithmetic.room(
        len(values), max(value.bits + length(value.scale) for value in values) + unit.denominator.bit_length()
    )
    lower, upper = (
        (tuple(int(ends(value)[0][0] * value.scale * unit.denominator) for value in values),)
        for ends in (attrgetter("lower"), attrgetter("upper"))
    )
    return Intervals(lower, upper, unit)


def comparison(true: Callable[[int, int], bool], false: Callable[[int, int], bool]) -> Function:
    """1 where the difference of two makes this true, 0 where it makes that true."""

    def compared(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
        difference = arithmetic.subtract(*values)
        lower = together(lambda low, high: int(true(low, high)), difference.lower, difference.upper)
        upper = together(lambda low, high: int(not false(low, high)), difference.lower, difference.upper)
        return Intervals(lower, upper, ONE)

    return compared


def extreme(pick: Callable[..., int]) -> Function:
    """The larger or the smaller of two, entry by entry."""

    def of_two(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
        a, b = arithmetic.common(*values)
        return Intervals(together(pick, a.lower, b.lower), together(pick, a.upper, b.upper), a.scale)

    return of_two


def place_of_largest(lower: Row, upper: Row) -> tuple[int, int]:
    """Between which places the first of the largest entries stands."""
    most = max(lower)
    if lower == upper:
        return lower.index(most), lower.index(most)
    places = [place for place, high in enumerate(upper) if high >= most]
    highest = max(upper)
    return places[0], next((place for place in places if lower[place] >= highest), places[-1])


def argmax(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
    """Of each row."""
    ends = [place_of_largest(*rows) for rows in zip(values[0].lower, values[0].upper, strict=True)]
    return Intervals(tuple((low,) for low, _ in ends), tuple((high,) for _, high in ends), ONE)


def by_rows(build: Callable[[Row], Sequence[int]]) -> Function:
    """What is built of each row and increases with each of its entries."""
    return lambda arithmetic, values: values[0].each(lambda rows: map(build, rows))


def quantile(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
    """Of each row, linear between its order statistics at (n - 1)·q; E292."""
    value, at = values
    q = at.lower[0][0] * at.scale
    if at.shape != (1, 1) or not at.exact or not 0 <= q <= 1:
        raise Failure(Code.E292, what="the place of a quantile", expected="an exact number from 0 to 1")
    arithmetic.divide(at.scale)
    (low, part), size = divmod((value.shape[1] - 1) * q, 1), value.shape[1]
    above = min(int(low) + 1, size - 1)
    arithmetic.room(len(value.lower), value.bits + part.denominator.bit_length())

    def build(row: Row) -> Sequence[int]:
        ordered = sorted(row)
        return (ordered[int(low)] * (part.denominator - part.numerator) + ordered[above] * part.numerator,)

    found = by_rows(build)(arithmetic, [value])
    return found._replace(scale=Fraction(value.scale, part.denominator))


def of_all(function: Function) -> Function:
    """The function of all entries in one row."""
    return lambda arithmetic, values: function(arithmetic, [values[0].each(joined), *values[1:]])


def diff(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
    """Each entry less the one before it in its row; E252."""
    if values[0].shape[1] < 2:
        raise Failure(Code.E252, what=f"diff({shape_text(values[0])})")
    later = values[0].each(lambda rows: (row[1:] for row in rows))
    return arithmetic.subtract(later, values[0].each(lambda rows: (row[:-1] for row in rows)))


def off_diagonal(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
    """All entries off the diagonal in one row; E252."""
    if values[0].shape == (1, 1):
        raise Failure(Code.E252, what="off_diagonal(1 x 1)")
    return values[0].each(lambda rows: [[v for i, row in enumerate(rows) for j, v in enumerate(row) if i != j]])


def arange(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
    """The whole numbers from one to below another; E292."""
    first, last = map(integer, values)
    if not 0 < last - first <= MAX_LENGTH:
        raise Failure(Code.E292, what="the length of a list", expected=f"1 to {MAX_LENGTH}")
    arithmetic.room(last - first, max(first.bit_length(), last.bit_length()))
    return exactly((tuple(range(first, last)),))


def rank(arithmetic: Arithmetic, values: list[Intervals]) -> Intervals:
    """How far elimination goes; E292 for a matrix that is only enclosed."""
    (value,) = values
    if not value.exact:
        raise Failure(Code.E292, what="what a rank is of", expected="an exact matrix")
    return number(Fraction(rank_up_to(value.lower, min(value.shape), arithmetic)))


def size(pick: Callable[[tuple[int, int]], int]) -> Function:
    return lambda arithmetic, values: number(Fraction(pick(values[0].shape)))


def sign(v: int) -> int:
    return (v > 0) - (v < 0)


ENTRIES: dict[str, Function] = {
    "less": comparison(lambda low, high: high < 0, lambda low, high: low >= 0),
    "less_equal": comparison(lambda low, high: high <= 0, lambda low, high: low > 0),
    "equal": comparison(lambda low, high: low == high == 0, lambda low, high: low > 0 or high < 0),
    "maximum": extreme(max),
    "minimum": extreme(min),
    "argmax": of_all(argmax),
    "row_argmax": argmax,
    "quantile": of_all(quantile),
    "row_quantile": quantile,
    "lower_median": of_all(by_rows(lambda row: (sorted(row)[(len(row) - 1) // 2],))),
    "row_sort": by_rows(sorted),
    "row_cumsum": by_rows(lambda row: list(accumulate(row))),
    "row_diff": diff,
    "off_diagonal": off_diagonal,
    "flatten": lambda arithmetic, values: values[0].each(joined),
    "arange": arange,
    "row": lambda arithmetic, values: beside(values, arithmetic),
    "rows": size(lambda shape: shape[0]),
    "columns": size(lambda shape: shape[1]),
    "size": size(lambda shape: shape[0] * shape[1]),
    "rank": rank,
    "sign": lambda arithmetic, values: (
        values[0].each(lambda rows: (map(sign, row) for row in rows))._replace(scale=ONE)
    ),
}
TWO = ("less", "less_equal", "equal", "maximum", "minimum", "quantile", "row_quantile", "arange")
COUNTS = {**dict.fromkeys(ENTRIES, 1), **dict.fromkeys(TWO, 2), "row": ANY}
