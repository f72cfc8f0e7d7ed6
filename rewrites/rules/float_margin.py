"""When every float run of a network is right, or every one wrong, on a sequence.

Theorem.  Let 0 < w⁻_p <= w'_p <= w⁺_p, α'_p = w'_p/Σ_j w'_j, and let computed logits L_x satisfy
|L_x - Σ_p α'_p λ_p(x)| <= Σ_p α'_p e_p(x).  Put Δ^± = λ_p(x) - λ_p(m) ± (e_p(x) + e_p(m)).  Then

    Σ_p max(w⁻_p Δ⁺_p, w⁺_p Δ⁺_p) < 0   implies   L_x < L_m,
    Σ_p min(w⁻_p Δ⁻_p, w⁺_p Δ⁻_p) >= 0  implies   L_x >= L_m.

The sums have one term a position again, so rules that count sequences by enclosures of such terms count the sequences
on which every float run is right, or wrong, without change.

Proof.  L_x - L_m <= Σ_p α'_p Δ⁺_p has the sign of Σ_p w'_p Δ⁺_p, and each term is linear in w'_p.

Source: :mod:`.additive_margin` with the errors of :mod:`.float_error`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpz_mat

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.interval import (
    IntervalTable,
    ScaledTable,
    at_scale,
    grid_bits,
    on_grid,
    outer_product,
    scaled_table,
)
from ...engine.cost import Cost
from ...engine.digest import digest
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, Rule
from ...models.float_statement import FloatStatement
from ...models.one_layer import one_layer_of
from .additive_margin import AdditiveMargin
from .float_error import FloatError
from .float_stages import GRID
from .margin_enclosure import (
    EXP_PRECISION,
    MANTISSA_BITS,
    WEIGHT_BITS,
    LogitPart,
    MarginEnclosure,
    centred_rows,
    exponentials_of,
)

PRECISION = 256

_p = Var("p")
_positions = Range(Num(0), Var("K"))
_w, _low, _high, _d, _e, _up, _down = (
    At(name, _p, subscript=True) for name in ("w'", "w^{-}", "w^{+}", "\\Delta", "e", "a", "b")
)
_zero = Num(0)
_share = Total(_p, _positions, _w)
_room = Total(_p, _positions, _w * _e).over(_share)
_near = Absolute(Var("L") - Total(_p, _positions, _w * _d).over(_share)) <= _room

FLOAT_MARGIN = Lemma(
    label="float-margin",
    title="The sign of a computed logit difference",
    given=(
        "For all reals $w'_p > 0$ ($p < K$, $K \\ge 1$), $w^{-}_p$, $w^{+}_p$, $\\Delta_p$ (the exact "
        "$\\lambda_p(x) - \\lambda_p(m)$), "
        "$e_p \\ge 0$ (the errors of both logits), $L$ (the computed $\\mathrm{logit}_x$ minus the "
        "computed $\\mathrm{logit}_m$), and all $a_p$, $b_p$ with the bounds stated:"
    ),
    statement=(
        ForAll(
            _p,
            _positions,
            (_low <= _w)
            & (_w <= _high)
            & (_low * (_d + _e) <= _up)
            & (_high * (_d + _e) <= _up)
            & (_down <= _low * (_d - _e))
            & (_down <= _high * (_d - _e)),
        )
        & _near
    ).implies(
        (Total(_p, _positions, _up) < _zero).implies(Var("L") < _zero)
        & (Total(_p, _positions, _down) >= _zero).implies(Var("L") >= _zero)
    ),
    proof=(
        "$L \\sum_j w'_j$ lies between $\\sum_p w'_p (\\Delta_p - e_p)$ and $\\sum_p w'_p (\\Delta_p + e_p)$. A term "
        "is linear in $w'_p$, so it lies between $b_p$, at most the lesser of its values at the ends, and $a_p$, at "
        "least the greater."
    ),
    source="mechproof",
)


@dataclass(frozen=True)
class FloatMargin(AdditiveMargin):
    """The tables D⁻ <= D⁺ of the theorem above; ``paths`` are those of the rounded weights.

    It implies the claim about real numbers with the same enclosures, since exact arithmetic is a float run.
    """

    error: FloatError = field(kw_only=True)

    kind = "float_margin"

    @property
    def statement(self) -> FloatStatement:
        return self.error.statement

    def identity(self) -> str:
        return digest([self.kind, self.error.identity()])

    def sentence(self) -> str:
        form = self.statement.format.name
        return (
            f"For $q = t_{{K-1}}$ and $m = \\max t$, every {form} run is right on $t$ if $\\sum_p D^{{+}}_{{q,m,x}}(p, "
            "t_p) < 0$ for every $x \\ne m$, and every one is wrong if $\\sum_p D^{-}_{q,m,x}(p, t_p) \\ge 0$ for some "
            "$x$. Here $D^{+}_{q,m,x}(p,t)$ is the largest $w\\,(\\lambda_q(p,t,x) - \\lambda_q(p,t,m) + e_q(p,t,x) + "
            "e_q(p,t,m))$ and $D^{-}_{q,m,x}(p,t)$ the least $w\\,(\\lambda_q(p,t,x) - \\lambda_q(p,t,m) - e_q(p,t,x) "
            "- "
            "e_q(p,t,m))$ over the weights $w$ with $|\\log w - (\\mathrm{EQKE}[q,t] + "
            "\\mathrm{EQKP}[q,p])/\\sqrt{d_h}| \\le "
            "(e_{\\mathrm{EQKE}}[q,t] + e_{\\mathrm{EQKP}}[q,p])/\\sqrt{d_h}$, and $e_q(p,t,x) = "
            "e_{\\mathrm{UU}}[q,x] + "
            "e_{\\mathrm{EVOU}}[t,x] + e_{\\mathrm{PVOU}}[p,x]$."
        )

    @cached_property
    def enclosure(self) -> MarginEnclosure:
        """Fixed-point tables that enclose [D⁻, D⁺], computed once for this claim."""
        return FloatEnclosure(self.error)

    def sign(self, q: int, m: int, x: int, tokens: Sequence[int]) -> int | None:
        """-1 if every run has logit x below logit m, 1 if every run has it as large or larger, otherwise None."""
        for side in (1, -1):
            if self._extreme_sign(q, m, x, tokens, side) == -side:
                self.stages[f"balls of {PRECISION} bits"] += 1
                return -side
        self.stages["left to the run"] += 1
        return None

    def _extreme_sign(self, q: int, m: int, x: int, tokens: Sequence[int], side: int) -> int | None:
        """The sign of Σ_p D⁺ (``side`` 1) or Σ_p D⁻ (``side`` -1)."""
        paths, error = self.paths, self.error
        score_exponent, logit_exponent = min(paths.score_exponent, GRID), min(paths.logit_exponent, GRID)
        with precision(PRECISION):
            root, total = Ball.sqrt(one_layer_of(paths.statement).d_head), Ball.dyadic(0, 0)
            for position, token in enumerate(tokens):
                room = error.logit(q, position, token, x) + error.logit(q, position, token, m)
                exact = paths.logit_difference(q, position, token, x, m) << (paths.logit_exponent - logit_exponent)
                value = exact + (side * room << (GRID - logit_exponent))
                tilt = error.score(q, position, token) << (GRID - score_exponent)
                score = paths.score(q, position, token) << (paths.score_exponent - score_exponent)
                score += tilt if value * side > 0 else -tilt
                weight = Ball.dyadic(score, score_exponent).over(root).exp()
                total = total + weight * Ball.dyadic(value, logit_exponent)
            return total.sign()


class FloatEnclosure(MarginEnclosure):
    """Tables that enclose [D⁻, D⁺]: weights and logits are intervals as wide as a run may err."""

    def __init__(self, error: FloatError) -> None:
        super().__init__(error.paths)
        self.error = error

    def _moved(self, name: str, side: int) -> DyadicMatrix:
        """A table plus (``side`` 1) or minus (``side`` -1) its errors."""
        table, error = self.paths.tables[name], self.error.errors[name]
        return table + error if side > 0 else table - error

    @cached_property
    def _ends(self) -> list[tuple[ScaledTable, ScaledTable]]:
        """Enclosures of w⁻ and of w⁺, one pair of K × V tables a query."""
        with precision(EXP_PRECISION):
            root = Ball.sqrt(self._root)
            tokens, positions = (
                [scaled_table(exponentials_of(self._moved(name, side), root), MANTISSA_BITS) for side in (-1, 1)]
                for name in ("EQKE", "EQKP")
            )
        low, high = (
            [outer_product(token[q], position[q]) for q in range(self.d_vocab)]
            for token, position in zip(tokens, positions, strict=True)
        )
        return list(zip(low, high, strict=True))

    @cached_property
    def _parts(self) -> tuple[dict[str, LogitPart], int]:
        exponent = min(self.paths.logit_exponent, GRID)
        ends = {}
        for name in ("UU", "EVOU", "PVOU"):
            middle = centred_rows(self.paths.tables[name].at_exponent(exponent))
            room = self.error.errors[name].at_exponent(exponent)
            ends[name] = middle - room, middle + room
        budget = 62 - WEIGHT_BITS - (self.n_ctx - 1).bit_length()
        # a difference has at most twice the magnitude of its part, and three parts are added: 2·3 < 2^3
        shift = max(grid_bits(end, budget - 4) for both in ends.values() for end in both)
        return {
            name: LogitPart(IntervalTable(on_grid(low, shift).lower, on_grid(high, shift).upper), _columns(low))
            for name, (low, high) in ends.items()
        }, exponent + shift

    def _attention(self, q: int, m: int) -> tuple[IntervalTable, IntervalTable, int]:
        last = self.n_ctx - 1
        low, high = self._ends[q]
        largest = int(high.exponent[:last, : m + 1].max(initial=int(high.exponent[last, q])))
        scale = largest + 2 * MANTISSA_BITS - WEIGHT_BITS
        return (
            _between(low[:last, : m + 1], high[:last, : m + 1], scale),
            _between(low[last, q], high[last, q], scale),
            scale,
        )


def _between(low: ScaledTable, high: ScaledTable, scale: int) -> IntervalTable:
    """From the lower ends of one table to the upper ends of the other, in units of 2^scale."""
    return IntervalTable(at_scale(low, scale).lower, at_scale(high, scale).upper)


def _columns(values: fmpz_mat) -> np.ndarray:
    """Ids that are equal in equal columns only: a computed logit equals itself, and no other for certain."""
    return np.broadcast_to(np.arange(values.ncols()), (values.nrows(), values.ncols()))


class FloatMarginRule(Rule):
    """From the errors; no advice."""

    name = "float_margin"
    certifiable = True
    premises = (FloatError,)
    lemmas = (FLOAT_MARGIN,)
    derivation = (
        "[@float-margin] for every sequence and every pair $x \\ne m$, with the weights and errors of the float run."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> FloatMargin:
        (error,) = premises
        return FloatMargin(error.paths, error=error)
