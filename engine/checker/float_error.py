"""How far a float run may be from the real function of its weights: one table of errors for each path matrix.

A run holds numbers within ``error`` of exact ones, entry by entry, and each stage adds its own. All bounds are linear
in absolute values, so x_p = W_E[t] + W_pos[p] may be followed as a token's and a position's row, and each part of
a sum by itself. With u the error of an operation, s that of storing (certificate.md has all of this with its reasons):

* Of n terms added in any order each passes at most n roundings, its product included: 1 + theta, |theta| <= gamma_n =
  n u / (1 - n u). A sum of terms a_i, stored r times, errs by at most (1 + s') gamma_n sum |a_i| + s' |sum a_i|,
  1 + s' = (1 + s)^r.
* Weights of attention: subtracting the largest score rounds a difference of two scores once; the exponential's
  1 + kappa is a summand of at most kappa/(1 - kappa) in the logarithm. Both belong to the scores' errors, so that the
  exact softmax of nearby scores is what attention is compared with. Dividing by the computed sum, and averaging
  values, changes these weights relatively: by psi in all.
* r = x + z W_O + b_O is one sum of h + 2 terms (h + 1 without b_O), whichever way a program forms it.
* Underflow. With every operand at most B >= 1, an operation errs by at most 8 B 2**least beyond its relative error when
  its result, or an operand, is below 2**least. A stage makes at most 16 N K B of these errors, amplification included,
  N = d + h + K + 8 and N u <= 1/8 (E263); they are at most 2**GRID, which every stage adds (E262). No partial sum
  exceeds 4 B (E261).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt

from .budget import Budget
from .dyadic import Matrix, in_units, matrix, plus_row, product, transpose, zeros
from .errors import Code, Failure
from .float_format import Runs
from .network import Network
from .paths import Paths

GRID = -80


def plus(*parts: Matrix) -> Matrix:
    """The sum of matrices."""
    unit = min(a.exponent for a in parts)
    rows = zip(*(in_units(a, unit) for a in parts), strict=True)
    return matrix((map(sum, zip(*row, strict=True)) for row in rows), unit)


def absolute(a: Matrix) -> Matrix:
    """Absolute values, entry by entry."""
    return matrix((map(abs, row) for row in a.rows), a.exponent)


def up(a: Matrix, factor: Fraction = Fraction(1)) -> Matrix:
    """Every entry times ``factor``, rounded up to a multiple of 2**GRID.

    >>> up(matrix([[3, -3]], GRID), Fraction(1, 2)).rows
    ((2, -1),)
    """
    shift = a.exponent - GRID
    top, bottom = factor.numerator << max(shift, 0), factor.denominator << max(-shift, 0)
    return matrix(((-(-v * top // bottom) for v in row) for row in a.rows), GRID)


def units(shape: tuple[int, int], count: int = 1) -> Matrix:
    """2**GRID everywhere, ``count`` times."""
    height, width = shape
    return matrix([[count] * width] * height, GRID)


def column(a: Matrix, of: Iterable[int]) -> Matrix:
    """One number a row, in the units of ``a``."""
    return matrix(([v] for v in of), a.exponent)


def largest(a: Matrix) -> Fraction:
    """The largest entry."""
    return max(map(max, a.rows)) * Fraction(2) ** a.exponent


def gamma(terms: int, unit: Fraction) -> Fraction:
    """n u / (1 - n u), where n u < 1."""
    return Fraction(terms * unit, 1 - terms * unit)


@dataclass(frozen=True)
class Held:
    """Exact rows ``value``, and how far from them a run may be, in multiples of 2**GRID."""

    value: Matrix
    error: Matrix

    @cached_property
    def size(self) -> Matrix:
        """At least the size of what a run holds."""
        return plus(up(absolute(self.value)), self.error)


class Analysis:
    """The stages of a run. ``magnitude`` grows to four times the largest sum of sizes that occurs."""

    def __init__(self, network: Network, paths: Paths, runs: Runs, budget: Budget) -> None:
        self.network, self.paths, self.runs, self.budget = network, paths, runs, budget
        self.weights = network.tensors
        self.unit, self.storage = runs.arithmetic.unit, runs.arithmetic.storage
        self.steps = network.model + network.head + network.positions + 8
        if 8 * self.steps * self.unit > 1:
            raise Failure(Code.E263, count=self.steps, bits=runs.arithmetic.accumulated)
        sizes = [largest(absolute(a)) for a in self.weights.values()]
        self.magnitude = max(Fraction(2 * network.positions), *sizes)
        self.has = {name: bool(largest(absolute(self.weights[name]))) for name in ("b_Q", "b_K", "b_V", "b_O", "b_U")}
        # what r has besides the terms of z W_O
        self.beside = 1 + self.has["b_O"]

    def note(self, sizes: Matrix) -> None:
        """These sums of sizes occur."""
        self.magnitude = max(self.magnitude, 4 * largest(sizes))

    def stored(self, times: int) -> Fraction:
        """(1 + s)^times - 1."""
        return (1 + self.storage) ** times - 1

    def embedded(self, value: Matrix) -> Held:
        """A sum of two stored numbers, or one of its two parts: one rounding, stored."""
        relative = (1 + self.unit) * (1 + self.storage) - 1
        return Held(value, plus(up(absolute(value), relative), units(value.shape)))

    def times(self, held: Held, weight: str, added: int = 0, bias: Matrix | None = None) -> Held:
        """Rows times weights, in a sum that has ``added`` more terms, of which ``bias`` is followed here."""
        w = self.weights[weight]
        inner, width = w.shape
        bias = zeros(1, width) if bias is None else bias
        size = absolute(w)
        exact = product(held.value, w, self.budget)
        carried = product(held.error, size, self.budget)
        beside = up(absolute(bias))
        terms = plus_row(product(held.size, size, self.budget), beside)
        self.note(terms)
        s = self.stored(1 + added)
        rounding = up(terms, (1 + s) * gamma(inner + added, self.unit))
        storing = up(plus_row(plus(absolute(exact), carried), beside), s)
        error = up(plus(carried, rounding, storing))
        return Held(plus_row(exact, bias), plus(error, units(exact.shape)))

    def scores(self, queries: Held, keys: Held) -> Matrix:
        """Of q k / sqrt(h), times sqrt(h): an inner product of inexact rows, and four roundings of a scaling."""
        columns = transpose(keys.size)
        exact = absolute(product(queries.value, transpose(keys.value), self.budget))
        terms = product(queries.size, columns, self.budget)
        self.note(terms)
        moved = plus(
            product(queries.error, transpose(absolute(keys.value)), self.budget),
            product(queries.size, transpose(keys.error), self.budget),
        )
        s = self.storage
        rounding = up(terms, (1 + s) * gamma(self.network.head, self.unit))
        error = plus(moved, rounding, up(plus(exact, moved), s))
        scaling = (1 + gamma(4, self.unit)) * (1 + s) - 1
        return plus(up(error, 1 + scaling), up(exact, scaling), units(exact.shape, 2))

    def exponentials(self, tokens: Matrix, positions: Matrix) -> Matrix:
        """What subtracting the largest score, and exp, add to the errors: one number a query. E264."""
        kappa = 2 * self.runs.exp_ulps * self.unit
        if not 0 <= kappa <= Fraction(1, 4):
            raise Failure(Code.E264, ulps=self.runs.exp_ulps, format=self.runs.arithmetic.name)
        ranges = (column(a, (max(row) - min(row) for row in a.rows)) for a in (self.paths.EQKE, self.paths.EQKP))
        errors = (column(a, (2 * max(row) for row in a.rows)) for a in (tokens, positions))
        spread = plus(up(plus(*ranges)), *errors)
        self.note(spread)
        root = isqrt(self.network.head) + 1
        logarithm = -(Fraction(-kappa * root, 1 - kappa) // Fraction(2) ** GRID)
        return plus(up(spread, self.unit), units(spread.shape, int(logarithm) + 2))

    def attended(self, values: Held) -> Held:
        """Averages by computed attention: within psi, relatively, of those by the softmax of nearby scores."""
        g, s = gamma(self.network.positions, self.unit), self.storage
        division = (1 + gamma(2, self.unit)) * (1 + s)
        psi = Fraction(division, 1 - g) * (1 + g) * (1 + s) - 1
        self.note(values.size)
        return Held(values.value, plus(values.error, up(values.size, psi), units(values.value.shape)))

    def residual(self, query: Held) -> Held:
        """x + b_O, each passing all additions of r, and stored once for each of ``beside`` ones."""
        additions = self.network.head + self.beside - 1
        relative = (1 + gamma(additions, self.unit)) * (1 + self.stored(self.beside)) - 1
        sizes = plus_row(query.size, up(absolute(self.weights["b_O"])))
        self.note(sizes)
        error = plus(query.error, up(sizes, relative), units(sizes.shape))
        return Held(plus_row(query.value, self.weights["b_O"]), error)

    def tables(self) -> Paths:
        """The five tables of errors; E261 to E264."""
        w, network = self.weights, self.network
        size = 3 * network.vocabulary + 4 * (network.model + network.head)
        self.budget.spend(20 * (network.vocabulary + network.positions) * size)
        last = matrix(w["W_pos"].rows[-1:], w["W_pos"].exponent)
        token, position, query = map(self.embedded, (w["W_E"], w["W_pos"], plus_row(w["W_E"], last)))
        queries = self.times(query, "W_Q", self.has["b_Q"], w["b_Q"])
        by_token = self.scores(queries, self.times(token, "W_K", self.has["b_K"]))
        by_position = self.scores(queries, self.times(position, "W_K", self.has["b_K"], w["b_K"]))
        later = self.exponentials(by_token, by_position)
        logits: list[Matrix] = []
        for held, bias in ((token, None), (position, w["b_V"])):
            attended = self.attended(self.times(held, "W_V", self.has["b_V"], bias))
            output = self.times(attended, "W_O", self.beside)
            logits.append(self.times(output, "W_U", self.has["b_U"]).error)
        direct = self.times(self.residual(query), "W_U", self.has["b_U"], w["b_U"]).error
        self.check_range()
        widened = matrix(
            ([e + more for e in row] for row, (more,) in zip(by_position.rows, later.rows, strict=True)), GRID
        )
        return Paths(UU=direct, EVOU=logits[0], PVOU=logits[1], EQKE=by_token, EQKP=widened)

    def check_range(self) -> None:
        """E261, E262."""
        arithmetic, bound = self.runs.arithmetic, self.magnitude
        if 4 * bound >= Fraction(2) ** arithmetic.end:
            raise Failure(Code.E261, format=arithmetic.name)
        underflow = 8 * bound * Fraction(2) ** arithmetic.least
        if 16 * self.steps * self.network.positions * bound * underflow > Fraction(2) ** GRID:
            raise Failure(Code.E262, format=arithmetic.name, grid=GRID)


def moved(paths: Paths, errors: Paths, side: int) -> Paths:
    """The path matrices plus (``side`` 1) or minus (-1) their errors."""
    names = ("UU", "EVOU", "PVOU", "EQKE", "EQKP")
    signed = {name: matrix(([side * e for e in row] for row in getattr(errors, name).rows), GRID) for name in names}
    return Paths(**{name: plus(getattr(paths, name), signed[name]) for name in names})
