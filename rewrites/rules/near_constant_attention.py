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
from ...engine.cost import Cost
from ...engine.formula import Absolute, At, ForAll, Num, Range, Total, Var
from ...engine.rule import Lemma, Rule
from ...models.statement import Statement
from .network_function import NetworkFunction
from .separable_relu import SeparableRelu, answers_of, repeated
from .two_token_attention import Head, TwoTokenAttention, attention_layers, centred, total, two_token_attention

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
        found = two_token_attention(self.tag, statement)
        mlp, last, (first, second) = found.mlp, found.last, found.free
        readers = [mlp.W_in.matrix(), centred(last.W_U.matrix())]
        radii = [[Fraction(0)] * reader.shape[1] for reader in readers]
        stream = [DyadicMatrix.zero(*values.shape) for values in found.heads[0].values]
        for head in found.heads:
            for p, (weights, value) in enumerate(zip(_weights(found, head), head.values, strict=True)):
                stream[p] += _rows_times(weights.middle, value)
                for reader, radius in zip(readers, radii, strict=True):
                    _widen(radius, weights.half, value @ reader)
        left, right = stream[first], stream[second]
        for row in (found.stream, *(row for p, row in enumerate(stream) if p not in found.free)):
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

    def charge(self, premises: Sequence[Any], advice: Any) -> Cost:
        statement: Statement = premises[0].statement
        attention, mlp, last = attention_layers(self.tag, statement)
        tokens = sum(map(len, statement.task.inputs.sets))
        width, neurons = mlp.W_in.shape
        inner = attention.W_Q.shape[2] + attention.W_K.shape[2] + 2 * attention.W_V.shape[2]
        reading = neurons + last.W_U.shape[1]
        return Cost(
            multiply=tokens * width * (attention.heads * (inner + reading) + reading), exp=tokens * attention.heads
        )


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


def _weights(found: TwoTokenAttention, head: Head) -> list[_Weights]:
    """The ranges of all weights of one head, by position and token."""
    with precision(BITS):
        powers = []
        for scores in head.scores:
            numbers = [row[0] for row in scores.integers()]
            order = sorted(range(len(numbers)), key=numbers.__getitem__)
            powers.append(([found.scaled(number, scores.exponent).exp() for number in numbers], order))
        ranges = []
        for p, (own, _) in enumerate(powers):
            others = [(e[order[0]], e[order[-1]]) for q, (e, order) in enumerate(powers) if q != p]
            least, most = (total(side) for side in zip(*others, strict=True))
            ends = [(_grid(e.over(e + most), up=False), _grid(e.over(e + least), up=True)) for e in own]
            middle = [(low + high) >> 1 for low, high in ends]
            half = [max(high - m, m - low) for (low, high), m in zip(ends, middle, strict=True)]
            ranges.append(_Weights(middle, half))
    return ranges


def _grid(ball: Ball, *, up: bool) -> int:
    """An end of the ball in units of 2^-WEIGHT_BITS, rounded outward."""
    mantissa, exponent = ball.ceil_mantissa(BITS) if up else ball.floor_mantissa(BITS)
    shift = exponent + WEIGHT_BITS
    if shift >= 0:
        return mantissa << shift
    return -(-mantissa >> -shift) if up else mantissa >> -shift
