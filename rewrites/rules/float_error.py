"""How far every float run is from the real function, one table of errors for each table of the paths.

Theorem.  Let EQKE, EQKP, UU, EVOU, PVOU be the exact tables of the rounded weights.  For every float run on every
sequence t with query q there are positive w'_p with

    |log w'_p - (EQKE[q,t_p] + EQKP[q,p])/sqrt(h) - c| <= (e_EQKE[q,t_p] + e_EQKP[q,p])/sqrt(h)     (some c)
    |computed logit_x - Σ_p α'_p λ_q(p,t_p,x)| <= Σ_p α'_p (e_UU[q,x] + e_EVOU[t_p,x] + e_PVOU[p,x])

for all p and x, where α'_p = w'_p/Σ_j w'_j and λ is that of the paths.

Proof.  Stage by stage, in the order of :mod:`...models.float_statement`.  What a run holds for a row of exact numbers
y is y + error, |error| <= e entry by entry; a product with stored weights carries e·|W| on and adds the error of the
sum (float_sum) with (|y| + e)·|W| in place of the terms' absolute values.  All bounds are linear in absolute values, so
x_p = W_E[t] + W_pos[p] may be followed as two rows, the token's and the position's, by the triangle inequality.
Scores: the inner product of two inexact rows (float_product), its own sum, the scaling (four roundings at most), the
subtraction of the largest score (one rounding of a difference of scores of the row), and the exponential (κ = 2·ulps·u
relatively, hence κ/(1-κ) in the logarithm).  Attention: float_softmax with η, then float_mixture.  Output and logits
are products with stored weights again.

Underflow.  With every operand at most B >= 1 in magnitude, an operation that underflows, or reads a subnormal operand
as zero, errs by at most τ = 8·B·least beyond its relative error.  A stage accumulates at most 16·N·K·B·τ of these,
N = d + h + K + 8, which is checked to be at most the unit 2^GRID that each stage adds to its error.  Overflow.  No
partial sum exceeds 4·B, which is checked to be below the largest number.

Source: spec/beyond_max_of_k.md R31; weights' own values instead of norms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt
from typing import Any

import numpy as np

from ...engine.arithmetic.bounds import absolute, largest_entry, row_ranges, scaled_up
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.float_format import FloatFormat
from ...engine.arithmetic.interval import grid_bits, on_grid
from ...engine.arithmetic.printing import ceil_str
from ...engine.claim import Claim
from ...engine.digest import digest, tensor_digest
from ...engine.rule import NotEstablished, Rule
from ...models.float_statement import FloatStatement
from .float_mixture import MIXTURE
from .float_product import PRODUCT
from .float_rounding import ROUNDING, gamma
from .float_softmax import SOFTMAX
from .float_sum import SUM
from .float_tilt import TILT
from .path_decomposition import ALL_TABLES, NAMES, Paths

GRID = -80
UNIT = Fraction(1, 1 << -GRID)


def _up(matrix: DyadicMatrix, factor: Fraction = Fraction(1)) -> DyadicMatrix:
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
        return _up(absolute(self.value)) + self.error


class ErrorAnalysis:
    """The stages of a float run.  ``largest`` grows to a bound of all operands' magnitudes."""

    def __init__(self, paths: Paths, form: FloatFormat) -> None:
        self.form, self.network = form, paths.statement.network
        self.tensors, self.tables = self.network.tensors, paths.tables
        self.largest = max(Fraction(2 * self.network.n_ctx), *map(_magnitude, self.tensors.values()))

    def rounded_once(self, value: DyadicMatrix) -> Rows:
        """A sum of two stored numbers, followed for one of them or for both together."""
        relative = (1 + self.form.unit) * (1 + self.form.storage) - 1
        return Rows(value, _up(absolute(value), relative) + _units(value.shape))

    def product(self, rows: Rows, weight: str, bias: str | None, *, with_bias: bool = True) -> Rows:
        """Rows times stored weights plus a bias.  Of a sum of rows, one takes the bias; all have its roundings."""
        w = self.tensors[weight]
        b = self.tensors[bias] if bias is not None else DyadicMatrix.zero(1, w.shape[1])
        biased = _magnitude(b) > 0
        if not with_bias:
            b = DyadicMatrix.zero(1, w.shape[1])
        g = gamma(w.shape[0] + biased, self.form.unit)
        s = (1 + self.form.storage) ** (1 + biased) - 1
        plain, count = rows.value @ w, rows.value.shape[0]
        bias_size = _on_every_row(_up(absolute(b)), count)
        carried = rows.error @ absolute(w)
        terms = rows.size @ absolute(w) + bias_size
        self._note(terms)
        stored = absolute(plain) + carried + bias_size
        error = carried + _up(terms, (1 + s) * g) + _up(stored, s)
        return Rows(plain + _on_every_row(b, count), _up(error) + _units(plain.shape))

    def scores(self, queries: Rows, keys: Rows) -> DyadicMatrix:
        """The error of computed scores times sqrt(h), queries × keys."""
        s, columns = self.form.storage, keys.value.shape[1]
        exact = absolute(queries.value @ keys.value.T)
        terms = queries.size @ keys.size.T
        self._note(terms)
        moved = queries.error @ absolute(keys.value).T + queries.size @ keys.error.T
        error = moved + _up(terms, (1 + s) * gamma(columns, self.form.unit)) + _up(exact + moved, s)
        scaling = (1 + gamma(4, self.form.unit)) * (1 + s) - 1
        return _up(error, 1 + scaling) + _up(exact, scaling) + _units(exact.shape, 2)

    def exponentials(self, tokens: DyadicMatrix, positions: DyadicMatrix, ulps: int) -> DyadicMatrix:
        """What subtracting the largest score and exponentiating add to the error, times sqrt(h): a column over q."""
        kappa = 2 * ulps * self.form.unit
        if kappa > Fraction(1, 4):
            raise NotEstablished("float_error", f"an exponential with {ulps} ulps of error is too inexact")
        ranges = [row_ranges(self.tables[name]) for name in ("EQKE", "EQKP")]
        errors = [_row_largest(table) for table in (tokens, positions)]
        spread = _up(sum(ranges[1:], ranges[0])) + errors[0] + errors[0] + errors[1] + errors[1]
        self._note(spread)
        root = isqrt(self.network.d_head) + 1
        constant = -(-Fraction(kappa * root, 1 - kappa) // UNIT) + 2
        return _up(spread, self.form.unit) + _units(spread.shape, int(constant))

    def averaged(self, rows: Rows) -> Rows:
        """Values averaged by computed attention, against values averaged by the attention α' of the theorem."""
        g, s = gamma(self.network.n_ctx, self.form.unit), self.form.storage
        f = (1 + gamma(2, self.form.unit)) * (1 + s) - 1
        eta = Fraction(1 + f, 1 - g) - 1
        psi = (1 + eta) * (1 + g) * (1 + s) - 1
        self._note(rows.size)
        return Rows(rows.value, rows.error + _up(rows.size, psi) + _units(rows.value.shape))

    def residual(self, rows: Rows, *, with_bias: bool = False) -> Rows:
        """A term of the sum x + z W_O + b_O; one takes the bias, which may be added before or after the others."""
        bias = self.tensors["b_O"]
        steps = 1 + (_magnitude(bias) > 0)
        if not with_bias:
            bias = DyadicMatrix.zero(*bias.shape)
        relative = (1 + gamma(steps, self.form.unit)) * (1 + self.form.storage) ** steps - 1
        count = rows.value.shape[0]
        terms = rows.size + _on_every_row(_up(absolute(bias)), count)
        self._note(terms)
        error = rows.error + _up(terms, relative) + _units(rows.value.shape)
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
            out = self.residual(self.product(values, "W_O", None))
            logit[name] = self.product(out, "W_U", "b_U", with_bias=False).error
        logit["UU"] = self.product(self.residual(query, with_bias=True), "W_U", "b_U").error
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
        if 16 * steps * network.n_ctx * self.largest * underflow > UNIT:
            raise NotEstablished("float_error", f"underflow in {form.name} may cost more than 2^{GRID}")


def _magnitude(matrix: DyadicMatrix) -> Fraction:
    return largest_entry(absolute(matrix))


def _row_largest(matrix: DyadicMatrix) -> DyadicMatrix:
    largest = [max(row) for row in matrix.integers()]
    return DyadicMatrix.from_integers(len(largest), 1, largest, matrix.exponent)


@dataclass(frozen=True)
class FloatError(Claim):
    """Every float run is within ``errors`` of the tables of ``paths``, which are those of the rounded weights."""

    statement: FloatStatement
    paths: Paths
    errors: Mapping[str, DyadicMatrix]

    kind = "float_error"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind, **{name: tensor_digest(self.errors[name]) for name in NAMES}}

    def identity(self) -> str:
        return digest([self.statement.sha256, self.paths.identity(), self.conclusion()])

    def sentence(self) -> str:
        largest = {name: rounded_up(largest_entry(self.errors[name])) for name in NAMES}
        return (
            f"For every {self.statement.format.name} run there are weights $w'_p$ with $\\log w'_p$ within "
            "$(e_{\\mathrm{EQKE}}[q,t_p] + e_{\\mathrm{EQKP}}[q,p])/\\sqrt{h}$ of $\\mathrm{score}_p$, up to a common "
            "constant, such that every computed $\\mathrm{logit}_x$ is within $\\sum_p \\alpha'_p "
            "(e_{\\mathrm{UU}}[q,x] + e_{\\mathrm{EVOU}}[t_p,x] + e_{\\mathrm{PVOU}}[p,x])$ of $\\sum_p \\alpha'_p "
            "\\lambda_q(p,t_p,x)$, where $\\alpha'_p = w'_p/\\sum_j w'_j$. The largest entries of the five tables of "
            "errors are at most "
            + ", ".join(f"${largest[name]}$ ($\\mathrm{{{name}}}$)" for name in NAMES)
            + ". So no difference of the logit of some $x$ and that of the largest token is further than "
            f"${rounded_up(self.logit_difference)}$ from its real value, on any input."
        )

    @cached_property
    def _entries(self) -> dict[str, list[list[int]]]:
        return {name: self.errors[name].integers() for name in NAMES}

    def score(self, q: int, p: int, t: int) -> int:
        """The error of the score, times sqrt(h), in units of 2^GRID."""
        return self._entries["EQKE"][q][t] + self._entries["EQKP"][q][p]

    def logit(self, q: int, p: int, t: int, x: int) -> int:
        """The error of logit x where all attention is on this position, in units of 2^GRID."""
        return self._entries["UU"][q][x] + self._entries["EVOU"][t][x] + self._entries["PVOU"][p][x]

    @cached_property
    def logit_difference(self) -> Fraction:
        """How far logit_x - logit_m of a run may be from the real value, for all inputs, m their largest token.

        The largest over cells of ε/2 times the range of λ(x) - λ(m) over the cell's positions and tokens, plus the
        errors of both logits.
        """
        network = self.statement.network
        exact = [self.paths.tables[name].at_exponent(self.paths.logit_exponent) for name in ("EVOU", "PVOU")]
        step = max(grid_bits(table, 58) for table in exact)
        value = [on_grid(table, step).lower for table in exact]
        value_unit = Fraction(2) ** (self.paths.logit_exponent + step)
        shift = max(grid_bits(self.errors[name].numerators, 58) for name in NAMES)
        error = {name: on_grid(self.errors[name].numerators, shift).upper for name in NAMES}
        unit = Fraction(2) ** (GRID + shift)
        least_root = Fraction(isqrt(network.d_head << 64), 1 << 32)
        worst = Fraction(0)
        for m in range(network.d_vocab):
            tokens, positions = (table - table[:, m : m + 1] for table in value)
            # each entry was rounded down once, so a difference of two is off by less than 1, a range by less than 2
            widest = np.max(_range(tokens[: m + 1]) + _range(positions)) + 4
            logit = error["UU"][: m + 1] + np.max(error["EVOU"][: m + 1], axis=0) + np.max(error["PVOU"], axis=0)
            both = np.max(logit, axis=1) + logit[:, m]
            score = np.max(error["EQKE"][: m + 1, : m + 1], axis=1) + np.max(error["EQKP"][: m + 1], axis=1)
            for q in range(m + 1):
                share = min(Fraction(1), Fraction(int(score[q]) * unit, 2 * least_root))
                worst = max(worst, share * int(widest) * value_unit + int(both[q]) * unit)
        return worst


