"""Attention whose weights hardly vary: what it makes of two tokens is a row of one plus a row of the other, nearly.

Theorem.  One layer of attention reads two tokens x, y that vary and others that do not.  For a given x the weight of
its position lies between its values at the largest and the smallest score of y, and likewise for y; the weights of the
other positions lie between their values at both ends of both.  With c the middle and ρ half the width of such a range,
the stream behind the layer is

    (what does not vary) + Σ_h c_h(x) v_h(x) + Σ_h c_h(y) v_h(y) + e,    |e · w| <= Σ_h Σ_p max ρ |v_h · w|

for every direction w; so what each ReLU reads splits over the tokens up to a radius, and so do the direct logits.

Proof.  [@weight-in-range]: a weight falls as the other scores rise.  [@mixture-centre]: the mixture differs from that
with the middles by Σ (a - c) v.  A row that all outputs share is taken off what is read out.  ∎

Source: the two heads that attend to x and the two that attend to y in the S5 transformer of arXiv 2302.03025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.ball import Ball, precision
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.cost import Cost
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, NotEstablished, Rule
from ...models.layers.attention import Attention
from ...models.layers.mlp import Mlp
from ...models.layers.unembed import Unembed
from ...models.statement import Statement
from .network_function import NetworkFunction
from .separable_relu import SeparableRelu, answers_of, embedded, free_positions, repeated

WEIGHT_BITS = 40  # weights stand on the grid 2^-40
BITS = 128

_w, _v, _rest = Var("w"), Var("v"), Var("c")
_low, _high = Var("v^{-}"), Var("v^{+}")
_p, _positions = Var("p"), Range(Num(0), Var("K"))
RANGE = Lemma(
    label="weight-in-range",
    title="An attention weight falls as another score rises",
    given="For all reals $w > 0$, $c \\ge 0$ and $0 < v^{-}, v, v^{+}$ (exponentials of scores):",
    statement=((_low <= _v) & (_v <= _high)).implies(
        (_w.over(_w + _high + _rest) <= _w.over(_w + _v + _rest))
        & (_w.over(_w + _v + _rest) <= _w.over(_w + _low + _rest))
    ),
    proof="The denominators are positive and in the other order.",
    source="monotony",
)
CENTRE = Lemma(
    label="mixture-centre",
    title="A mixture with the middles of its weights",
    given="For all reals $a_p$, $c_p$, $\\rho_p$, $v_p$ with $p < K$:",
    statement=ForAll(_p, _positions, Absolute(At("a", _p) - At("c", _p)) <= At("\\rho", _p)).implies(
        Absolute(Total(_p, _positions, At("a", _p) * At("v", _p)) - Total(_p, _positions, At("c", _p) * At("v", _p)))
        <= Total(_p, _positions, At("\\rho", _p) * Absolute(At("v", _p)))
    ),
    proof="$\\sum (a_p - c_p) v_p$ is at most $\\sum |a_p - c_p| |v_p|$ in size.",
    source="the triangle inequality",
)


@dataclass(frozen=True)
class _Weights:
    """For each token of a position: the middle of the range of its weight and half its width, in 2^-WEIGHT_BITS."""

    middle: list[int]
    half: list[int]


class NearConstantAttention(Rule):
    """No advice.  Refuses other layers than embed, attention, an MLP of ReLU, unembed, without norms."""

    name = "near_constant_attention"
    premises = (NetworkFunction,)
    lemmas = (RANGE, CENTRE)
    derivation = (
        "Every attention weight is enclosed by [@weight-in-range]; by [@mixture-centre] the stream behind the layer is "
        "a row of the first token plus a row of the second up to radii, which the linear maps of the MLP and of the "
        "unembedding turn into those of what each ReLU reads and of the logits."
    )
    cost = Cost()

    def conclude(self, premises: Sequence[Any], advice: Any) -> SeparableRelu:
        statement: Statement = premises[0].statement
        attention, mlp, last = self._layers(statement)
        free = free_positions(self.tag, statement.task)
        parts = embedded(statement)
        reads = statement.task.read[0]
        if reads in free or (attention.mask == "causal" and reads != len(parts) - 1):
            raise NotEstablished(
                self.tag, "the position that is read has a token that does not vary, and sees all others"
            )
        readers = [mlp.W_in.matrix(), _centred(last.W_U.matrix())]
        stream = [DyadicMatrix.zero(part.shape[0], part.shape[1]) for part in parts]
        stream[reads] = parts[reads]
        radii = [[Fraction(0)] * reader.shape[1] for reader in readers]
        for head in range(attention.heads):
            weights = _weights(attention, head, parts, reads, free)
            for p, part in enumerate(parts):
                value = _affine(part, attention.W_V[head], _head(attention.b_V, head)) @ attention.W_O[head].matrix()
                stream[p] += _rows_times(weights[p].middle, value)
                for reader, radius in zip(readers, radii, strict=True):
                    _widen(radius, weights[p].half, value @ reader)
        left, right = stream[free[0]], stream[free[1]]
        fixed = [row for p, row in enumerate(stream) if p not in free]
        fixed += [] if attention.b_O is None else [attention.b_O.row_matrix()]
        for row in fixed:
            left += repeated(row, left.shape[0])
        out, into = mlp.W_out.matrix() @ readers[1], readers[0]
        hidden, direct = left @ into, left @ readers[1]
        if mlp.b_in is not None:
            hidden += repeated(mlp.b_in.row_matrix(), left.shape[0])
        if mlp.b_out is not None:
            direct += repeated(mlp.b_out.row_matrix() @ readers[1], left.shape[0])
        if last.b_U is not None:
            direct += repeated(last.b_U.row_matrix(), left.shape[0])
        radius = DyadicMatrix.from_integers(1, len(radii[0]), [_up(r) for r in radii[0]], -WEIGHT_BITS)
        tables = hidden, right @ into, out, direct, right @ readers[1]
        return SeparableRelu(statement, *tables, radius, max(radii[1]), answers_of(statement.task))

    def _layers(self, statement: Statement) -> tuple[Attention, Mlp, Unembed]:
        match statement.network.layers[1:]:
            case (Attention() as attention, Mlp() as mlp, Unembed() as last) if (
                mlp.function == "relu"
                and not mlp.gated
                and mlp.skip == "added"
                and attention.norm is mlp.norm is last.norm is None
            ):
                return attention, mlp, last
        raise NotEstablished(self.tag, "the network is not embed, attention, an MLP of ReLU, unembed without norms")

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        statement: Statement = premises[0].statement
        attention, mlp, last = self._layers(statement)
        tokens = sum(map(len, statement.task.inputs.sets))
        width, neurons = mlp.W_in.shape
        inner = attention.W_Q.shape[2] + attention.W_K.shape[2] + 2 * attention.W_V.shape[2]
        reading = neurons + last.W_U.shape[1]
        return Cost(
            multiply=tokens * width * (attention.heads * (inner + reading) + reading), exp=tokens * attention.heads
        )


def _affine(rows: DyadicMatrix, matrix: DyadicTensor, bias: DyadicTensor | None) -> DyadicMatrix:
    product = rows @ matrix.matrix()
    return product if bias is None else product + repeated(bias.row_matrix(), product.shape[0])


def _head(bias: DyadicTensor | None, head: int) -> DyadicTensor | None:
    return None if bias is None else bias[head]


def _centred(readout: DyadicMatrix) -> DyadicMatrix:
    """The readout less a column that is near the mean of its columns: all logits move alike."""
    rows, columns = readout.shape
    means = [sum(row) // columns for row in readout.integers()]
    return readout - DyadicMatrix.from_integers(rows, 1, means, readout.exponent) @ DyadicMatrix.ones(1, columns)


def _rows_times(weights: Sequence[int], rows: DyadicMatrix) -> DyadicMatrix:
    """Each row times its weight on the grid."""
    entries = [w * entry for w, row in zip(weights, rows.integers(), strict=True) for entry in row]
    return DyadicMatrix.from_integers(*rows.shape, entries, rows.exponent - WEIGHT_BITS)


def _widen(radius: list[Fraction], half: Sequence[int], read: DyadicMatrix) -> None:
    """Add max over tokens of ρ |v · w| to the radius of every w."""
    unit = Fraction(2) ** (read.exponent - WEIGHT_BITS)
    for i, column in enumerate(zip(*read.integers(), strict=True)):
        radius[i] += unit * max(h * abs(entry) for h, entry in zip(half, column, strict=True))


def _up(number: Fraction) -> int:
    """In units of 2^-WEIGHT_BITS, rounded up."""
    return -(-(number.numerator << WEIGHT_BITS) // number.denominator)


def _weights(
    attention: Attention, head: int, parts: Sequence[DyadicMatrix], reads: int, free: Sequence[int]
) -> list[_Weights]:
    """The ranges of all weights of one head, by position and token."""
    query = _affine(parts[reads], attention.W_Q[head], _head(attention.b_Q, head))
    keys = [_affine(part, attention.W_K[head], _head(attention.b_K, head)) for part in parts]
    with precision(BITS):
        scale = Ball.rational(attention.scale.factor).over(Ball.sqrt(attention.scale.root))
        powers = []
        for scores in (key @ query.T for key in keys):
            balls = [Ball.dyadic(row[0], scores.exponent) * scale for row in scores.integers()]
            order = sorted(range(len(balls)), key=lambda k, s=scores: s.integers()[k][0])
            powers.append(([ball.exp() for ball in balls], order))
        found = []
        for p, (own, _) in enumerate(powers):
            others = [(e[order[0]], e[order[-1]]) for q, (e, order) in enumerate(powers) if q != p]
            least, most = (_total(side) for side in zip(*others, strict=True))
            ends = [(_grid(e.over(e + most), up=False), _grid(e.over(e + least), up=True)) for e in own]
            middle = [(low + high) >> 1 for low, high in ends]
            half = [max(high - m, m - low) for (low, high), m in zip(ends, middle, strict=True)]
            found.append(_Weights(middle, half))
    return found


def _total(balls: Sequence[Ball]) -> Ball:
    total = balls[0]
    for ball in balls[1:]:
        total = total + ball
    return total


def _grid(ball: Ball, *, up: bool) -> int:
    """An end of the ball in units of 2^-WEIGHT_BITS, rounded outward."""
    mantissa, exponent = ball.ceil_mantissa(BITS) if up else ball.floor_mantissa(BITS)
    shift = exponent + WEIGHT_BITS
    if shift >= 0:
        return mantissa << shift
    return -(-mantissa >> -shift) if up else mantissa >> -shift
