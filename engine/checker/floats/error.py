"""How far a float run may be from the real function of its weights: one table of errors for each path matrix.

A run holds numbers within ``error`` of exact ones, entry by entry, and each stage adds its own; what is read may be
read as computed or as stored. All bounds are linear in absolute values, so x_p = W_E[t] + W_pos[p] may be followed as a
token's and a position's row, and each part of a sum by itself. With u the error of an operation, s that of storing
(certificate.md has all of this with its reasons):

* Weights, too, are held: a conversion may round them twice.
* Of n terms added in any order each passes at most n roundings, its product included: 1 + theta, |theta| <= gamma_n =
  n u / (1 - n u). A sum of terms a_i, stored r times, errs by at most (1 + s') gamma_n sum |a_i| + s' |sum a_i|,
  1 + s' = (1 + s)^r.
* Weights of attention: subtracting the largest score rounds, and may store, a difference of two scores; the 1 + kappa
  of the exponential is a summand of at most kappa/(1 - kappa) in the logarithm. Both belong to the scores' errors, so
  that the exact softmax of nearby scores is what attention is compared with. Storing the exponentials of the sum, the
  sum, and above it the exponential, the reciprocal and the quotient changes these weights relatively, and so does
  averaging: by psi in all.
* r = x + z W_O + b_O is one sum of h + 2 terms (h + 1 without b_O), whichever way a program forms it.
* Underflow. With every operand at most B >= 1, an operation errs by at most 8 B 2**least beyond its relative error when
  its result, or an operand, is below 2**least. A stage makes at most 16 N K B of these errors, amplification included,
  N = d + h + K + 8 and N u <= 1/8 (E263); they are at most 2**GRID, which every stage adds (E262). No partial sum
  exceeds 4 B (E261).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt

from ..budget import Budget
from ..dyadic import Matrix, in_units, matrix, plus_row, product, transpose, zeros
from ..errors import Code, Failure
from ..one_layer.form import OneLayer, Paths
from .format import Runs

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


def plus_bias(held: Held, bias: Held) -> Held:
    """One held row added to every row, in the sum that gave them."""
    return Held(plus_row(held.value, bias.value), plus_row(held.error, bias.error))


def apart(a: Matrix, b: Matrix) -> Matrix:
    """|a - b| entry by entry, rounded up to multiples of 2**GRID."""
    return up(absolute(plus(a, matrix(([-v for v in row] for row in b.rows), b.exponent))))


class Analysis:
    """The stages of a run, whose weights are those of ``network`` or, entry by entry, those of ``twice``.

    ``magnitude`` grows to four times the largest sum of sizes that occurs.
    """

    def __init__(self, network: OneLayer, twice: OneLayer, paths: Paths, runs: Runs, budget: Budget) -> None:
        self.network, self.paths, self.runs, self.budget = network, paths, runs, budget
        self.unit, self.storage = runs.arithmetic.unit, runs.arithmetic.storage
        self.steps = network.model + network.head + network.positions + 8
        if 8 * self.steps * self.unit > 1:
            raise Failure(Code.E263, count=self.steps, bits=runs.arithmetic.accumulated)
        self.weights = {name: Held(a, apart(a, twice.tensors[name])) for name, a in network.tensors.items()}
        sizes = {name: largest(held.size) for name, held in self.weights.items()}
        self.magnitude = max(Fraction(2 * network.positions), *sizes.values())
        self.has = {name: bool(sizes[name]) for name in ("b_Q", "b_K", "b_V", "b_O", "b_U")}
        # what r has besides the terms of z W_O
        self.beside = 1 + self.has["b_O"]

    def note(self, sizes: Matrix) -> None:
        """These sums of sizes occur."""
        self.magnitude = max(self.magnitude, 4 * largest(sizes))

    def stored(self, times: int) -> Fraction:
        """(1 + s)^times - 1."""
        return (1 + self.storage) ** times - 1

    def once(self) -> Fraction:
        """One rounding, stored: relatively."""
        return (1 + self.unit) * (1 + self.storage) - 1

    def embedded(self, parts: Held) -> Held:
        """A sum of two stored numbers, or one of its two parts: one rounding, stored."""
        return Held(parts.value, plus(parts.error, up(parts.size, self.once()), units(parts.value.shape)))

    def inner(self, rows: Held, columns: Held, terms: int, storings: int, bias: Held | None = None) -> Held:
        """Rows times columns, and a bias, in a sum of so many terms that is stored so often."""
        exact = product(rows.value, columns.value, self.budget)
        nothing = zeros(1, exact.shape[1])
        bias = Held(nothing, nothing) if bias is None else bias
        sizes = plus_row(product(rows.size, columns.size, self.budget), bias.size)
        self.note(sizes)
        moved = plus(
            product(rows.error, absolute(columns.value), self.budget),
            product(rows.size, columns.error, self.budget),
        )
        s = self.stored(storings)
        rounding = up(sizes, (1 + s) * gamma(terms, self.unit))
        storing = up(plus_row(plus(absolute(exact), moved), bias.size), s)
        return plus_bias(Held(exact, plus(up(moved), rounding, storing, units(exact.shape))), bias)

    def times(self, held: Held, weight: str, added: int = 0, bias: Held | None = None) -> Held:
        """Rows times weights, in a sum that has ``added`` more terms, of which ``bias`` is followed here."""
        w = self.weights[weight]
        return self.inner(held, w, w.value.shape[0] + added, 1 + added, bias)

    def scores(self, queries: Held, keys: Held) -> Matrix:
        """Of q k / sqrt(h), times sqrt(h): an inner product, four roundings of a scaling, and three storings."""
        found = self.inner(queries, Held(transpose(keys.value), transpose(keys.error)), self.network.head, 1)
        scaling = (1 + gamma(4, self.unit)) * (1 + self.stored(3)) - 1
        return plus(up(found.error, 1 + scaling), up(absolute(found.value), scaling), units(found.value.shape))

    def below(self, exact: Matrix, errors: Matrix) -> Matrix:
        """The errors of scores, and what subtracting the largest score adds to them."""
        distances = plus(
            up(matrix(([max(row) - v for v in row] for row in exact.rows), exact.exponent)),
            matrix(([max(row) + v for v in row] for row in errors.rows), errors.exponent),
        )
        self.note(distances)
        return plus(errors, up(distances, self.once()))

    def exponential(self) -> int:
        """What exp adds to the error of a score, in units of 2**GRID; E264."""
        kappa = 2 * self.runs.exp_ulps * self.unit
        if not 0 <= kappa <= Fraction(1, 4):
            raise Failure(Code.E264, ulps=self.runs.exp_ulps, format=self.runs.arithmetic.name)
        root = isqrt(self.network.head) + 1
        return 2 - int(Fraction(-kappa * root, 1 - kappa) // Fraction(2) ** GRID)

    def attended(self, values: Held) -> Held:
        """Averages by computed attention: within psi, relatively, of those by the softmax of nearby scores."""
        added = 1 + gamma(self.network.positions, self.unit)
        total = added * (1 + self.stored(2)) - 1
        attention = Fraction((1 + gamma(2, self.unit)) * (1 + self.stored(3)), 1 - total)
        psi = attention * added * (1 + self.storage) - 1
        self.note(up(values.size, Fraction(self.network.positions)))
        return Held(values.value, plus(values.error, up(values.size, psi), units(values.value.shape)))

    def residual(self, query: Held) -> Held:
        """x + b_O, each passing all additions of r, and stored once for each of ``beside`` ones."""
        additions = self.network.head + self.beside - 1
        relative = (1 + gamma(additions, self.unit)) * (1 + self.stored(self.beside)) - 1
        held = plus_bias(query, self.weights["b_O"])
        sizes = plus_row(query.size, self.weights["b_O"].size)
        self.note(sizes)
        return Held(held.value, plus(held.error, up(sizes, relative), units(sizes.shape)))

    def tables(self) -> Paths:
        """The five tables of errors; E261 to E264."""
        w, network = self.weights, self.network
        size = 3 * network.vocabulary + 4 * (network.model + network.head)
        self.budget.spend(20 * (network.vocabulary + network.positions) * size)
        last = Held(*(matrix(a.rows[-1:], a.exponent) for a in (w["W_pos"].value, w["W_pos"].error)))
        token, position, query = map(self.embedded, (w["W_E"], w["W_pos"], plus_bias(w["W_E"], last)))
        queries = self.times(query, "W_Q", self.has["b_Q"], w["b_Q"])
        by_token = self.scores(queries, self.times(token, "W_K", self.has["b_K"]))
        by_position = self.scores(queries, self.times(position, "W_K", self.has["b_K"], w["b_K"]))
        by_token, by_position = self.below(self.paths.EQKE, by_token), self.below(self.paths.EQKP, by_position)
        logits: list[Matrix] = []
        for held, bias in ((token, None), (position, w["b_V"])):
            attended = self.attended(self.times(held, "W_V", self.has["b_V"], bias))
            output = self.times(attended, "W_O", self.beside)
            logits.append(self.times(output, "W_U", self.has["b_U"]).error)
        direct = self.times(self.residual(query), "W_U", self.has["b_U"], w["b_U"]).error
        self.check_range()
        by_position = plus(by_position, units(by_position.shape, self.exponential()))
        return Paths(UU=direct, EVOU=logits[0], PVOU=logits[1], EQKE=by_token, EQKP=by_position)

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