def rounded_up(bound: Fraction) -> str:
    """A decimal of three significant digits, rounded up.

    >>> rounded_up(Fraction(1, 3000))
    '0.000334'
    """
    zeros = max(0, len(str(bound.denominator // max(bound.numerator, 1))) - 1)
    return ceil_str(bound, zeros + 3)


def _range(table: np.ndarray) -> np.ndarray:
    """Largest minus least entry of every column."""
    return np.max(table, axis=0) - np.min(table, axis=0)


class FloatErrorAnalysis(Rule):
    """From the paths of the rounded weights; advice: the :class:`FloatStatement`."""

    name = "float_error"
    premises = (Paths,)
    lemmas = (ROUNDING, SUM, PRODUCT, SOFTMAX, MIXTURE, TILT)
    derivation = (
        "A float run is followed stage by stage. By [@one-more-rounding] and [@float-sum] a product with stored "
        "weights adds an error in proportion to the absolute values of its terms, and carries the errors before it "
        "on; scores are inner products of two inexact rows ([@float-product]). Subtracting the largest score and "
        "exponentiating change the logarithms of the weights by a rounding of a difference of scores and by the "
        "stated error of the exponential. [@float-softmax] and [@float-mixture] bound the attended values, and the "
        "output and the logits are products again. Entries are rounded up to multiples of $2^{-80}$, with one such "
        "unit at each stage for underflow; the magnitudes that occur exclude overflow. [@tilted-average] turns the "
        "errors of the weights into an error of a difference of logits."
    )
    cost = ALL_TABLES + ALL_TABLES
    certifiable = False

    def conclude(self, premises: Sequence[Any], advice: FloatStatement) -> FloatError:
        (paths,) = premises
        if advice.rounded.sha256 != paths.statement.sha256:
            raise NotEstablished(self.tag, "the paths are not those of the rounded weights")
        return FloatError(advice, paths, ErrorAnalysis(paths, advice.format).tables_of_errors(advice.exp_ulps))
