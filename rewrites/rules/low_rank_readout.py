"""What the neurons write to the logits, read out in a few dimensions, with the rest bounded once for all outputs.

Theorem.  Let F_z(x, y) = Σ_i u_i(z) h_i(x, y) + q_z(x, y) be a network on integer grids.  For any integers A (m × r),
B (r × C) and μ_i, and δ_i(z) = 2^s u_i(z) - Σ_q A_iq B_qz,

    2^s F_z = Σ_q (Σ_i h_i A_iq) B_qz + Σ_i δ_i(z) μ_i + 2^s q_z + Σ_i δ_i(z) (h_i - μ_i).

If D(c, z)² >= Σ_i (δ_i(c) - δ_i(z))² and ρ(x, y)² >= Σ_i (h_i - μ_i)², and the first three terms differ between c and z
by more than D(c, z) ρ(x, y) + 2^s slack, then F_c - F_z > slack, and the input is right if that is so for all z ≠ c.

A network that adds modulo p by a few frequencies writes two dimensions for each of them; nothing is assumed of A and B.

Proof.  The identity is that of products; [@rest-by-norms] bounds the last term.  ∎

Cost for each of n n' inputs: forming h; m r + r C for the two products, 2 m for ρ, 2 C for the comparison; besides
them m r C + C(C-1)/2 m + m C.

Source: mechproof; a readout of low rank, centred by a constant, with pre-activations that are exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.arithmetic.integer_product import largest, largest_column
from ...engine.arithmetic.integer_root import ceil_sqrt
from ...engine.cost import Cost
from ...engine.formula import At, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ..enumeration.outcome import RIGHT, UNDECIDED, WRONG
from .accepted_inputs import AcceptedInputs
from .attention_mixture import AttentionMixture
from .cascade import QuotientCount
from .grid_network import GRID_MARGIN

WORD = 1 << 62
_i, _k, _D, _rho, _s = Var("i"), Var("k"), Var("D"), Var("\\rho"), Var("s")
_neurons = Range(Num(0), _k)
_difference = At("a", _i) - At("b", _i)
REST = Lemma(
    label="rest-by-norms",
    title="A sum of which one part is known and the other bounded",
    given="For all reals $a_i$, $b_i$ (rests of two outputs), $v_i$ with $i < k$, $P$, $D, \\rho \\ge 0$, and $s$:",
    statement=(Total(_i, _neurons, _difference * _difference) <= _D * _D).implies(
        (Total(_i, _neurons, At("v", _i) * At("v", _i)) <= _rho * _rho).implies(
            (Var("P") > _D * _rho + _s).implies(Var("P") + Total(_i, _neurons, _difference * At("v", _i)) > _s)
        )
    ),
    proof="The sum is at least $-D \\rho$ (Cauchy-Schwarz).",
    source="Cauchy-Schwarz",
)


@dataclass(frozen=True, eq=False)
class ReadoutAdvice:
    """``down``: A, ``up``: B, ``means``: μ (int64); ``bits``: s."""

    down: np.ndarray
    up: np.ndarray
    means: np.ndarray
    bits: int


@dataclass(frozen=True, eq=False)
class ReadoutAccepted(AcceptedInputs):
    """Inputs on which F_c - F_z > slack for all z ≠ c, so that the network is right."""

    grid: AttentionMixture
    accepted: np.ndarray
    advice: ReadoutAdvice

    kind = "readout_accepted"

    @property
    def variant(self) -> str:
        return f"readout in {self.advice.down.shape[1]} dimensions"

    @property
    def brute(self) -> int:
        return self.grid.brute

    def identity(self) -> str:
        return f"{self.grid.identity()}:{hashlib.sha256(np.packbits(self.accepted).tobytes()).hexdigest()}"

    def sentence(self) -> str:
        return (
            f"The network is right on ${self.count}$ of ${self.accepted.size}$ inputs, by what its neurons write in "
            f"${self.advice.down.shape[1]}$ dimensions."
        )


def activations(grid: AttentionMixture, which: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(x and y of some inputs, h of each neuron, q of each output) for the inputs of a mask (n × n')."""
    neurons = len(grid.weights)
    for x in np.flatnonzero(which.any(axis=1)).tolist():
        tokens = np.flatnonzero(which[x])
        read = grid.columns(x, tokens)
        here = np.stack([np.full(len(tokens), x, dtype=np.int64), tokens])
        yield here, np.maximum(read[:, :neurons], 0), read[:, neurons:]


