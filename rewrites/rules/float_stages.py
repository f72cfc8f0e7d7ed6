"""The stages of a float run: the proof of the theorem of :mod:`.float_error`, and its five tables.

Proof.  Stage by stage, in the order of :mod:`...models.float_statement`.  What a run holds for a row of exact numbers
y is y + error, |error| <= e entry by entry; a product with stored weights carries e·|W| on and adds the error of the
sum (float_sum) with (|y| + e)·|W| in place of the terms' absolute values.  All bounds are linear in absolute values, so
x_p = W_E[t] + W_pos[p] may be followed as two rows, the token's and the position's, by the triangle inequality.
Scores: the inner product of two inexact rows (float_product), its own sum, the scaling (four roundings at most), the
subtraction of the largest score (one rounding of a difference of scores of the row), and the exponential (κ = 2·ulps·u
relatively, hence κ/(1-κ) in the logarithm).  Attention: float_softmax with η, then float_mixture.  r = x + z W_O + b_O
is one sum (float_sum) of the h terms of z W_O, of x and of b_O: each may pass all its additions, so that a program may
begin the inner product with x.  Logits are a product with stored weights again.

Underflow.  With every operand at most B >= 1 in magnitude, an operation that underflows, or reads a subnormal operand
as zero, errs by at most τ = 8·B·least beyond its relative error.  A stage accumulates at most 16·N·K·B·τ of these,
N = d + h + K + 8, which is checked to be at most the unit 2^GRID that each stage adds to its error; a number passes at
most N roundings in a stage, and N·u <= 1/8 is checked, so that what underflowed at most doubles.  Overflow.  No partial
sum exceeds 4·B, which is checked to be below the largest number.

Source: spec/beyond_max_of_k.md R31.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt

from ...engine.arithmetic.bounds import absolute, largest_entry, row_ranges, scaled_up
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.float_format import FloatFormat
from ...engine.rule import NotEstablished
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


def _on_every_row(row: DyadicMatrix, rows: int) -> DyadicMatrix:
    return DyadicMatrix.ones(rows, 1) @ row


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of exact numbers, and how far from them a run may be, entry by entry (multiples of 2^GRID)."""

    value: DyadicMatrix
    error: DyadicMatrix

    @cached_property
    def size(self) -> DyadicMatrix:
        """At least the magnitude of what a run holds."""
        return up(absolute(self.value)) + self.error


