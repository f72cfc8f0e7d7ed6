"""The form that the bounds ask for: two attention-only layers with one head each, no norm, on an induction task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpz_mat

from ....engine.arithmetic.dyadic import DyadicMatrix
from ....engine.arithmetic.tensor import DyadicTensor
from ....engine.rule import NotEstablished
from ....models.layers.attention import Attention, Scale
from ....models.layers.embed import Embed
from ....models.layers.unembed import Unembed
from ....models.statement import Statement

CONDITIONS = ("repeated", "once")
MOST_POSITIONS = 16


@dataclass(frozen=True, eq=False)
class TwoLayers:
    """Exact products of the weights; rows of the first six run over (position, token), position first.

    ``scores``: x W_Q (x W_K)ᵀ of layer 1, without its scale.  ``query``, ``atoms``: x_f(q) W_Q W_Kᵀ and o W_Q W_Kᵀ of
    layer 2, which meet ``stream`` (x) and ``written`` (o).  ``values``, ``written_values``: x and o times W_V W_O W_U
    of layer 2; ``direct``, ``written_direct``: x_f and o times W_U.
    """

    positions: int
    tokens: int
    outputs: int
    distinct: bool  # the tokens before the last differ
    scales: tuple[Scale, Scale]
    stream: DyadicMatrix
    written: DyadicMatrix
    scores: DyadicMatrix
    atoms: DyadicMatrix
    values: DyadicMatrix
    written_values: DyadicMatrix
    written_direct: DyadicMatrix
    query: DyadicMatrix
    direct: DyadicMatrix

    @staticmethod
    def of(statement: Statement, rule: str) -> TwoLayers:
        """Raises :class:`~....engine.rule.NotEstablished` in the name of ``rule`` for any other network or task."""
        reason = missing(statement)
        if reason:
            raise NotEstablished(rule, reason)
        network, n = statement.network, statement.task.positions
        embed, one, two, unembed = network.layers
        assert isinstance(embed, Embed) and isinstance(unembed, Unembed), "a checked network"
        assert isinstance(one, Attention) and isinstance(two, Attention), "seen by missing()"
        V = network.vocabulary(n)[0]
        stream = _stream(embed, n)
        written = stream @ one.W_V[0].matrix() @ one.W_O[0].matrix()
        last = _rows(stream, range((n - 1) * V, n * V))
        queries = two.W_Q[0].matrix() @ two.W_K[0].matrix().T
        leaving = two.W_V[0].matrix() @ two.W_O[0].matrix() @ unembed.W_U.matrix()
        return TwoLayers(
            positions=n,
            tokens=V,
            outputs=network.outputs,
            distinct=statement.task.inputs.condition == "repeated",
            scales=(one.scale, two.scale),
            stream=stream,
            written=written,
            scores=(stream @ one.W_Q[0].matrix()) @ (stream @ one.W_K[0].matrix()).T,
            atoms=written @ queries,
            values=stream @ leaving,
            written_values=written @ leaving,
            written_direct=written @ unembed.W_U.matrix(),
            query=last @ queries,
            direct=last @ unembed.W_U.matrix(),
        )


def missing(statement: Statement) -> str:
    """Why the bounds for induction heads do not apply; empty if they do."""
    network, task = statement.network, statement.task
    kinds = [layer.kind for layer in network.layers]
    if kinds != ["embed", "attention", "attention", "unembed"]:
        return f"expected two attention layers and nothing else, found {', '.join(kinds)}"
    for number, layer in enumerate(network.layers[1:3], 1):
        assert isinstance(layer, Attention), "a layer of this kind"
        if layer.heads != 1 or layer.norm is not None or layer.mask != "causal":
            return f"layer {number}: expected one head under a causal mask without a norm"
        if extra := [name for name in layer.tensors if name.startswith("b_")]:
            return f"layer {number}: expected no biases, found {', '.join(extra)}"
    embed, unembed = network.layers[0], network.layers[3]
    assert isinstance(embed, Embed) and isinstance(unembed, Unembed), "layers of these kinds"
    if unembed.norm is not None or "b_U" in unembed.tensors:
        return "expected an unembedding without norm and bias"
    if len(embed.tables) != 1:
        return "expected one table of embeddings for all positions"
    if task.inputs.condition not in CONDITIONS or task.answer.text != "the token after the earlier occurrence":
        return f"expected the task induction or induction-once, found {task.name}"
    whole = tuple(range(embed.table(0).shape[0]))
    if any(tokens != whole for tokens in task.inputs.sets) or task.read != (task.positions - 1,):
        return "expected all tokens at every position, read at the last"
    if network.outputs < len(task.inputs.sets[0]):
        return f"expected an output for each of {len(task.inputs.sets[0])} tokens, found {network.outputs}"
    if task.positions > MOST_POSITIONS:
        return f"expected at most {MOST_POSITIONS} positions, found {task.positions}"
    return ""


def _stream(embed: Embed, positions: int) -> DyadicMatrix:
    """x_m(t) for all positions m and tokens t."""
    table = embed.table(0)
    V, width = table.shape
    if embed.P is None:
        rows, exponent = np.repeat(table.numerators[None], positions, axis=0), table.exponent
    else:
        exponent = min(table.exponent, embed.P.exponent)
        places = embed.P.numerators[:positions, None] * (1 << embed.P.exponent - exponent)
        rows = table.numerators[None] * (1 << table.exponent - exponent) + places
    return DyadicTensor(rows.reshape(positions * V, width), exponent).matrix()


def _rows(matrix: DyadicMatrix, rows: range) -> DyadicMatrix:
    entries = matrix.numerators.tolist()
    return DyadicMatrix(fmpz_mat([entries[row] for row in rows]), matrix.exponent)
