"""The stages of a float run: the proof of the theorem of :mod:`.float_error`, and its five tables.

Proof.  Stage by stage, in the order of :mod:`...models.float_statement`.  What a run holds for a row of exact numbers
y is y + error, |error| <= e entry by entry; whoever reads it may read it as computed or as stored, for both are within
the bound.  Weights are held too: a conversion may round them once or twice.  An inner product of two such rows moves by
what float_product says, and its own sum errs by float_sum with the sizes |y| + e of what is held.  All bounds are
linear in absolute values, so x_p = W_E[t] + W_pos[p] may be followed as two rows, the token's and the position's, by
the triangle inequality.
Scores: an inner product, then the scaling: four roundings at most, and c, its reciprocal and the score may be stored.
Exponentials: log w'_p is off by the score's error, by one rounding and one storing of s_p - max s, relatively to its
share of the difference (max of row q - entry, a term for the token and one for the position), and by the exponential's
κ = 2·ulps·u, hence κ/(1-κ) in the logarithm.  The largest score is subtracted from all, so it need not be exact.
Attention, float_softmax: each exponential of the sum may be stored, and the sum; above it the exponential, the
reciprocal of the sum and the quotient may be stored, with two roundings.  Then float_mixture, for a_p = e_p/Σ e; if the
sum Σ e_p v_p is divided instead, each of its terms has passed the same roundings and storings.
r = x + z W_O + b_O is one sum (float_sum) of the h terms of z W_O, of x and of b_O: each may pass all its additions, so
that a program may begin the inner product with x.  Logits are a product with stored weights again.

Underflow.  With every operand at most B >= 1 in magnitude, an operation that underflows, or reads a subnormal operand
as zero, errs by at most τ = 8·B·least beyond its relative error.  A stage accumulates at most 16·N·K·B·τ of these,
N = d + h + K + 8, which is checked to be at most the unit 2^GRID that each stage adds to its error; a number passes at
most N roundings in a stage, and N·u <= 1/8 is checked, so that what underflowed at most doubles.  Overflow.  No partial
sum exceeds 4·B, which is checked to be below the largest number.

Source: N. Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 2 and 3, for single operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt

from ...engine.arithmetic.bounds import absolute, largest_entry, scaled_up
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.rule import NotEstablished
from ...models.float_statement import FloatStatement
from ...models.one_layer import one_layer_of
from .float_rounding import gamma
from .path_decomposition import NAMES, Paths

GRID = -80
UNIT = Fraction(1, 1 << -GRID)


def up(matrix: DyadicMatrix, factor: Fraction = Fraction(1)) -> DyadicMatrix:
    """Every entry times ``factor``, rounded up to a multiple of 2^GRID."""
    return scaled_up(matrix, factor, GRID)


def _units(shape: tuple[int, int], count: int = 1) -> DyadicMatrix:
    rows, columns = shape
    return DyadicMatrix.from_integers(rows, columns, [count] * (rows * columns), GRID)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of exact numbers, and how far from them a run may be, entry by entry (multiples of 2^GRID)."""

    value: DyadicMatrix
    error: DyadicMatrix

    @cached_property
    def size(self) -> DyadicMatrix:
        """At least the magnitude of what a run holds."""
        return up(absolute(self.value)) + self.error

    @property
    def T(self) -> Rows:
        return Rows(self.value.T, self.error.T)

    def row(self, index: int) -> Rows:
        return Rows(self.value.row(index), self.error.row(index))

    def on_every_row(self, rows: int) -> Rows:
        """One row, so many times."""
        ones = DyadicMatrix.ones(rows, 1)
        return Rows(ones @ self.value, ones @ self.error)

    def __add__(self, other: Rows) -> Rows:
        return Rows(self.value + other.value, self.error + other.error)


