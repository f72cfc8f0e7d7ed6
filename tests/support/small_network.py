"""A small network of random dyadic weights, known exactly in a fresh graph."""

from __future__ import annotations

import random

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.graph import ProofGraph
from mechproof.models.one_layer import with_weights
from mechproof.models.one_layer_terms import OneLayerTerms
from mechproof.models.problem import stated
from mechproof.models.statement import Statement
from mechproof.rewrites.rules.known_matrices import KnownWeights
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition


def small_statement(seed: int = 0, zero: tuple[str, ...] = ()) -> Statement:
    """V = 3, K = 2, d = 2, h = 2, entries in eighths; the tensors named in ``zero`` are zero."""
    rng = random.Random(seed)
    sizes = OneLayerTerms(3, 2, 2, 2)
    tensors = {
        name: DyadicMatrix.from_integers(
            *tensor.size,
            [(name not in zero) * rng.randint(-20, 20) for _ in range(tensor.size[0] * tensor.size[1])],
            -3,
        )
        for name, tensor in sizes.weights.items()
    }
    return stated(with_weights(tensors))


def small_known(seed: int = 0) -> tuple[ProofGraph, int]:
    """That network's weights, known in a fresh graph."""
    graph = ProofGraph()
    return graph, graph.apply(KnownWeights(), [graph.apply(NetworkFunctionDefinition(), (), small_statement(seed))])
