"""One layer of attention in front of a hidden layer of ReLU, read where a token does not vary: its exact ingredients.

What the attention weights are made of (a score of each token at each position, by head) and what they weigh (a row of
each token at each position, by head) do not depend on the other tokens, since the query is that of a fixed token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...engine.arithmetic.ball import Ball
from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.rule import NotEstablished
from ...models.layers.attention import Attention
from ...models.layers.mlp import Mlp
from ...models.layers.unembed import Unembed
from ...models.statement import Statement
from .separable_relu import embedded, free_positions, repeated


@dataclass(frozen=True)
class Head:
    """By position and token: ``scores`` (n_p × 1, before the scale) and ``values`` (n_p × d, what the weight of 1 adds
    to the stream)."""

    scores: list[DyadicMatrix]
    values: list[DyadicMatrix]


@dataclass(frozen=True)
class TwoTokenAttention:
    """``stream``: the row of the position that is read, with the biases of attention, before its heads are added."""

    attention: Attention
    mlp: Mlp
    last: Unembed
    free: list[int]
    reads: int
    stream: DyadicMatrix
    heads: list[Head]

    def scaled(self, score: int, exponent: int) -> Ball:
        """A score times the attention scale."""
        scale = self.attention.scale
        return Ball.dyadic(score, exponent) * Ball.rational(scale.factor).over(Ball.sqrt(scale.root))


def two_token_attention(tag: str, statement: Statement) -> TwoTokenAttention:
    """The ingredients; raises :class:`NotEstablished` for other layers than embed, attention, an MLP of ReLU and
    unembed, without norms, and for a position to read that varies or does not see all others."""
    attention, mlp, last = attention_layers(tag, statement)
    free = free_positions(tag, statement.task)
    parts = embedded(statement)
    reads = statement.task.read[0]
    if reads in free or (attention.mask == "causal" and reads != len(parts) - 1):
        raise NotEstablished(tag, "the position that is read has a token that does not vary, and sees all others")
    heads = []
    for head in range(attention.heads):
        query = _affine(parts[reads], attention.W_Q[head], _head(attention.b_Q, head))
        scores = [_affine(part, attention.W_K[head], _head(attention.b_K, head)) @ query.T for part in parts]
        out = attention.W_O[head].matrix()
        values = [_affine(part, attention.W_V[head], _head(attention.b_V, head)) @ out for part in parts]
        heads.append(Head(scores, values))
    stream = parts[reads] if attention.b_O is None else parts[reads] + attention.b_O.row_matrix()
    return TwoTokenAttention(attention, mlp, last, free, reads, stream, heads)


def attention_layers(tag: str, statement: Statement) -> tuple[Attention, Mlp, Unembed]:
    """The layers behind the embedding; raises :class:`NotEstablished` for others."""
    match statement.network.layers[1:]:
        case (Attention() as attention, Mlp() as mlp, Unembed() as last) if (
            mlp.function == "relu"
            and not mlp.gated
            and mlp.skip == "added"
            and attention.norm is mlp.norm is last.norm is None
        ):
            return attention, mlp, last
    raise NotEstablished(tag, "the network is not embed, attention, an MLP of ReLU, unembed without norms")


def centred(readout: DyadicMatrix) -> DyadicMatrix:
    """The readout less a column that is near the mean of its columns: all logits move alike."""
    rows, columns = readout.shape
    means = [sum(row) // columns for row in readout.integers()]
    return readout - DyadicMatrix.from_integers(rows, 1, means, readout.exponent) @ DyadicMatrix.ones(1, columns)


def total(balls: Sequence[Ball]) -> Ball:
    """The sum of one ball or more."""
    found = balls[0]
    for ball in balls[1:]:
        found = found + ball
    return found


def _affine(rows: DyadicMatrix, matrix: DyadicTensor, bias: DyadicTensor | None) -> DyadicMatrix:
    product = rows @ matrix.matrix()
    return product if bias is None else product + repeated(bias.row_matrix(), product.shape[0])


def _head(bias: DyadicTensor | None, head: int) -> DyadicTensor | None:
    return None if bias is None else bias[head]