class ErrorAnalysis:
    """The stages of a float run.  ``largest`` grows to a bound of all operands' magnitudes."""

    def __init__(self, paths: Paths, form: FloatFormat) -> None:
        self.form, self.network = form, paths.statement.network
        self.tensors, self.tables = self.network.tensors, paths.tables
        self.largest = max(Fraction(2 * self.network.n_ctx), *map(_magnitude, self.tensors.values()))

    def rounded_once(self, value: DyadicMatrix) -> Rows:
        """A sum of two stored numbers, followed for one of them or for both together."""
        relative = (1 + self.form.unit) * (1 + self.form.storage) - 1
        return Rows(value, up(absolute(value), relative) + _units(value.shape))

    def product(self, rows: Rows, weight: str, bias: str | None, *, with_bias: bool = True, others: int = 0) -> Rows:
        """Rows times stored weights plus a bias.  Of a sum of rows, one takes the bias; all have its roundings.

        ``others``: so many terms of the same sum are followed elsewhere.
        """
        w = self.tensors[weight]
        b = self.tensors[bias] if bias is not None else DyadicMatrix.zero(1, w.shape[1])
        biased = _magnitude(b) > 0
        if not with_bias:
            b = DyadicMatrix.zero(1, w.shape[1])
        g = gamma(w.shape[0] + biased + others, self.form.unit)
        s = (1 + self.form.storage) ** (1 + biased + others) - 1
        plain, count = rows.value @ w, rows.value.shape[0]
        bias_size = _on_every_row(up(absolute(b)), count)
        carried = rows.error @ absolute(w)
        terms = rows.size @ absolute(w) + bias_size
        self._note(terms)
        stored = absolute(plain) + carried + bias_size
        error = carried + up(terms, (1 + s) * g) + up(stored, s)
        return Rows(plain + _on_every_row(b, count), up(error) + _units(plain.shape))

    def scores(self, queries: Rows, keys: Rows) -> DyadicMatrix:
        """The error of computed scores times sqrt(h), queries × keys."""
        s, columns = self.form.storage, keys.value.shape[1]
        exact = absolute(queries.value @ keys.value.T)
        terms = queries.size @ keys.size.T
        self._note(terms)
        moved = queries.error @ absolute(keys.value).T + queries.size @ keys.error.T
        error = moved + up(terms, (1 + s) * gamma(columns, self.form.unit)) + up(exact + moved, s)
        scaling = (1 + gamma(4, self.form.unit)) * (1 + s) - 1
        return up(error, 1 + scaling) + up(exact, scaling) + _units(exact.shape, 2)

    def exponentials(self, tokens: DyadicMatrix, positions: DyadicMatrix, ulps: int) -> DyadicMatrix:
        """What subtracting the largest score and exponentiating add to the error, times sqrt(h): a column over q."""
        kappa = 2 * ulps * self.form.unit
        if not 0 <= kappa <= Fraction(1, 4):
            most = f"2^{self.form.accumulated - 3}"
            raise NotEstablished("float_error", f"expected an exponential that errs by 0 to {most} ulps, found {ulps}")
        ranges = [row_ranges(self.tables[name]) for name in ("EQKE", "EQKP")]
        errors = [_row_largest(table) for table in (tokens, positions)]
        spread = up(sum(ranges[1:], ranges[0])) + errors[0] + errors[0] + errors[1] + errors[1]
        self._note(spread)
        root = isqrt(self.network.d_head) + 1
        constant = -(-Fraction(kappa * root, 1 - kappa) // UNIT) + 2
        return up(spread, self.form.unit) + _units(spread.shape, int(constant))

    def averaged(self, rows: Rows) -> Rows:
        """Values averaged by computed attention, against values averaged by the attention α' of the theorem."""
        g, s = gamma(self.network.n_ctx, self.form.unit), self.form.storage
        f = (1 + gamma(2, self.form.unit)) * (1 + s) - 1
        eta = Fraction(1 + f, 1 - g) - 1
        psi = (1 + eta) * (1 + g) * (1 + s) - 1
        self._note(rows.size)
        return Rows(rows.value, rows.error + up(rows.size, psi) + _units(rows.value.shape))

    @property
    def _beside(self) -> int:
        """How many terms the residual's sum has besides those of z W_O: x, and b_O unless it is zero."""
        return 1 + (_magnitude(self.tensors["b_O"]) > 0)

    def output(self, values: Rows) -> Rows:
        """The part z W_O of the sum x + z W_O + b_O."""
        return self.product(values, "W_O", None, others=self._beside)

    def residual(self, rows: Rows) -> Rows:
        """The part x + b_O of the sum x + z W_O + b_O: each passes all of its additions."""
        steps, bias = self._beside, self.tensors["b_O"]
        additions = self.network.d_head + steps - 1
        relative = (1 + gamma(additions, self.form.unit)) * (1 + self.form.storage) ** steps - 1
        count = rows.value.shape[0]
        sizes = rows.size + _on_every_row(up(absolute(bias)), count)
        self._note(sizes)
        error = rows.error + up(sizes, relative) + _units(rows.value.shape)
        return Rows(rows.value + _on_every_row(bias, count), error)

    def tables_of_errors(self, ulps: int) -> dict[str, DyadicMatrix]:
        """The five tables of the theorem; raises :class:`NotEstablished` where the range of the format may be left."""
        tensors, network = self.tensors, self.network
        own = tensors["W_E"] + _on_every_row(tensors["W_pos"].row(network.n_ctx - 1), network.d_vocab)
        token, position, query = map(self.rounded_once, (tensors["W_E"], tensors["W_pos"], own))
        queries = self.product(query, "W_Q", "b_Q")
        score = {
            "EQKE": self.scores(queries, self.product(token, "W_K", "b_K", with_bias=False)),
            "EQKP": self.scores(queries, self.product(position, "W_K", "b_K")),
        }
        later = self.exponentials(score["EQKE"], score["EQKP"], ulps)
        score["EQKP"] = score["EQKP"] + later @ DyadicMatrix.ones(1, network.n_ctx)
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
        steps = network.d_model + network.d_head + network.n_ctx + 8
        if 8 * steps * form.unit > 1:
            raise NotEstablished("float_error", f"{steps} roundings of relative error {form.unit} are too many")
        if 16 * steps * network.n_ctx * self.largest * underflow > UNIT:
            raise NotEstablished("float_error", f"underflow in {form.name} may cost more than 2^{GRID}")


def _magnitude(matrix: DyadicMatrix) -> Fraction:
    return largest_entry(absolute(matrix))


def _row_largest(matrix: DyadicMatrix) -> DyadicMatrix:
    largest = [max(row) for row in matrix.integers()]
    return DyadicMatrix.from_integers(len(largest), 1, largest, matrix.exponent)
