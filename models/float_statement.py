"""A statement about the float runs of a network: which programs, which arithmetic, which exponential.

A *float run* takes the stored weights, each rounded to the nearest number of the format (ties to even; a weight may be
rounded to ``accumulated`` bits first, as torch does on the way from float64 to bfloat16), and computes

    x_p = W_E[t_p] + W_pos[p];  q = x_{K-1} W_Q + b_Q;  k_p = x_p W_K + b_K;  v_p = x_p W_V + b_V;
    s_p = (q · k_p) / c  (or times a rounded 1/c), c within 2^(1-accumulated) of sqrt(d_head), relatively;
    e_p = exp(s_p - max_j s_j);  a_p = e_p / Σ_j e_j  (or times a rounded reciprocal of the sum);
    z = Σ_p a_p v_p  (or (Σ_p e_p v_p) / Σ_j e_j, or that times the reciprocal);
    r = x_{K-1} + z W_O + b_O;  logits = r W_U + b_U

in this order.  Sums (inner products with or without their bias, Σ e, and r, which is one sum of the terms of z W_O,
x_{K-1} and b_O) are taken in any order; products may be fused with additions, and any part may be computed with less
error than assumed:

* each operation has relative error at most 2^-accumulated;
* each number of :data:`STORED` may be stored, with relative error at most 2^-stored, and what reads it (the max reads
  the numbers that it is subtracted from) may read it as stored or as computed;
* a result below the least normal number may be any number of that size, and an operand as small may be read as zero;
* the exponential errs by at most ``exp_ulps`` units in the last place of ``accumulated`` bits.

Not covered: :data:`NOT_COVERED`.

Source: N. Higham, *Accuracy and Stability of Numerical Algorithms*, ch. 2 and 3.
docs/decisions/0009 says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.arithmetic.float_format import FloatFormat
from .one_layer import one_layer_of, with_weights
from .statement import Statement

EXP_ULPS = 4
# Of the description above; statements of other models have other hashes.
RUN_MODEL = 2

STORED = (
    "$x$; $q$, $k$ and $v$, before their biases and after; $q \\cdot k$; $c$; $1/c$; $s$; $s - \\max s$; $e$; "
    "$\\sum e$; $1/\\sum e$; $a$; $\\sum e\\,v$; $z$; $z\\,W_O$ and sums of any two of $x$, $b_O$, $z\\,W_O$; $r$; the "
    "logits, before $b_U$ and after"
)
NOT_COVERED = (
    "weights that are left unrounded (autocast of a longer format)",
    "products by Strassen-like schemes",
    "operands cut to fewer bits on the way (TF32, float32 products in bfloat16 parts)",
    "accumulators that cut results off instead of rounding them (tensor cores)",
    "sums whose products or partial sums are stored with fewer bits than they are added up with (an element-wise "
    "product and then a sum; split sums that are put together in bfloat16)",
    "scores scaled before the product",
    "a softmax that rescales as it goes, or adds up other exponentials than it divides (flash attention, online "
    "normalisers, other fused attention)",
    "matrices multiplied together first",
    "integer quantisation",
)


@dataclass(frozen=True, eq=False)
class FloatStatement(Statement):
    """Every float run of a network of one layer, judged on a task; ``network`` holds the weights as stored."""

    format: FloatFormat
    exp_ulps: int = EXP_ULPS

    def content(self) -> dict[str, Any]:
        return super().content() | {
            "semantics": {
                "runs": "every float run",
                "model": RUN_MODEL,
                "stored": self.format.name,
                "accumulated_bits": self.format.accumulated,
                "exp_ulps": self.exp_ulps,
            }
        }

    @cached_property
    def stored(self) -> Statement:
        """The real function of the weights as stored."""
        return Statement(self.network, self.task)

    @cached_property
    def rounded(self) -> Statement:
        """The real function of the rounded weights: what float runs compute approximately."""
        tensors = {name: self.format.rounded(matrix) for name, matrix in one_layer_of(self.stored).tensors.items()}
        return Statement(with_weights(tensors, self.network.source), self.task)

    @cached_property
    def rounded_twice(self) -> Mapping[str, DyadicMatrix]:
        """The weights rounded to the accumulated precision first: what a conversion through float32 gives."""
        return {name: self.format.rounded_twice(matrix) for name, matrix in one_layer_of(self.stored).tensors.items()}
