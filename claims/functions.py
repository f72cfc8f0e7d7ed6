"""The functions of the language: what each takes, what it means, how its value is enclosed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from . import network, singular
from .context import Binding, Context, Open
from .errors import WrongArguments
from .intervals import IntervalMatrix
from .tree import Call, Expression

# Singular values of larger matrices take minutes.
MAX_SIDE = 256

Values = list[IntervalMatrix]


@dataclass(frozen=True)
class Function:
    """``arguments`` in words with their number (None: one or more); ``meaning`` for the documentation."""

    count: int | None
    arguments: str
    meaning: str
    compute: Callable[[Context, Call, Values, Binding], IntervalMatrix]


def _range(matrix: IntervalMatrix) -> IntervalMatrix:
    return matrix.rowwise(max) - matrix.rowwise(min)


def _mean(matrix: IntervalMatrix) -> IntervalMatrix:
    return matrix.rowwise(sum) * IntervalMatrix.number(Fraction(1, matrix.shape[1]))


def _frobenius(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,) = values
    return (matrix.abs() * matrix.abs()).flat().rowwise(sum).coarsened(2 * context.bits).sqrt(context.bits)


def _spectrum(context: Context, node: Expression, matrix: IntervalMatrix, binding: Binding) -> singular.Spectrum:
    """Advice for the matrix that an expression gives here."""
    if min(matrix.shape) > MAX_SIDE:
        size = f"{matrix.shape[0]} × {matrix.shape[1]}"
        raise Open(f"singular values of a {size} matrix; the limit is {MAX_SIDE} rows or columns", hopeless=True)
    if context.advisor is None:
        raise Open("there are no directions for singular values", hopeless=True)
    return context.advisor(instance(node, binding), matrix)


def instance(node: Expression, binding: Binding) -> str:
    """What an expression means, together with the values of the variables in it."""
    return ":".join([node.key, *(f"{name}={binding[name]}" for name in sorted(binding.keys() & node.names))])


def _sigmas(context: Context, node: Expression, matrix: IntervalMatrix, binding: Binding) -> IntervalMatrix:
    """All singular values as a column, computed once."""
    memo, key = context.vocabulary.memo, (f"singular values of {instance(node, binding)}", context.stage)
    if key not in memo:
        spectrum = _spectrum(context, node, matrix, binding)
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
    return _sigmas(context, call.arguments[0], matrix, binding).row(int(low) - 1)


def _spectral_norm(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    return _sigmas(context, call.arguments[0], values[0], binding).row(0)


def _rank1(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,), node = values, call.arguments[0]
    if min(matrix.shape) == 1:
        return matrix
    _, second = _sigmas(context, node, matrix, binding).bounds(1)
    directions = _spectrum(context, node, matrix, binding).directions
    try:
        return singular.rank_one(matrix, second, singular.leading_row(matrix, directions, context.bits), context.bits)
    except singular.NotSeparated:
        raise Open(f"the two largest singular values of {node} are not known to differ") from None


def _diagonal_margin(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,) = values
    size = matrix.shape[0]
    if matrix.shape != (size, size) or size < 2:
        found = f"{matrix.shape[0]} × {matrix.shape[1]}"
        raise WrongArguments(call.column, call.function, "a square matrix of two rows or more", found)
    rest = [matrix.row(i).block(range(1), range(size)) for i in range(size)]
    margins = []
    for i, row in enumerate(rest):
        others = row.lower[:i] + row.lower[i + 1 :], row.upper[:i] + row.upper[i + 1 :]
        largest = IntervalMatrix.between((1, 1), [max(others[0])], [max(others[1])], row.scale)
        margins.append((row.block(range(1), range(i, i + 1)) - largest).bounds())
    return IntervalMatrix.column(margins).T.rowwise(min)


def _logits(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    tokens = sequence(context, call, values)
    if context.vocabulary.margin is None:
        return context.words.about.activations.logits(tokens, context.bits)
    return IntervalMatrix.column(network.logits(context.margin.paths, tokens, context.bits))


def sequence(context: Context, call: Call, values: Values) -> list[int]:
    """The tokens that a call names, which the network has rows for."""
    statement = context.statement
    sizes = statement.network.vocabulary(statement.task.positions)
    ends = [value.bounds() for value in values]
    whole = all(v.shape == (1, 1) and v.exact for v in values) and all(low.denominator == 1 for low, _ in ends)
    tokens = [int(low) for low, _ in ends]
    known = len(tokens) == len(sizes) and all(0 <= token < size for token, size in zip(tokens, sizes, strict=True))
    if not whole or not known:
        expected = f"a sequence of {len(sizes)} tokens 0 to {max(sizes) - 1}"
        if len(set(sizes)) > 1:
            expected = f"a sequence of {len(sizes)} tokens below {', '.join(map(str, sizes))}"
        raise WrongArguments(call.column, call.function, expected, ", ".join(map(str, call.arguments)) or "nothing")
    return tokens


def _root(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (value,) = values
    if value.shape != (1, 1):
        raise WrongArguments(call.column, "sqrt", "a number", f"a matrix of {value.shape[0]} × {value.shape[1]}")
    return value.sqrt(context.bits)


def _of_one(compute: Callable[[IntervalMatrix], IntervalMatrix], meaning: str) -> Function:
    return Function(1, "a matrix", meaning, lambda context, call, values, binding: compute(values[0]))


FUNCTIONS: dict[str, Function] = {
    "abs": _of_one(IntervalMatrix.abs, "absolute value of every entry"),
    "max": _of_one(lambda m: m.flat().rowwise(max), "largest entry"),
    "min": _of_one(lambda m: m.flat().rowwise(min), "least entry"),
    "range": _of_one(lambda m: _range(m.flat()), "largest less least entry"),
    "sum": _of_one(lambda m: m.flat().rowwise(sum), "sum of all entries"),
    "mean": _of_one(lambda m: _mean(m.flat()), "mean of all entries"),
    "row_max": _of_one(lambda m: m.rowwise(max), "largest entry of each row, as a column"),
    "row_min": _of_one(lambda m: m.rowwise(min), "least entry of each row, as a column"),
    "row_range": _of_one(_range, "largest less least entry of each row, as a column"),
    "row_sum": _of_one(lambda m: m.rowwise(sum), "sum of each row, as a column"),
    "row_mean": _of_one(_mean, "mean of each row, as a column"),
    "mean_over_rows": _of_one(lambda m: _mean(m.T).T, "the mean of all rows, a row"),
    "row_difference": _of_one(
        lambda m: _range(m).T.rowwise(max), "the largest difference of two entries of one row"
    ),
    "transpose": _of_one(lambda m: m.T, "the transpose; also written A.T"),
    "diagonal": _of_one(IntervalMatrix.diagonal, "the diagonal, as a column"),
    "diagonal_margin": Function(
        1, "a square matrix", "least, over the rows, of the diagonal entry less the largest other one", _diagonal_margin
    ),
    "frobenius": Function(1, "a matrix", "Frobenius norm", _frobenius),
    "spectral_norm": Function(1, "a matrix", "largest singular value", _spectral_norm),
    "sigma": Function(2, "a matrix and a whole number", "the i-th largest singular value, i = 1, 2, …", _sigma),
    "rank1": Function(1, "a matrix", "the best approximation of rank one", _rank1),
    "sqrt": Function(1, "a number", "square root", _root),
    "len": _of_one(
        lambda m: IntervalMatrix.number(Fraction(len(m.lower))), "how many entries; of the set wrong, how many inputs"
    ),
    "logits": Function(None, "the tokens of a sequence", "the logits on a sequence, as a column", _logits),
}  # fmt: skip
