"""Enclosures of one input's values: rows of Arb balls, at whatever precision is set around the evaluation.

Every operation encloses, so the true row lies in the balls at any precision; more precision makes them smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from flint import arb, arb_mat, fmpz

from ..arithmetic.ball import Ball
from ..arithmetic.dyadic import DyadicMatrix
from ..interpret import Domain, Known


class BallDomain(Domain[arb_mat]):
    """One input, given by its tokens; a row is an ``arb_mat`` of one row."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = tokens

    def constant(self, row: Known) -> arb_mat:
        return row.view("balls", exact_balls)

    def selected(self, position: int, table: Known) -> arb_mat:
        token = self._tokens[position]
        return table.view(("balls", token), lambda exact: exact_balls(exact.row(token)))

    def add(self, a: arb_mat, b: arb_mat) -> arb_mat:
        return a + b

    def negative(self, a: arb_mat) -> arb_mat:
        return -a

    def linear(self, a: arb_mat, matrix: Known) -> arb_mat:
        return a * matrix.view("balls", exact_balls)

    def joined(self, rows: Sequence[arb_mat]) -> arb_mat:
        return _row([entry for row in rows for entry in row.entries()])

    def products(self, query: arb_mat, keys: Sequence[arb_mat]) -> arb_mat:
        return _row([(query * key.transpose())[0, 0] for key in keys])

    def softmax(self, scores: arb_mat, factor: Fraction, root: int) -> arb_mat:
        scale = over(arb(factor.numerator), arb(factor.denominator) * arb(root).sqrt())
        scaled = [entry * scale for entry in scores.entries()]
        # any number may be taken off all scores; the middle of the first largest one keeps the exponentials finite
        top = scaled[0].mid()
        for entry in scaled:
            top = top.max(entry.mid()).mid()
        powers = [(entry - top).exp() for entry in scaled]
        return _row([over(power, sum(powers, arb(0))) for power in powers])

    def mixed(self, weights: arb_mat, rows: Sequence[arb_mat]) -> arb_mat:
        return weights * arb_mat([row.entries() for row in rows])

    def pointwise(self, a: arb_mat, function: str) -> arb_mat:
        return _row([FUNCTIONS[function](entry) for entry in a.entries()])

    def times(self, a: arb_mat, b: arb_mat) -> arb_mat:
        return _row([x * y for x, y in zip(a.entries(), b.entries(), strict=True)])

    def normalised(self, a: arb_mat, centred: bool, epsilon: Fraction) -> arb_mat:
        entries = a.entries()
        width = arb(len(entries))
        if centred:
            mean = over(sum(entries, arb(0)), width)
            entries = [entry - mean for entry in entries]
        # squares are nonnegative: a ball that meets zero has the square [0, upper]
        squares = sum(((entry * entry).nonnegative_part() for entry in entries), arb(0))
        scale = (over(squares, width) + Ball.rational(epsilon).enclosure).rsqrt()
        return _row([entry * scale for entry in entries])


def exact_balls(matrix: DyadicMatrix) -> arb_mat:
    """The exact matrix, with radius zero at any precision."""
    exponent = fmpz(matrix.exponent)
    return arb_mat([[arb((entry, exponent)) for entry in row] for row in matrix.numerators.tolist()])


def over(a: arb, b: arb) -> arb:
    """The quotient; infinite where b may be zero, which decides nothing."""
    return a / b


def _row(entries: Sequence[arb]) -> arb_mat:
    return arb_mat([list(entries)])


def _gelu(x: arb) -> arb:
    return over(x * over(-x, arb(2).sqrt()).erfc(), arb(2))


def _gelu_new(x: arb) -> arb:
    inner = over(arb(2), arb.pi()).sqrt() * (x + over(arb(44715), arb(1000000)) * x * x * x)
    return over(x * (1 + inner.tanh()), arb(2))


FUNCTIONS: dict[str, Callable[[arb], arb]] = {
    "identity": lambda x: x,
    "relu": lambda x: x.nonnegative_part(),
    "square": lambda x: (x * x).nonnegative_part(),
    "gelu": _gelu,
    "gelu_new": _gelu_new,
    "silu": lambda x: over(x, 1 + (-x).exp()),
}