class ErrorAnalysis:
    """The stages of a float run.  ``largest`` grows to a bound of all operands' magnitudes."""

    def __init__(self, statement: FloatStatement, paths: Paths) -> None:
        self.form, self.network, self.tables = statement.format, one_layer_of(paths.statement), paths.tables
        self.tensors = {
            name: Rows(value, up(absolute(statement.rounded_twice[name] - value)))
            for name, value in one_layer_of(paths.statement).tensors.items()
        }
        self.steps = self.network.d_model + self.network.d_head + self.network.n_ctx + 8
        if 8 * self.steps * self.form.unit > 1:
            problem = f"{self.steps} roundings of relative error {self.form.unit} are too many"
            raise NotEstablished("float_error", problem)
        sizes = (largest_entry(tensor.size) for tensor in self.tensors.values())
        self.largest = max(Fraction(2 * self.network.n_ctx), *sizes)

    def stored(self, times: int) -> Fraction:
        """(1 + s)^times - 1: what storing so many times may do to a number, relatively."""
        return (1 + self.form.storage) ** times - 1

    def rounded_once(self, rows: Rows) -> Rows:
        """A sum of two stored numbers, followed for one of them or for both together."""
        relative = (1 + self.form.unit) * (1 + self.stored(1)) - 1
        return Rows(rows.value, rows.error + up(rows.size, relative) + _units(rows.value.shape))

    def inner(self, rows: Rows, columns: Rows, roundings: int, storings: int, bias: Rows | None = None) -> Rows:
        """Inner products of rows and columns, plus a bias, with so many roundings of each term and of the sum."""
        exact = rows.value @ columns.value
        shape = exact.shape
        added = Rows(_units(shape, 0), _units(shape, 0)) if bias is None else bias.on_every_row(shape[0])
        terms = rows.size @ columns.size + added.size
        moved = rows.error @ absolute(columns.value) + rows.size @ columns.error
        self._note(terms)
        s = self.stored(storings)
        rounding = up(terms, (1 + s) * gamma(roundings, self.form.unit))
        storing = up(absolute(exact) + moved + added.size, s)
        return Rows(exact, up(moved) + rounding + storing + _units(shape)) + added

    def product(self, rows: Rows, weight: str, bias: str | None, *, with_bias: bool = True, others: int = 0) -> Rows:
        """Rows times stored weights plus a bias.  Of a sum of rows, one takes the bias; all have its roundings.

        ``others``: so many terms of the same sum are followed elsewhere.
        """
        w = self.tensors[weight]
        b = self.tensors[bias] if bias is not None and self._has(bias) else None
        others += b is not None
        return self.inner(rows, w, w.value.shape[0] + others, 1 + others, b if with_bias else None)

    def scores(self, queries: Rows, keys: Rows) -> DyadicMatrix:
        """The error of computed scores times sqrt(h), queries × keys: inner products, scaled."""
        found = self.inner(queries, keys.T, self.network.d_head, 1)
        scaling = (1 + gamma(4, self.form.unit)) * (1 + self.stored(3)) - 1
        return up(found.error, 1 + scaling) + up(absolute(found.value), scaling) + _units(found.value.shape)

    def exponentials(self, table: DyadicMatrix, errors: DyadicMatrix) -> DyadicMatrix:
        """What subtracting the largest score adds to the error of a score, times sqrt(h): its share of a difference."""
        relative = (1 + self.form.unit) * (1 + self.stored(1)) - 1
        count = table.shape[1]
        below = up(_row_largest(table) @ DyadicMatrix.ones(1, count) - table)
        below = below + _row_largest(errors) @ DyadicMatrix.ones(1, count) + errors
        self._note(below)
        return up(below, relative)

    def exponential(self, ulps: int) -> int:
        """What the exponential adds to the error of a score, times sqrt(h), in units of 2^GRID."""
        kappa = 2 * ulps * self.form.unit
        if not 0 <= kappa <= Fraction(1, 4):
            most = f"2^{self.form.accumulated - 3}"
            raise NotEstablished("float_error", f"expected an exponential that errs by 0 to {most} ulps, found {ulps}")
        root = isqrt(self.network.d_head) + 1
        return int(-(-Fraction(kappa * root, 1 - kappa) // UNIT)) + 2

    def averaged(self, rows: Rows) -> Rows:
        """Values averaged by computed attention, against values averaged by the attention α' of the theorem."""
        added, divided = 1 + gamma(self.network.n_ctx, self.form.unit), 1 + gamma(2, self.form.unit)
        total = added * (1 + self.stored(2)) - 1
        attention = Fraction(divided * (1 + self.stored(3)), 1 - total)
        psi = attention * added * (1 + self.stored(1)) - 1
        self._note(up(rows.size, Fraction(self.network.n_ctx)))
        return Rows(rows.value, rows.error + up(rows.size, psi) + _units(rows.value.shape))

    def _has(self, bias: str) -> bool:
        """Whether a bias has an entry that is not zero in every run."""
        return largest_entry(self.tensors[bias].size) > 0

    @property
    def _beside(self) -> int:
        """How many terms the residual's sum has besides those of z W_O: x, and b_O unless it is zero."""
        return 1 + self._has("b_O")

    def output(self, values: Rows) -> Rows:
        """The part z W_O of the sum x + z W_O + b_O."""
        return self.product(values, "W_O", None, others=self._beside)

    def residual(self, rows: Rows) -> Rows:
        """The part x + b_O of the sum x + z W_O + b_O: each passes all of its additions."""
        steps, bias = self._beside, self.tensors["b_O"].on_every_row(rows.value.shape[0])
        relative = (1 + gamma(self.network.d_head + steps - 1, self.form.unit)) * (1 + self.stored(steps)) - 1
        sizes = rows.size + bias.size
        self._note(sizes)
        exact = rows + bias
        return Rows(exact.value, exact.error + up(sizes, relative) + _units(sizes.shape))

    def tables_of_errors(self, ulps: int) -> dict[str, DyadicMatrix]:
        """The five tables of the theorem; raises :class:`NotEstablished` where the range of the format may be left."""
        tensors, network = self.tensors, self.network
        own = tensors["W_E"] + tensors["W_pos"].row(network.n_ctx - 1).on_every_row(network.d_vocab)
        token, position, query = map(self.rounded_once, (tensors["W_E"], tensors["W_pos"], own))
        queries = self.product(query, "W_Q", "b_Q")
        score = {
            "EQKE": self.scores(queries, self.product(token, "W_K", "b_K", with_bias=False)),
            "EQKP": self.scores(queries, self.product(position, "W_K", "b_K")),
        }
        score = {name: error + self.exponentials(self.tables[name], error) for name, error in score.items()}
        score["EQKP"] = score["EQKP"] + _units(score["EQKP"].shape, self.exponential(ulps))
        logit = {}
        for name, rows, own_bias in (("EVOU", token, False), ("PVOU", position, True)):
            values = self.averaged(self.product(rows, "W_V", "b_V", with_bias=own_bias))
            logit[name] = self.product(self.output(values), "W_U", "b_U", with_bias=False).error
        logit["UU"] = self.product(self.residual(query), "W_U", "b_U").error
        self._require_range()
        errors = score | logit
        return {name: errors[name] for name in NAMES}

    def _note(self, sizes: DyadicMatrix) -> None:
        self.largest = max(self.largest, 4 * largest_entry(sizes))

    def _require_range(self) -> None:
        network, form = self.network, self.form
        if 4 * self.largest >= Fraction(2) ** form.end_exponent:
            raise NotEstablished("float_error", f"a {form.name} run may overflow")
        underflow = 8 * self.largest * form.least
        if 16 * self.steps * network.n_ctx * self.largest * underflow > UNIT:
            raise NotEstablished("float_error", f"underflow in {form.name} may cost more than 2^{GRID}")


def _row_largest(matrix: DyadicMatrix) -> DyadicMatrix:
    largest = [max(row) for row in matrix.integers()]
    return DyadicMatrix.from_integers(len(largest), 1, largest, matrix.exponent)
