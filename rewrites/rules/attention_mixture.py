"""Attention over two tokens as it is: what each ReLU reads is a mixture of rows of the tokens, on integer grids.

Theorem.  One layer of attention reads two tokens that vary and others that do not.  Head h gives position p the weight
a_hp(x, y) = e_hp / Σ_q e_hq, where e_hp depends on the token at p alone.  What neuron i reads, and what the stream adds
to the logit of z directly, are

    t_0 + Σ_h Σ_p a_hp T_hp[token at p],

with one row T_hp for each token, less that of the position that is read (the weights add up to 1).  With e and T known
as integers, the mixture is known as an integer up to a radius that is computed for every column.

Proof.  [@weights-from-integers] for the weights, whose quotient is rounded down; [@mixture-on-grids] for the mixture,
which is rounded down once more.  ∎

Cost for each of n n' inputs: a multiply-add for each head, position but one, and column (neuron or output).

Source: the layer's definition; attention of the modular-addition networks of arXiv 2301.05217 varies from 0.03 to 0.97.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.integer_product import largest
from ...engine.claim import Claim
from ...engine.cost import Cost
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.statement import Statement
from .grid_network import GRID, MOST_BITS, Grids, rounded, weights_on_grids
from .network_function import NetworkFunction
from .separable_relu import answers_of, repeated
from .two_token_attention import Head, TwoTokenAttention, attention_layers, centred, two_token_attention

POWER_BITS = 40  # e_hp, of which the largest of a head is 1, is known in 2^-POWER_BITS
WEIGHT_BITS = 22  # weights stand on the grid 2^-WEIGHT_BITS
GUARD = 3  # tables have so many bits more than what is read
BITS = 128
WORD = 1 << 62

_p, _q, _K = Var("p"), Var("q"), Var("K")
_positions = Range(Num(0), _K)
_e, _E = Total(_p, _positions, At("e", _p)), Total(_p, _positions, At("E", _p))
WEIGHTS = Lemma(
    label="weights-from-integers",
    title="Attention weights from integers that are near",
    given="For all reals $e_p$, $E_p \\ge 0$ with $p < K$, $\\sum e_p > 0$ and $\\sum E_p > 0$:",
    statement=ForAll(_p, _positions, Absolute(At("e", _p) - At("E", _p)) <= Num(1)).implies(
        ForAll(
            _q,
            _positions,
            Absolute(At("e", _q).over(_e) - At("E", _q).over(_E)) <= (_K - Num(1)).over(_e),
        )
    ),
    proof=(
        "With $e_p = E_p + \\theta_p$ the difference is $(\\theta_q \\sum E - E_q \\sum \\theta)/(\\sum E \\sum e)$. "
        "The terms $\\pm E_q \\theta_q$ cancel, so the numerator is "
        "$\\theta_q \\sum_{p \\ne q} E_p - E_q \\sum_{p \\ne q} \\theta_p$, at most $(K - 1) \\sum E$ in size."
    ),
    source="arithmetic",
)
MIXTURE = Lemma(
    label="mixture-on-grids",
    title="A mixture of numbers, from integers",
    given="For all reals $a_p \\ge 0$, $b_p$, $t_p$, $T_p$, $r_p$ with $p < K$, and $\\eta$:",
    statement=ForAll(_p, _positions, Absolute(At("a", _p) - At("b", _p)) <= At("r", _p)).implies(
        ForAll(_p, _positions, Absolute(At("t", _p) - At("T", _p)) <= Var("\\eta")).implies(
            Absolute(
                Total(_p, _positions, At("a", _p) * At("t", _p)) - Total(_p, _positions, At("b", _p) * At("T", _p))
            )
            <= Total(_p, _positions, At("r", _p) * Absolute(At("T", _p)))
            + Var("\\eta") * Total(_p, _positions, At("a", _p))
        )
    ),
    proof="$\\sum a t - \\sum b T = \\sum a (t - T) + \\sum (a - b) T$.",
    source="the triangle inequality",
)


@dataclass(frozen=True, eq=False)
class AttentionMixture(Claim):
    """On the input (x, y): S times a difference of two logits is that of Σ_i u_i(z) σ_i max(p_i, 0) + S q_z, where σ_i
    p_i and S q_z are within ``reach`` of the integers that :meth:`columns` gives.

    ``powers[h][p]``: an integer a token, ``tables[h][p]``: tokens × (m + C) integers, 2^GUARD to the unit; those of the
    position that is read are not there (None), its tokens are in ``base`` (m + C integers).  ``out``: m × C, exact, and
    ``weights`` the same divided by σ_i, times S, rounded.  ``reach``: m + C natural numbers.
    """

    statement: Statement
    grids: Grids
    powers: tuple[tuple[np.ndarray, ...], ...]
    tables: tuple[tuple[np.ndarray | None, ...], ...]
    base: np.ndarray
    free: tuple[int, int]
    weights: np.ndarray
    reach: np.ndarray
    slack: int
    answers: np.ndarray

    kind = "attention_mixture"

    def conclusion(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def identity(self) -> str:
        tables = [table for head in self.tables for table in head if table is not None]
        powers = [power for head in self.powers for power in head]
        arrays = (*powers, *tables, self.base, self.weights, self.reach)
        numbers = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
        return f"{self.statement.sha256}:{self.grids.bits}:{self.slack}:{numbers}"

    def sentence(self) -> str:
        low, high = self.ranges()
        return (
            f"Every ReLU reads a mixture of one row a token, with the attention weights of ${len(self.powers)}$ heads; "
            f"the weights of $x$ lie between ${low}$ and ${high}$ percent. With integers in place of all of it every "
            f"difference of two logits, times $2^{{{self.grids.bits}}}$, is right up to ${self.slack}$."
        )

    def ranges(self) -> tuple[int, int]:
        """The least and the largest weight of the first token, in percent, rounded outward."""
        ends = []
        for powers in self.powers:
            own, others = powers[self.free[0]], [p for q, p in enumerate(powers) if q != self.free[0]]
            least, most = (sum(int(end(other)) for other in others) for end in (np.min, np.max))
            few, many, count = int(own.min()) - 1, int(own.max()) + 1, len(others)
            ends.append((100 * few // (few + most + count), -(-100 * many // (many + max(least - count, 0)))))
        return min(low for low, _ in ends), max(high for _, high in ends)

    @property
    def brute(self) -> int:
        """Multiply-adds of brute force: every input through every neuron to every output."""
        return self.answers.size * self.weights.shape[0] * self.weights.shape[1]

    def columns(self, x: int, which: np.ndarray) -> np.ndarray:
        """What the neurons and the outputs read on the inputs (x, y), y one of ``which``: a row an input."""
        found = np.zeros((len(which), len(self.base)), dtype=np.int64)
        for powers, tables in zip(self.powers, self.tables, strict=True):
            own = [self._of(power, p, x, which) for p, power in enumerate(powers)]
            total = sum(own)
            for p, table in enumerate(tables):
                if table is not None:
                    weight = np.broadcast_to((own[p] << WEIGHT_BITS) // total, (len(which),))
                    found += weight[:, None] * self._of(table, p, x, which)
        return (found >> (WEIGHT_BITS + GUARD)) + self.base

    def _of(self, table: np.ndarray, p: int, x: int, which: np.ndarray) -> np.ndarray:
        """The entries of the tokens at a position."""
        return table[x : x + 1] if p == self.free[0] else table[which] if p == self.free[1] else table

    @property
    def cost(self) -> Cost:
        """What evaluating what is read of all inputs costs."""
        columns = len(self.base)
        terms = sum(table is not None for head in self.tables for table in head)
        inputs, weights = self.answers.size, sum(len(head) for head in self.powers)
        return Cost(multiply=inputs * terms * columns, add=inputs * (columns + 2 * weights), compare=inputs * columns)


class AttentionMixtureRule(Rule):
    """Advice: :class:`Grids`.  Refuses other layers than embed, attention, an MLP of ReLU, unembed, without norms."""

    name = "attention_mixture"
    premises = (NetworkFunction,)
    lemmas = (WEIGHTS, MIXTURE, GRID)
    derivation = (
        "The scores of all tokens are formed once, their exponentials are enclosed and rounded, and weights follow by "
        "[@weights-from-integers]; values pass through the linear maps behind the layer before they are mixed, by "
        "[@mixture-on-grids]; ReLU and the logits by [@grid-network]."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Grids) -> AttentionMixture:
        statement: Statement = premises[0].statement
        found = two_token_attention(self.tag, statement)
        out, readers = _readers(found)
        neurons, outputs = out.shape
        if not 0 <= advice.bits <= MOST_BITS or len(advice.scales) != neurons or min(advice.scales) < 1:
            raise NotEstablished(self.tag, f"{neurons} natural scales and at most {MOST_BITS} bits are needed")
        scales = [*advice.scales, *(1 << advice.bits,) * outputs]
        finer = [scale << GUARD for scale in scales]
        own = [_read(head.values[found.reads], readers) for head in found.heads]
        base = _read(found.stream, readers) + _bias(found, neurons)
        for row in own:
            base += row
        powers = tuple(tuple(_powers(found, head)) for head in found.heads)
        tables = tuple(
            tuple(
                None
                if p == found.reads
                else rounded(self.tag, _read(value, readers) - repeated(row, value.shape[0]), finer)
                for p, value in enumerate(head.values)
            )
            for head, row in zip(found.heads, own, strict=True)
        )
        weights, known = weights_on_grids(self.tag, out, advice), rounded(self.tag, base, scales)[0]
        reach = self._reach(powers, tables)
        slack = self._slack(weights, known, tables, reach)
        grid = (powers, tables, known, (found.free[0], found.free[1]), weights, reach, slack)
        return AttentionMixture(statement, advice, *grid, answers_of(statement.task))

    def _slack(
        self, weights: np.ndarray, base: np.ndarray, tables: Sequence[Sequence[np.ndarray | None]], reach: np.ndarray
    ) -> int:
        """By how much a difference of two logits errs at most."""
        neurons = len(weights)
        most = np.abs(base) + reach
        for head in tables:
            most = most + (np.max([np.abs(t).max(axis=0) for t in head if t is not None], axis=0) >> GUARD) + 1
        hidden, direct = int((np.abs(weights) * reach[:neurons, None]).sum(axis=0).max()), int(reach[neurons:].max())
        if int(most.max()) * (int(np.abs(weights).sum(axis=0).max()) + 1) >= WORD >> 2:
            raise NotEstablished(self.tag, "the logits on these grids do not fit the words")
        return 2 * hidden + int(most[:neurons].sum()) + 2 * direct

    def _reach(
        self, powers: tuple[tuple[np.ndarray, ...], ...], tables: tuple[tuple[np.ndarray | None, ...], ...]
    ) -> np.ndarray:
        """By how much a column errs at most, in units: weights, tables, and two roundings."""
        widest = max(largest(table) for head in tables for table in head if table is not None)
        if len(tables) * widest << WEIGHT_BITS >= WORD:  # the weights of a head add up to 2^WEIGHT_BITS at most
            raise NotEstablished(self.tag, "the mixture on these grids does not fit the words")
        error: Any = 0
        for head, rows in zip(powers, tables, strict=True):
            least = sum(int(power.min()) for power in head)
            if least <= len(head):
                raise NotEstablished(self.tag, "the attention scores of a head lie too far apart")
            each = 1 + -(-(len(head) - 1 << WEIGHT_BITS) // (least - len(head)))  # in 2^-WEIGHT_BITS
            for table in rows:
                if table is not None:
                    error = error + each * np.abs(table).max(axis=0)
        units = error + (len(powers) << WEIGHT_BITS - 1)  # half a unit of every table, times weights that add up to 1
        found: np.ndarray = 2 + (units >> WEIGHT_BITS + GUARD) + 1
        return found

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        statement: Statement = premises[0].statement
        attention, mlp, last = attention_layers(self.tag, statement)
        tokens = sum(map(len, statement.task.inputs.sets))
        width, neurons = mlp.W_in.shape
        inner = attention.W_Q.shape[2] + attention.W_K.shape[2] + 2 * attention.W_V.shape[2]
        reading = attention.heads * (inner + neurons + last.W_U.shape[1])
        return Cost(multiply=tokens * width * reading, exp=tokens * attention.heads)


def _readers(found: TwoTokenAttention) -> tuple[DyadicMatrix, list[DyadicMatrix]]:
    """What follows the ReLU, and the matrices by which neurons and outputs read the stream."""
    readout = centred(found.last.W_U.matrix())
    return found.mlp.W_out.matrix() @ readout, [found.mlp.W_in.matrix(), readout]


def _read(rows: DyadicMatrix, readers: Sequence[DyadicMatrix]) -> DyadicMatrix:
    """What neurons and outputs read of rows of the stream, side by side."""
    hidden, direct = (rows @ reader for reader in readers)
    return beside(hidden, direct)


def _bias(found: TwoTokenAttention, neurons: int) -> DyadicMatrix:
    """The biases of what neurons and outputs read, as one row."""
    readout = centred(found.last.W_U.matrix())
    hidden, direct = DyadicMatrix.zero(1, neurons), DyadicMatrix.zero(1, readout.shape[1])
    if found.mlp.b_in is not None:
        hidden += found.mlp.b_in.row_matrix()
    if found.mlp.b_out is not None:
        direct += found.mlp.b_out.row_matrix() @ readout
    if found.last.b_U is not None:
        direct += found.last.b_U.row_matrix()
    return beside(hidden, direct)


def beside(left: DyadicMatrix, right: DyadicMatrix) -> DyadicMatrix:
    """Two matrices of as many rows, side by side."""
    exponent = min(left.exponent, right.exponent)
    rows = zip(left.at_exponent(exponent).tolist(), right.at_exponent(exponent).tolist(), strict=True)
    entries = [int(entry) for both in rows for part in both for entry in part]
    return DyadicMatrix.from_integers(left.shape[0], left.shape[1] + right.shape[1], entries, exponent)


def _powers(found: TwoTokenAttention, head: Head) -> list[np.ndarray]:
    """For every position ⌊2^POWER_BITS exp(score - the largest score of the head)⌋ of each token."""
    exponent = min(scores.exponent for scores in head.scores)
    numbers = [[int(row[0]) for row in scores.at_exponent(exponent).tolist()] for scores in head.scores]
    most = max(map(max, numbers))
    with precision(BITS):
        return [
            np.array([_floor(found.scaled(number - most, exponent).exp()) for number in row], dtype=np.int64)
            for row in numbers
        ]


def _floor(ball: Ball) -> int:
    """An integer E with E <= 2^POWER_BITS e <= E + 1, for a ball narrower than a unit by far."""
    mantissa, exponent = ball.floor_mantissa(BITS)
    shift = exponent + POWER_BITS
    return mantissa << shift if shift >= 0 else mantissa >> -shift
