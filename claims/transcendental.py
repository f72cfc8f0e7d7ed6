"""exp, log and softmax of the entries of matrices, enclosed by Arb's balls."""

from __future__ import annotations

from fractions import Fraction

from ..engine.arithmetic.ball import Ball, precision
from .context import Binding, Context, Open
from .function import Function, Values
from .intervals import IntervalMatrix, NotPositive
from .network import bounds_of
from .tree import Call

# Working precision beyond what is asked for.
GUARD = 64
# Exponentials of larger numbers have millions of bits.
MAX_EXPONENT = 1 << 20

Ends = tuple[Fraction, Fraction]


def exp_of(low: Fraction, high: Fraction, bits: int) -> Ends:
    """Ends of the exponential of a number between these."""
    if max(abs(low), abs(high)) > MAX_EXPONENT:
        raise Open(f"an exponential of a number beyond {MAX_EXPONENT}", hopeless=True)
    if low == high == 0:
        return Fraction(1), Fraction(1)
    with precision(bits + GUARD):
        below = bounds_of(Ball.rational(low).exp(), bits + GUARD)
        above = below if low == high else bounds_of(Ball.rational(high).exp(), bits + GUARD)
    return below[0], above[1]


def log_of(low: Fraction, high: Fraction, bits: int) -> Ends:
    """Ends of the natural logarithm of a number between these; raises :class:`.intervals.NotPositive`."""
    if low <= 0:
        raise NotPositive(certain=high <= 0)
    if low == high == 1:
        return Fraction(0), Fraction(0)
    with precision(bits + GUARD):
        below = bounds_of(Ball.rational(low).log(), bits + GUARD)
        above = below if low == high else bounds_of(Ball.rational(high).log(), bits + GUARD)
    return below[0], above[1]


def each(matrix: IntervalMatrix, ends: list[Ends], bits: int) -> IntervalMatrix:
    """A matrix of this shape with these enclosures, on a grid."""
    column = IntervalMatrix.column(ends).coarsened(bits)
    return IntervalMatrix(matrix.shape, column.lower, column.upper, column.scale)


def _ends(matrix: IntervalMatrix) -> list[Ends]:
    return [(low * matrix.scale, high * matrix.scale) for low, high in zip(matrix.lower, matrix.upper, strict=True)]


def _exp(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    return each(values[0], [exp_of(*ends, context.bits) for ends in _ends(values[0])], context.bits)


def _log(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    return each(values[0], [log_of(*ends, context.bits) for ends in _ends(values[0])], context.bits)


def _softmax(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    """e_i / Σ e with e = exp(x - c): the lower end from the lower e_i and the upper others, and the other way round."""
    (matrix,), found, columns = values, [], values[0].shape[1]
    for i in range(matrix.shape[0]):
        row = _ends(matrix.row(i))
        shift = max(high for _, high in row)
        ends = [exp_of(low - shift, high - shift, context.bits) for low, high in row]
        least, most = sum(low for low, _ in ends), sum(high for _, high in ends)
        for low, high in ends:
            below, above = low + most - high, high + least - low
            found.append((low / Fraction(below) if below else Fraction(0), high / Fraction(above)))
    assert len(found) == matrix.shape[0] * columns
    return each(matrix, found, context.bits)


TRANSCENDENTAL: dict[str, Function] = {
    "exp": Function(1, "a matrix", "the exponential of every entry", _exp, "same", certified=False),
    "log": Function(1, "a matrix", "the natural logarithm of every entry", _log, "same", certified=False),
    "row_softmax": Function(1, "a matrix", "the softmax of each row", _softmax, "same", certified=False),
}
