"""Fourier frequencies of a matrix whose rows are numbered 0, 1, …, n - 1 around a circle.

The sum of squares of a column v about its mean is Σ_f E_f over f = 1, …, ⌊n/2⌋, with

    E_f = 2/n ((Σ_a v_a cos(2πfa/n))² + (Σ_a v_a sin(2πfa/n))²),

and half of that for f = n/2 (Parseval); a share is that of all columns together.
"""

from __future__ import annotations

from fractions import Fraction

from ..models.tasks.characters import BITS, cosines
from .context import Binding, Context
from .errors import NotDefined, TooLarge, WrongArguments
from .function import Function, Values
from .intervals import IntervalMatrix, NotPositive
from .tree import Call

MOST_ROWS = 1024


def frequency_share(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    matrix, *asked = values
    rows = matrix.shape[0]
    if rows > MOST_ROWS:
        raise TooLarge(call.column, f"frequencies of {rows} rows", f"{MOST_ROWS} rows")
    frequencies = []
    for number, value in enumerate(asked, 1):
        low, _ = value.bounds()
        if value.shape != (1, 1) or not value.exact or low.denominator != 1 or not 1 <= low <= rows // 2:
            expected = f"a matrix and whole numbers from 1 to {rows // 2}"
            raise WrongArguments(call.column, call.function, expected, str(call.arguments[number]))
        frequencies.append(int(low))
    if not frequencies or len(set(frequencies)) != len(frequencies):
        found = "none" if not frequencies else "one of them twice"
        raise WrongArguments(call.column, call.function, "different frequencies", found)
    mean = matrix.T.rowwise(sum).T * IntervalMatrix.number(Fraction(1, rows))
    whole = _squares(matrix - mean)
    try:
        return _squares(_waves(rows, frequencies) @ matrix, frequencies, rows).over(whole, context.bits)
    except NotPositive as problem:
        if problem.certain or whole.bounds()[1] == 0:
            raise NotDefined(call.column, "a share of nothing: all rows are the same") from None
        raise


def _waves(rows: int, frequencies: list[int]) -> IntervalMatrix:
    """cos(2πfa/n), then sin(2πfa/n), a row for each f."""
    table = cosines(4 * rows)
    shifts = [4 * f * a - quarter for quarter in (0, rows) for f in frequencies for a in range(rows)]
    ends = [table[shift % (4 * rows)] for shift in shifts]
    shape, scale = (2 * len(frequencies), rows), Fraction(1, 1 << BITS)
    return IntervalMatrix.between(shape, (low for low, _ in ends), (high for _, high in ends), scale)


def _squares(matrix: IntervalMatrix, frequencies: list[int] | None = None, rows: int = 1) -> IntervalMatrix:
    """The sum of squares of all entries; of waves, each with its factor."""
    squares = (matrix.abs() * matrix.abs()).rowwise(sum)
    if frequencies is None:
        return squares.T.rowwise(sum)
    factors = [(factor, factor) for f in frequencies for factor in [Fraction(2 if 2 * f < rows else 1, rows)]]
    return (squares * IntervalMatrix.column(factors * 2)).T.rowwise(sum)


FREQUENCIES: dict[str, Function] = {
    "frequency_share": Function(
        None,
        "a matrix and frequencies",
        "the share of the sum of squares about the mean of the rows that lies in these Fourier frequencies",
        frequency_share,
        certified=False,
    )
}
