"""The numbers of the bounds: tables rounded down to integers once, and what that costs.

Scores and logits are mixtures of table entries with weights that add up to one (lemma), so the error of rounding every
entry down to a multiple of one unit is below one unit for every table, however many positions are mixed.  A score of
layer 2 reads four tables, a gap two scores: it errs by less than 4 units either way.  A difference of logits reads two
tables for each of v_k and d, each twice: v_k + d errs by less than 4 units.

One unit is 2^-bits, with ``bits`` such that all sums below 2^27 units in size: products with weights of layer 1 (28
bits) or with shares (24 bits), added over at most 16 positions, stay inside of 62 bits.  The weights of layer 1 are
enclosed outward, scaled for each (k, t_k) by their largest value.  e^{-g} is rounded up from a table over multiples of
1/64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isqrt

import numpy as np
from flint import arb

from ....engine.arithmetic.ball import Ball, precision
from ....engine.arithmetic.dyadic import DyadicMatrix
from ....engine.formula import ForAll, Num, Range, Total, Var, entry
from ....engine.rule import Lemma, NotEstablished
from ....models.layers.attention import Scale
from .form import TwoLayers

WEIGHT_BITS, SHARE_BITS, FALL_BITS = 28, 24, 24
MOST_BITS, LEAST_BITS, SIZE_BITS = 24, 8, 32
DIFFERENCE_BITS = SIZE_BITS - 4  # of a difference of two logits in units: sizes are in sixteenths
ROUNDING = 4  # units that a gap, and v_k + d, may err
STEP_BITS = 6
STEPS = 1 << STEP_BITS  # e^{-g} is tabulated for multiples of 1/64 from LOWEST to HIGHEST
LOWEST, HIGHEST = -4, 18
LOST = 1 << 45  # a penalty that no node survives
_EXACT = 128

_m = Var("m")
_mixed = Range(Num(0), Var("n"))


def _sum(table: str) -> Total:
    return Total(_m, _mixed, entry("A", _m) * entry(table, _m))


GRID = Lemma(
    label="rounded-mixture",
    title="A mixture of numbers that are rounded down",
    given="For all reals $A_m \\ge 0$ with $\\sum_m A_m = 1$, and $x_m$, $X_m$ with $m < n$:",
    statement=ForAll(_m, _mixed, entry("X", _m) <= entry("x", _m)).implies(
        ForAll(_m, _mixed, entry("x", _m) <= entry("X", _m) + Num(1)).implies(
            (_sum("X") <= _sum("x")) & (_sum("x") <= _sum("X") + Num(1))
        )
    ),
    proof="Multiply by $A_m \\ge 0$ and add up; $\\sum_m A_m = 1$.",
    source="convexity",
)


@dataclass(frozen=True, eq=False)
class Grid:
    """Integer tables in units of 2^-bits, rounded down.

    ``query_stream``, ``query_written`` [q, k, t]: x_f(q) W_Q W_Kᵀ c on x_k(t), on o_k(t).  ``atom_stream``,
    ``atom_written`` [m, s, k, t]: the same of o_m(s).  ``values``, ``written_values``, ``written_direct`` [m, t, b];
    ``direct`` [q, b].  ``least``, ``most`` [k, t_k, m, t]: weights of layer 1 (units of 2^-28), zero where m > k.
    """

    form: TwoLayers
    bits: int
    query_stream: np.ndarray
    query_written: np.ndarray
    atom_stream: np.ndarray
    atom_written: np.ndarray
    values: np.ndarray
    written_values: np.ndarray
    written_direct: np.ndarray
    direct: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @staticmethod
    def of(form: TwoLayers, rule: str) -> Grid:
        """Raises :class:`~....engine.rule.NotEstablished` where the numbers are too large for the grid."""
        n, V, C = form.positions, form.tokens, form.outputs
        stream, written, scale = form.stream.T, form.written.T, form.scales[1]
        scores = [form.query @ stream, form.query @ written, form.atoms @ stream, form.atoms @ written]
        logits = [form.values, form.written_values, form.written_direct, form.direct]
        sizes = [_size(scores, scale), _size(logits, Scale())]
        bits = min(MOST_BITS, SIZE_BITS - (2 * max(sizes)).bit_length())
        if bits < LEAST_BITS:
            raise NotEstablished(rule, f"scores or logits exceed the grid of {LEAST_BITS} bits behind the point")
        tables = [floored(matrix, bits, scale) for matrix in scores] + [floored(matrix, bits) for matrix in logits]
        least, most = weights(form)
        return Grid(
            form,
            bits,
            query_stream=tables[0].reshape(V, n, V),
            query_written=tables[1].reshape(V, n, V),
            atom_stream=tables[2].reshape(n, V, n, V),
            atom_written=tables[3].reshape(n, V, n, V),
            values=tables[4].reshape(n, V, C),
            written_values=tables[5].reshape(n, V, C),
            written_direct=tables[6].reshape(n, V, C),
            direct=tables[7],
            least=least,
            most=most,
        )

    def units(self, margin_numerator: int, margin_denominator: int = 1) -> int:
        """A margin in units, rounded up."""
        return -(-(margin_numerator << self.bits) // margin_denominator)


def _size(matrices: list[DyadicMatrix], scale: Scale) -> int:
    """More than the sum of the largest entries of all matrices, in units of 1/16."""
    return sum(int(np.abs(floored(matrix, 4, scale).astype(object)).max()) + 1 for matrix in matrices)


def floored(matrix: DyadicMatrix, bits: int, scale: Scale = Scale()) -> np.ndarray:  # noqa: B008
    """⌊x·c·2^bits⌋ for every entry x; Python integers where 64 bits do not hold them."""
    factor, root, exponent = scale.factor, scale.root, matrix.exponent + bits
    up, down = factor.numerator << max(exponent, 0), factor.denominator << max(-exponent, 0)
    entries = [_floor_over_root(int(x) * up, down, root) for x in matrix.numerators.entries()]
    large = any(abs(entry) >> 62 for entry in entries)
    return np.array(entries, dtype=object if large else np.int64).reshape(matrix.shape)


def _floor_over_root(a: int, b: int, root: int) -> int:
    """⌊a/(b·√root)⌋ for natural numbers b, root > 0.

    >>> _floor_over_root(7, 2, 1), _floor_over_root(10, 1, 2), _floor_over_root(-10, 1, 2), _floor_over_root(-4, 1, 4)
    (3, 7, -8, -2)
    """
    if root == 1:
        return a // b
    square, divisor = a * a, b * b * root
    if a >= 0:
        return isqrt(square // divisor)
    return -(isqrt(-(-square // divisor) - 1) + 1)


def weights(form: TwoLayers) -> tuple[np.ndarray, np.ndarray]:
    """Enclosures of exp(score - largest score of the row) in units of 2^-28, by (k, t_k, m, t)."""
    n, V, scale, one = form.positions, form.tokens, form.scales[0], 1 << WEIGHT_BITS
    least = np.zeros((n * V, n * V), dtype=np.int64)
    most = np.zeros_like(least)
    scores, exponent = form.scores.integers(), form.scores.exponent
    with precision(_EXACT):
        factor = Ball.rational(scale.factor).over(Ball.sqrt(scale.root))
        for row in range(n * V):
            seen = scores[row][: (row // V + 1) * V]
            top = max(seen)
            for column, score in enumerate(seen):
                if score == top:
                    least[row, column] = most[row, column] = one
                    continue
                weight = (Ball.dyadic(score - top, exponent) * factor).exp().enclosure * one
                least[row, column] = max(0, _integer(weight.lower().floor()))
                most[row, column] = _integer(weight.upper().ceil())
    return least.reshape(n, V, n, V), most.reshape(n, V, n, V)


def _integer(whole: arb) -> int:
    """The integer that an exact ball is."""
    found = whole.unique_fmpz()
    assert found is not None, "an end that was rounded to an integer"
    return int(found)


@cache
def falls() -> np.ndarray:
    """e^{-j/64} for j = 64·LOWEST … 64·HIGHEST in units of 2^-24, rounded up."""
    with precision(_EXACT):
        steps = range(LOWEST * STEPS, HIGHEST * STEPS + 1)
        exact = [Ball.dyadic(-j, -STEP_BITS).exp().enclosure * (1 << FALL_BITS) for j in steps]
        return np.array([_integer(value.upper().ceil()) for value in exact], dtype=np.int64)


def penalties(gaps: np.ndarray, deficits: np.ndarray, bits: int) -> np.ndarray:
    """Upper bounds of e^{-g}·max(0, deficit), for gaps at least ``gaps`` minus the rounding; LOST below LOWEST.

    ``gaps`` [...], ``deficits`` [..., b]; in units of 2^-bits, and so is the result.
    """
    steps = ((gaps - ROUNDING) * STEPS >> bits) - LOWEST * STEPS
    table = falls()
    fall = np.where(steps < 0, LOST, table[np.clip(steps, 0, len(table) - 1)])[..., None]
    short = np.maximum(deficits, 0)
    product = np.where(fall == LOST, 0, fall) * short
    return np.where((fall == LOST) & (short > 0), LOST, -(-product >> FALL_BITS))
