"""A small transformer that reads x, y and an equals sign, with biases everywhere, and its exact evaluation by balls."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from mechproof.engine.arithmetic.ball import precision
from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.engine.domains.balls import BallDomain
from mechproof.engine.graph import ProofGraph
from mechproof.engine.interpret import Interpreter
from mechproof.models.layers.attention import Attention, Scale
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.mlp import Mlp
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of
from mechproof.rewrites.rules.attention_mixture import AttentionMixture, AttentionMixtureRule
from mechproof.rewrites.rules.grid_network import Grids
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition

N, D, M = 4, 5, 6


def transformer(seed: int, spread: int = 8) -> Statement:
    """Two heads, biases everywhere, scores of a size up to ``spread``; x + y modulo 4, read at an equals sign."""
    rng = np.random.default_rng(seed)

    def tensor(*shape: int, exponent: int = -4, size: int = 16) -> DyadicTensor:
        return DyadicTensor.of(shape, rng.integers(-size, size + 1, shape).reshape(-1).tolist(), exponent)

    attention = Attention(
        tensor(2, D, 3), tensor(2, D, 3, size=spread), tensor(2, D, 3), tensor(2, 3, D), Scale(root=3),
        "causal", tensor(2, 3), tensor(2, 3), tensor(2, 3), tensor(D),
    )  # fmt: skip
    layers = (
        Embed((tensor(N + 1, D),), tensor(3, D)),
        attention,
        Mlp(tensor(D, M), tensor(M, D), "relu", b_in=tensor(M), b_out=tensor(D)),
        Unembed(tensor(D, N), tensor(N)),
    )
    network = Network("transformer", layers)
    return Statement(network, task_of(f"modular-addition:{N}", network))


def true_logits(statement: Statement, x: int, y: int) -> list[Fraction]:
    """The logits up to 2^-100, by balls of the interpreter."""
    task, network = statement.task, statement.network
    run = Interpreter(network.term(task.positions, task.read), network.values(task.positions))
    with precision(200):
        (row,) = run.rows(BallDomain([x, y, N]))
        floors = [(entry * 2**100).floor().unique_fmpz() for entry in row.entries()]
    return [Fraction(str(floor)) * Fraction(1, 2**100) for floor in floors]


def mixed(statement: Statement, bits: int = 24, scale: int = 1 << 12) -> AttentionMixture:
    """The mixture with the same scale for every neuron."""
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    return graph.claim(graph.apply(AttentionMixtureRule(), [function], Grids(bits, (scale,) * M)))
