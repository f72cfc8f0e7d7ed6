"""The mean loss from a quotient: leads of the right output that are bounded well enough, and the others evaluated.

Theorem.  Let F, F̃, D, ρ and the slack be those of a quotient ([@remainder-by-norms]), S = 2^T the scale of the grids
and c the right answer.  Then S (f_c - f_z) lies within D(c, z) ρ(x, y) + slack of F̃_c - F̃_z, and within slack of
F_c - F_z, which is evaluated for the open rivals z: those of which the first bound leaves a lead below a cut.  The loss
log(1 + Σ_z exp(f_z - f_c)) lies between its values at both ends of all leads.

A lead known up to e changes its term exp(f_z - f_c) by a factor of exp(±e), and most terms hardly count: a coarse bound
is enough for all but the few rivals that make up the loss.

Proof.  [@difference-enclosed] is Cauchy-Schwarz, on the grids and up to the slack ([@grid-network]); [@cross-entropy]
for the loss.  ∎

Cost, besides the quotient's: for n n' inputs and C outputs two exponentials, both ends formed and added up (4 n n' C);
with k open rivals an input takes (k + 3) m + k.

Source: mechproof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.arithmetic.fixed_point import ROOM, Table
from ...engine.arithmetic.integer_product import largest
from ...engine.claim import Shown
from ...engine.cost import Cost
from ...engine.formula import Absolute, Num, Range, Total, Var, entry
from ...engine.rule import Lemma, NotEstablished, Rule
from ..enumeration.loss import cross_entropy
from .cascade import leads
from .enclosed_number import UNIT_BITS, in_units
from .loss import Loss
from .loss_tree import CROSS_ENTROPY
from .network_function import NetworkFunction
from .quotient import CHUNK, Accepted, Application, encoded

LEAST = 1 << UNIT_BITS - 40  # a certificate's bounds lie so far outside, in units

_i, _k, _D, _rho = Var("i"), Var("k"), Var("D"), Var("\\rho")
_neurons = Range(Num(0), _k)
_weights = entry("a", _i) - entry("b", _i)
_rest = entry("h", _i) - entry("g", _i)
ENCLOSED = Lemma(
    label="difference-enclosed",
    title="A difference of logits from replaced neurons, on both sides",
    given="For all reals $a_i$, $b_i$ (weights of two outputs), $h_i$, $g_i$ with $i < k$, and $D, \\rho \\ge 0$:",
    statement=(Total(_i, _neurons, _weights * _weights) <= _D * _D).implies(
        (Total(_i, _neurons, _rest * _rest) <= _rho * _rho).implies(
            Absolute(Total(_i, _neurons, _weights * entry("h", _i)) - Total(_i, _neurons, _weights * entry("g", _i)))
            <= _D * _rho
        )
    ),
    proof="The difference is $\\sum (a_i - b_i)(h_i - g_i)$ (Cauchy-Schwarz).",
    source="Cauchy-Schwarz",
)


@dataclass(frozen=True)
class QuotientLoss(Loss):
    """low·2^-UNIT_BITS <= mean loss <= high·2^-UNIT_BITS, by a quotient and its open rivals."""

    by: Accepted

    def certified(self) -> Loss:
        """What a certificate says: next to nothing less."""
        return Loss(self.statement, max(self.low - LEAST, 0), self.high + LEAST)

    def shown(self) -> Shown:
        grids, advice = self.by.grid.grids, self.by.advice
        premise = NetworkFunction(self.statement)
        return Shown("quotient_loss/1", (premise,), lambda: encoded(grids, advice) | {"cut": f"{advice.cut:#x}"})


class LossFromQuotient(Rule):
    """No advice; refuses forms that are only near their network."""

    name = "loss_from_quotient"
    premises = (Accepted,)
    lemmas = (ENCLOSED, CROSS_ENTROPY)
    derivation = (
        "By [@difference-enclosed] and the grids' slack every lead of the right output lies between two integers; "
        "those over open rivals are evaluated on the grids. By [@cross-entropy] the loss of an input lies between its "
        "values at both ends; all are added up, and divided by the number of inputs."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> QuotientLoss:
        accepted: Accepted = premises[0]
        grid, outputs = accepted.grid, accepted.grid.out.shape[1]
        if not grid.exact or accepted.advice.largest:
            raise NotEstablished(
                self.tag, "the tables are only near the network, or the distances those of other outputs"
            )
        low = high = Fraction(0)
        tables = Application(grid, accepted.advice, self.tag)
        distance, remainder = tables.distances(), tables.remainders()
        columns = np.arange(grid.answers.shape[1])
        step = max(CHUNK // (len(columns) * outputs), 1)
        for start in range(0, len(grid.answers), step):
            tokens = np.arange(start, min(start + step, len(grid.answers)), dtype=np.int64)
            logits, right, rho = tables.sum.at(tokens), grid.answers[tokens], remainder[tokens]
            here = (np.arange(len(tokens))[:, None], columns, right)
            lead = logits[here][:, :, None] - logits
            away = distance[right] * rho[:, :, None] + grid.slack
            rivals = np.unpackbits(accepted.rivals[tokens], axis=2, count=outputs) == 1
            x, y, z = np.nonzero(rivals)
            lead[rivals], away[rivals] = leads(grid, tokens[x], y, z), grid.slack
            away[here] = 0
            if largest(lead) + largest(away) >= 1 << ROOM:
                raise NotEstablished(self.tag, "the leads on these grids do not fit the words")
            ends = [
                Table((sign * away - lead).reshape(-1, outputs), np.zeros(right.size, dtype=np.int64), -grid.grids.bits)
                for sign in (-1, 1)
            ]
            low += cross_entropy(ends[0], right.reshape(-1)).lower
            high += cross_entropy(ends[1], right.reshape(-1)).upper
        each = Fraction(1, grid.answers.size)
        return QuotientLoss(grid.statement, *in_units(low * each, high * each), accepted)

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        accepted: Accepted = premises[0]
        neurons, outputs = accepted.grid.out.shape
        ends, rivals = 2 * accepted.accepted.size * outputs, accepted.rivals_left
        left = accepted.accepted.size - accepted.count
        return Cost(
            multiply=(left + rivals) * neurons,
            add=2 * ends + left * neurons + rivals,
            exp=ends,
            compare=left * neurons,
        )
