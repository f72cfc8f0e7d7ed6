"""Eigenvalues of a square matrix of exact numbers: the roots of its characteristic polynomial.

The polynomial is computed exactly; Arb isolates its roots with their multiplicities, and encloses each in a ball.
Eigenvalues have no order of their own: what is listed here are their real parts, imaginary parts and sizes, each in
descending order.  (The i-th largest of numbers that are enclosed lies between the i-th largest lower end and the i-th
largest upper end.)
"""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb

from ..engine.arithmetic.ball import Ball, precision
from .context import Binding, Context, Open
from .errors import WrongArguments
from .function import Function, Values
from .intervals import IntervalMatrix
from .network import bounds_of
from .tree import Call

MAX_SIDE = 256
# Working precision beyond what is asked for.
GUARD = 64


def roots(matrix: IntervalMatrix, bits: int) -> list[acb]:
    """The eigenvalues of the numerators, each as often as its multiplicity."""
    with precision(bits + GUARD):
        found: list[tuple[acb, int]] = matrix.numerators().charpoly().complex_roots()  # type: ignore[assignment]
        return [root for root, times in found for _ in range(times)]


def _listed(part: Callable[[acb], arb]) -> Callable[[Context, Call, Values, Binding], IntervalMatrix]:
    def of_values(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
        (matrix,) = values
        rows, columns = matrix.shape
        if rows != columns:
            raise WrongArguments(call.column, "eigvals", "a square matrix", f"{rows} × {columns}")
        if rows > MAX_SIDE:
            raise Open(f"eigenvalues of a {rows} × {columns} matrix; the limit is {MAX_SIDE} rows", hopeless=True)
        if not matrix.exact:
            raise Open(f"eigenvalues of {call.arguments[0]}, which is only enclosed", hopeless=True)
        with precision(context.bits + GUARD):
            ends = [bounds_of(Ball(part(root)), context.bits + GUARD) for root in roots(matrix, context.bits)]
        lows, highs = (sorted((end[side] * matrix.scale for end in ends), reverse=True) for side in (0, 1))
        return IntervalMatrix.column(list(zip(lows, highs, strict=True))).T

    return of_values


def _function(meaning: str, part: Callable[[acb], arb]) -> Function:
    return Function(1, "a square matrix", f"{meaning}, in descending order", _listed(part), "vector", certified=False)


EIGENVALUES: dict[str, Function] = {
    "eigenvalue_reals": _function("the real parts of the eigenvalues; written eigvals(A).real", lambda root: root.real),
    "eigenvalue_imaginaries": _function(
        "the imaginary parts of the eigenvalues; written eigvals(A).imag", lambda root: root.imag
    ),
    "eigenvalue_sizes": _function(
        "the sizes of the eigenvalues; written abs(eigvals(A))", lambda root: root.abs_lower().union(root.abs_upper())
    ),
}
