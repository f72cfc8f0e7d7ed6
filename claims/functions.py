"""The functions of the language.  Adding one is a line in the table of its file, and :mod:`.words` spells it."""

from __future__ import annotations

from fractions import Fraction

from . import network
from .context import Binding, Context
from .eigenvalues import EIGENVALUES
from .entries import ENTRIES
from .errors import WrongArguments
from .frequencies import FREQUENCIES
from .function import Function, Values, of_one
from .intervals import IntervalMatrix
from .spectra import SPECTRA
from .transcendental import TRANSCENDENTAL
from .tree import Call


def _range(matrix: IntervalMatrix) -> IntervalMatrix:
    return matrix.rowwise(max) - matrix.rowwise(min)


def _mean(matrix: IntervalMatrix) -> IntervalMatrix:
    return matrix.rowwise(sum) * IntervalMatrix.number(Fraction(1, matrix.shape[1]))


def _frobenius(context: Context, call: Call, values: Values, binding: Binding) -> IntervalMatrix:
    (matrix,) = values
    return (matrix.abs() * matrix.abs()).flat().rowwise(sum).coarsened(2 * context.bits).sqrt(context.bits)


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
    return value.sqrt(context.bits)


BASIC: dict[str, Function] = {
    "abs": of_one(IntervalMatrix.abs, "absolute value of every entry", "same"),
    "max": of_one(lambda m: m.flat().rowwise(max), "largest entry"),
    "min": of_one(lambda m: m.flat().rowwise(min), "least entry"),
    "range": of_one(lambda m: _range(m.flat()), "largest less least entry"),
    "sum": of_one(lambda m: m.flat().rowwise(sum), "sum of all entries"),
    "mean": of_one(lambda m: _mean(m.flat()), "mean of all entries"),
    "row_max": of_one(lambda m: m.rowwise(max), "largest entry of each row, as a column", "column"),
    "row_min": of_one(lambda m: m.rowwise(min), "least entry of each row, as a column", "column"),
    "row_range": of_one(_range, "largest less least entry of each row, as a column", "column"),
    "row_sum": of_one(lambda m: m.rowwise(sum), "sum of each row, as a column", "column"),
    "row_mean": of_one(_mean, "mean of each row, as a column", "column"),
    "mean_over_rows": of_one(lambda m: _mean(m.T).T, "the mean of all rows, a row", "row"),
    "row_difference": of_one(
        lambda m: _range(m).T.rowwise(max), "the largest difference of two entries of one row"
    ),
    "transpose": of_one(lambda m: m.T, "the transpose; also written A.T", "matrix"),
    "diagonal": of_one(IntervalMatrix.diagonal, "the diagonal, as a column", "column"),
    "diagonal_margin": Function(
        1, "a square matrix", "least, over the rows, of the diagonal entry less the largest other one", _diagonal_margin
    ),
    "frobenius": Function(1, "a matrix", "Frobenius norm", _frobenius),
    "sqrt": Function(1, "a matrix", "square root of every entry", _root, "same"),
    "len": of_one(
        lambda m: IntervalMatrix.number(Fraction(len(m.lower))),
        "how many entries of a vector; of a matrix how many rows; of the set wrong how many inputs",
        certified=False,
    ),
    "logits": Function(None, "the tokens of a sequence", "the logits on a sequence, as a column", _logits, "column"),
}  # fmt: skip
FUNCTIONS: dict[str, Function] = {**BASIC, **ENTRIES, **SPECTRA, **EIGENVALUES, **TRANSCENDENTAL, **FREQUENCIES}
