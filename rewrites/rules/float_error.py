"""How far every float run is from the real function, one table of errors for each table of the paths.

Theorem.  Let EQKE, EQKP, UU, EVOU, PVOU be the exact tables of the rounded weights.  For every float run on every
sequence t with query q there are positive w'_p with

    |log w'_p - (EQKE[q,t_p] + EQKP[q,p])/sqrt(h) - c| <= (e_EQKE[q,t_p] + e_EQKP[q,p])/sqrt(h)     (some c)
    |computed logit_x - Σ_p α'_p λ_q(p,t_p,x)| <= Σ_p α'_p (e_UU[q,x] + e_EVOU[t_p,x] + e_PVOU[p,x])

for all p and x, where α'_p = w'_p/Σ_j w'_j and λ is that of the paths.

Proof.  Stage by stage: :mod:`.float_stages`.

Source: N. Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 3; weights' own values instead of norms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt
from typing import Any

import numpy as np

from ...engine.arithmetic.bounds import largest_entry
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.interval import grid_bits, on_grid
from ...engine.arithmetic.printing import ceil_str
from ...engine.claim import Claim
from ...engine.digest import digest, tensor_digest
from ...engine.rule import NotEstablished, Rule
from ...models.float_statement import FloatStatement
from ...models.one_layer import one_layer_of
from .float_mixture import MIXTURE
from .float_product import PRODUCT
from .float_rounding import ROUNDING
from .float_softmax import SOFTMAX
from .float_stages import GRID, ErrorAnalysis
from .float_sum import SUM
from .float_tilt import TILT
from .network_function import NetworkFunction
from .path_decomposition import ALL_TABLES, NAMES, PATHS, Paths


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
            f"There are tables of errors $e_{{\\mathrm{{EQKE}}}}$, $e_{{\\mathrm{{EQKP}}}}$, $e_{{\\mathrm{{UU}}}}$, "
            "$e_{\\mathrm{EVOU}}$ and $e_{\\mathrm{PVOU}}$ such that "
            f"for every {self.statement.format.name} run there are weights $w'_p$ with $\\log w'_p$ within "
            "$(e_{\\mathrm{EQKE}}[q,t_p] + e_{\\mathrm{EQKP}}[q,p])/\\sqrt{d_h}$ of $\\mathrm{score}_p$, up to a "
            "common constant, such that every computed $\\mathrm{logit}_x$ is within $\\sum_p \\alpha'_p "
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
        network = one_layer_of(self.statement)
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
    """From the network as stored; advice: the :class:`FloatStatement`."""

    name = "float_error"
    certifiable = True
    version = 2
    premises = (NetworkFunction,)
    lemmas = (PATHS, ROUNDING, SUM, PRODUCT, SOFTMAX, MIXTURE, TILT)
    derivation = (
        "The weights are rounded to the format and decomposed into paths ([@path-decomposition]), and a float run of "
        "them is followed stage by stage; each number that may be stored is charged a storing for each time. Where a "
        "conversion by way of more bits rounds a weight otherwise, the distance is an error of the weight. By "
        "[@one-more-rounding], [@float-sum] and [@float-product] an inner product of inexact rows adds an error in "
        "proportion to the absolute values of its terms, and carries the errors before it on. Subtracting the "
        "largest score and exponentiating change the logarithm of a weight by a rounding and a storing of its "
        "distance from the largest, and by the stated error of the exponential. [@float-softmax] and "
        "[@float-mixture] bound the attended values: the exponentials that are added up, their sum, and those that "
        "are divided, the reciprocal and the quotient may be stored. The residual is one sum with the terms of "
        "$z\\,W_O$, and the logits are a product again. Entries are rounded up to multiples of $2^{-80}$, with one "
        "such unit at each stage for underflow; the magnitudes that occur exclude overflow. [@tilted-average] turns "
        "the errors of the weights into an error of a difference of logits."
    )
    cost = ALL_TABLES + ALL_TABLES

    def conclude(self, premises: Sequence[Any], advice: FloatStatement) -> FloatError:
        (network,) = premises
        if advice.stored.sha256 != network.statement.sha256:
            raise NotEstablished(self.tag, "the float runs are not those of this network")
        paths = Paths.of(advice.rounded)
        return FloatError(advice, paths, ErrorAnalysis(advice, paths).tables_of_errors(advice.exp_ulps))

    def encode(self, advice: FloatStatement) -> dict[str, Any]:
        return {"semantics": advice.format.name, "exp_ulps": advice.exp_ulps}
