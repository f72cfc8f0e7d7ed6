"""The functions of one matrix whose values are sums, extremes, or a choice of its entries (docs/claims.md).

Most increase with each entry of their argument: the function of the lower ends and that of the upper ends enclose it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import chain

from ..errors import Code, Failure
from .matrix import Intervals, Rows, exactly, shape_text


def row_maxima(rows: Rows) -> Rows:
    return tuple((max(row),) for row in rows)


def row_minima(rows: Rows) -> Rows:
    return tuple((min(row),) for row in rows)


def row_sums(rows: Rows) -> Rows:
    return tuple((sum(row),) for row in rows)


def transposed(rows: Rows) -> Rows:
    return tuple(zip(*rows, strict=True))


def joined(rows: Rows) -> Rows:
    """All entries in one row."""
    return (tuple(chain.from_iterable(rows)),)


def of_rows(build: Callable[[Rows], Rows]) -> Callable[[Intervals], Intervals]:
    """The function that builds a matrix whose entries increase with each entry of the argument."""
    return lambda value: value.each(build)


def mean(build: Callable[[Rows], Rows], count: Callable[[tuple[int, int]], int]) -> Callable[[Intervals], Intervals]:
    """Sums that ``build`` takes, over the number of summands in a matrix of this shape."""

    def found(value: Intervals) -> Intervals:
        sums = value.each(build)
        return sums._replace(scale=Fraction(sums.scale, count(value.shape)))

    return found


def row_ranges(value: Intervals) -> Intervals:
    """Largest less least entry of each row: never negative."""
    pairs = list(zip(value.lower, value.upper, strict=True))
    upper = tuple((max(highs) - min(lows),) for lows, highs in pairs)
    if value.exact:
        return exactly(upper, value.scale)
    return Intervals(tuple((max(0, max(lows) - min(highs)),) for lows, highs in pairs), upper, value.scale)


def absolute(value: Intervals) -> Intervals:
    """The size of every entry."""
    if value.exact:
        return exactly(tuple(tuple(map(abs, row)) for row in value.lower), value.scale)
    pairs = [list(zip(*rows, strict=True)) for rows in zip(value.lower, value.upper, strict=True)]
    lower = tuple(tuple([max(0, low, -high) for low, high in row]) for row in pairs)
    return Intervals(lower, tuple(tuple([max(-low, high) for low, high in row]) for row in pairs), value.scale)


def diagonal(value: Intervals) -> Intervals:
    """The diagonal, as a column."""
    return value.each(lambda rows: ((row[i],) for i, row in enumerate(rows[: len(rows[0])])))


def diagonal_margin(value: Intervals) -> Intervals:
    """Least, over the rows of a square matrix, of the diagonal entry less the largest other one; E252."""
    if not 1 < len(value.lower) == len(value.lower[0]):
        raise Failure(Code.E252, what=f"diagonal_margin({shape_text(value)})")

    def least(own: Rows, others: Rows) -> Rows:
        pairs = enumerate(zip(own, others, strict=True))
        return ((min(row[i] - max(other[:i] + other[i + 1 :]) for i, (row, other) in pairs),),)

    lower = least(value.lower, value.upper)
    return Intervals(lower, lower if value.exact else least(value.upper, value.lower), value.scale)


MATRIX_FUNCTIONS: dict[str, Callable[[Intervals], Intervals]] = {
    "abs": absolute,
    "max": of_rows(lambda rows: row_maxima(joined(rows))),
    "min": of_rows(lambda rows: row_minima(joined(rows))),
    "range": lambda value: row_ranges(value.each(joined)),
    "sum": of_rows(lambda rows: row_sums(joined(rows))),
    "mean": mean(lambda rows: row_sums(joined(rows)), lambda shape: shape[0] * shape[1]),
    "row_max": of_rows(row_maxima),
    "row_min": of_rows(row_minima),
    "row_range": row_ranges,
    "row_sum": of_rows(row_sums),
    "row_mean": mean(row_sums, lambda shape: shape[1]),
    "mean_over_rows": mean(lambda rows: transposed(row_sums(transposed(rows))), lambda shape: shape[0]),
    "row_difference": lambda value: row_ranges(value).each(lambda rows: row_maxima(joined(rows))),
    "transpose": of_rows(transposed),
    "diagonal": diagonal,
    "diagonal_margin": diagonal_margin,
}