class LowRankReadout(Rule):
    """Advice: :class:`ReadoutAdvice`."""

    name = "low_rank_readout"
    premises = (AttentionMixture,)
    lemmas = (REST, GRID_MARGIN)
    derivation = (
        "What every neuron reads is evaluated on every input, its output is read out in few dimensions, and inputs are "
        "accepted by [@rest-by-norms] with the grids' slack, and [@grid-margin]."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: ReadoutAdvice) -> ReadoutAccepted:
        grid: AttentionMixture = premises[0]
        neurons, outputs = grid.weights.shape
        rank = advice.down.shape[1]
        shapes = advice.down.shape, advice.up.shape, advice.means.shape
        if shapes != ((neurons, rank), (rank, outputs), (neurons,)) or not 0 <= advice.bits <= 16:
            raise NotEstablished(self.tag, f"the matrices do not fit {neurons} neurons and {outputs} outputs")
        self._fits(largest(grid.weights) << advice.bits, 4)
        self._fits(largest(advice.means), 4)
        rest = (grid.weights << advice.bits) - self._product(advice.down, advice.up)
        distance = self._distances(rest)
        constant = self._product(advice.means[None], rest)[0]
        found = np.zeros(grid.answers.shape, dtype=np.bool_)
        for (x, y), hidden, direct in activations(grid, np.ones_like(found)):
            known = self._product(self._product(hidden, advice.down), advice.up)
            self._fits(largest(direct) << advice.bits, 8)
            logits = known + constant + (direct << advice.bits)
            away = hidden - advice.means
            self._fits(largest(away) ** 2, neurons)
            rho = ceil_sqrt((away * away).sum(axis=1))
            self._fits(largest(rho) * largest(distance) + (grid.slack << advice.bits), 4)
            self._fits(largest(logits), 4)
            right = grid.answers[x, y]
            here = np.arange(len(y)), right
            needed = logits[here] - (grid.slack << advice.bits)
            rivals = logits + distance[right] * rho[:, None]
            rivals[here] = -WORD
            found[x, y] = needed > rivals.max(axis=1)
        return ReadoutAccepted(grid, found, advice)

    def _product(self, rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        self._fits(largest(rows) * largest(matrix) * len(matrix), 8)
        return rows @ matrix

    def _distances(self, rest: np.ndarray) -> np.ndarray:
        """D(c, z)."""
        columns = np.ascontiguousarray(rest.T)
        products = self._product(columns, rest)
        every = np.arange(len(products))
        own = products[every, every]
        return ceil_sqrt(own[:, None] + own - 2 * products)

    def _fits(self, number: int, times: int) -> None:
        if number * times >= WORD:
            raise NotEstablished(self.tag, "the readout on these grids does not fit the words")

    def charge(self, premises: Sequence[Any], advice: ReadoutAdvice) -> Cost:
        grid: AttentionMixture = premises[0]
        neurons, outputs = grid.weights.shape
        rank, inputs = advice.down.shape[1], grid.answers.size
        once = neurons * rank * outputs + outputs * (outputs - 1) // 2 * neurons + neurons * outputs
        each = neurons * rank + rank * outputs + neurons + outputs
        return grid.cost + Cost(
            multiply=inputs * each + once, add=inputs * (neurons + outputs), compare=inputs * outputs
        )


class ReadoutCascade(Rule):
    """No advice; the inputs that the readout leaves are evaluated on the grids."""

    name = "readout_cascade"
    premises = (ReadoutAccepted,)
    lemmas = (GRID_MARGIN,)
    derivation = "Accepted inputs are right; the others are evaluated on the grids and decided by [@grid-margin]."
    cost = Cost()

    def __init__(self, *, evaluate: bool = True) -> None:
        self.evaluate = evaluate

    def conclude(self, premises: Sequence[Any], advice: Any) -> QuotientCount:
        accepted: ReadoutAccepted = premises[0]
        verdicts = np.full(accepted.accepted.shape, UNDECIDED, dtype=np.uint8)
        if self.evaluate:
            for (x, y), hidden, direct in activations(accepted.grid, ~accepted.accepted):
                verdicts[x, y] = self._verdicts(accepted.grid, accepted.grid.answers[x, y], hidden, direct)
        right, wrong = int((verdicts == RIGHT).sum()), int((verdicts == WRONG).sum())
        return QuotientCount(accepted.grid.statement, accepted, right, wrong, self.evaluate)

    def _verdicts(
        self, grid: AttentionMixture, right: np.ndarray, hidden: np.ndarray, direct: np.ndarray
    ) -> np.ndarray:
        if largest(hidden) * largest_column(grid.weights) + largest(direct) >= WORD:
            raise NotEstablished(self.tag, "the logits on these grids do not fit the words")
        logits = hidden @ grid.weights + direct
        here = np.arange(len(right)), right
        own = logits[here]
        logits[here] = -WORD
        margin = own - logits.max(axis=1)
        return np.where(margin > grid.slack, RIGHT, np.where(margin <= -grid.slack, WRONG, UNDECIDED))

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        accepted: ReadoutAccepted = premises[0]
        left = (accepted.accepted.size - accepted.count) * self.evaluate
        return Cost(multiply=left * accepted.grid.weights.size)
