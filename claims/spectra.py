"""Functions of singular values and vectors."""

from __future__ import annotations

from . import singular, singular_vectors
from .context import EXACT, Binding, Context, Open
from .directions import REFINED
from .errors import WrongArguments
from .function import Function, Values, instance
from .intervals import IntervalMatrix
from .tree import Call, Expression

# Singular values of larger matrices take minutes.
MAX_SIDE = 1024


def spectrum_of(context: Context, node: Expression, matrix: IntervalMatrix, binding: Binding) -> singular.Spectrum:
    """Advice for the matrix that an expression gives here."""
    if min(matrix.shape) > MAX_SIDE:
        size = f"{matrix.shape[0]} × {matrix.shape[1]}"
        raise Open(f"singular values of a {size} matrix; the limit is {MAX_SIDE} rows or columns", hopeless=True)
    if context.advisor is None:
        raise Open("there are no directions for singular values", hopeless=True)
    return context.advisor(instance(node, binding), matrix)


def sigmas_of(context: Context, node: Expression, matrix: IntervalMatrix, binding: Binding) -> IntervalMatrix:
    """All singular values as a column, computed once."""
    # more bits would not make those of large matrices narrower
    stage = EXACT if min(matrix.shape) > REFINED else context.stage
    memo, key = context.vocabulary.memo, (f"singular values of {instance(node, binding)}", stage)
    if key not in memo:
        spectrum = spectrum_of(context, node, matrix, binding)
        try:
            memo[key] = IntervalMatrix.column(singular.sigma(matrix, spectrum, context.bits))
        except singular.BadDirections:
            raise Open(f"no useful directions for the singular values of {node}") from None
    return memo[key]


def _sigma(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    matrix, which = values
    low, _ = which.bounds()
    if which.shape != (1, 1) or not which.exact or low.denominator != 1 or not 1 <= low <= min(matrix.shape):
        expected = f"a whole number from 1 to {min(matrix.shape)}"
        raise WrongArguments(call.column, "sigma", f"a matrix and {expected}", str(call.arguments[1]))
    return sigmas_of(context, call.arguments[0], matrix, binding).row(int(low) - 1)


def _spectral_norm(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    return sigmas_of(context, call.arguments[0], values[0], binding).row(0)


def _rank1(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,), node = values, call.arguments[0]
    if min(matrix.shape) == 1:
        return matrix
    _, second = sigmas_of(context, node, matrix, binding).bounds(1)
    directions = spectrum_of(context, node, matrix, binding).directions
    try:
        return singular.rank_one(matrix, second, singular.leading_row(matrix, directions, context.bits), context.bits)
    except singular.NotSeparated:
        raise Open(f"the two largest singular values of {node} are not known to differ") from None


def _all_sigmas(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    return sigmas_of(context, call.arguments[0], values[0], binding).T


def _right(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,), node = values, call.arguments[0]
    memo, key = context.vocabulary.memo, (f"singular vectors of {instance(node, binding)}", context.stage)
    if key not in memo:
        sigmas = sigmas_of(context, node, matrix, binding)
        directions = spectrum_of(context, node, matrix, binding).directions
        memo[key] = singular_vectors.right(matrix, sigmas, directions, context.bits)
    return memo[key]


def _left(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    sigmas = sigmas_of(context, call.arguments[0], values[0], binding)
    return singular_vectors.images(values[0], _right(context, call, values, binding), sigmas, context.bits)


def _rank_k(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    matrix, count = values
    low, _ = count.bounds()
    size = min(matrix.shape)
    if count.shape != (1, 1) or not count.exact or low.denominator != 1 or not 1 <= low <= size:
        expected = f"a matrix and a whole number from 1 to {size}"
        raise WrongArguments(call.column, "rank_k", expected, str(call.arguments[1]))
    if low == size:
        return matrix
    node, k = call.arguments[0], int(low)
    sigmas = sigmas_of(context, node, matrix, binding)
    if sigmas.bounds(k)[1] >= sigmas.bounds(k - 1)[0]:
        raise Open(f"singular values {k} and {k + 1} of {node} are not known to differ")
    first = _right(context, call, [matrix], binding).block(range(matrix.shape[1]), range(k))
    return (matrix @ first).coarsened(context.bits) @ first.T


SPECTRA: dict[str, Function] = {
    "spectral_norm": Function(1, "a matrix", "largest singular value", _spectral_norm),
    "sigma": Function(2, "a matrix and a whole number", "the i-th largest singular value, i = 1, 2, …", _sigma),
    "singular_values": Function(
        1, "a matrix", "all singular values, the largest first; also sigma(A), svd(A).S", _all_sigmas, "vector"
    ),
    "rank1": Function(1, "a matrix", "the best approximation of rank one", _rank1, "matrix"),
    "rank_k": Function(
        2, "a matrix and a whole number", "the best approximation of rank k", _rank_k, "matrix", certified=False
    ),
    "right_singular_vectors": Function(
        1,
        "a matrix",
        "in its columns, each with its largest entry positive; written svd(A).V",
        _right,
        "matrix",
        certified=False,
    ),
    "left_singular_vectors": Function(
        1, "a matrix", "A v / σ for each right one v; written svd(A).U", _left, "matrix", certified=False
    ),
}
