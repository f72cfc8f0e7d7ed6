"""Two layers by paths: the equations hold of numbers, for several heads too, and are what the tables rest on."""

from __future__ import annotations

from typing import Any

import induction_networks as small
import numpy as np
import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.equality import Equal, Symmetry
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.models.two_layer_paths import NoCompositions, TwoLayerPaths
from mechproof.rewrites.equations import UnitRowSums
from mechproof.rewrites.rules.induction.tables import InductionTablesRule
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.two_layer_form import logits_by_compositions, mixtures, tables_of


class Floats(np.ndarray):
    """A matrix for the evaluation of terms."""

    def row(self, index: int) -> Any:
        return self[index : index + 1]

    def masked_softmax(self, factor: Any, root: int, causal: bool) -> Any:
        scores = np.asarray(self) * float(factor) / root**0.5
        if causal:
            scores = np.where(np.tri(len(scores), dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return (weights / weights.sum(axis=1, keepdims=True)).view(Floats)


def floats(matrix: DyadicMatrix) -> Any:
    return np.array([[float(x) for x in row] for row in matrix.fractions()]).view(Floats)


def values(network: Any, tokens: tuple[int, ...], V: int) -> dict[str, Any]:
    n = len(tokens)
    found = {name: floats(matrix) for name, matrix in network.values(n).items()}
    found["S"] = np.eye(V)[list(tokens)].view(Floats)
    return found | {f"1_{size}": np.ones((size, 1)).view(Floats) for size in (1, n)}


def two_heads(seed: int) -> Any:
    made = small.layers(seed, 3, 4)
    rng = np.random.default_rng(seed)
    for layer in made[1:3]:
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            second = rng.normal(size=layer[name].shape).astype(np.float32) / 2
            layer[name] = np.concatenate([layer[name], second])
    return made


@pytest.mark.parametrize("heads", [1, 2])
def test_the_paths_are_the_definition(heads, tmp_path):
    """The equation is derived from the table, and both sides are equal numbers on some inputs."""
    made = small.layers(3, 3, 4) if heads == 1 else two_heads(3)
    network = small.statement(made, tmp_path, "induction").network
    graph = ProofGraph()
    equation: Equal = graph.claim(logits_by_compositions(graph, network, 4))
    terms = TwoLayerPaths(network, 4)
    assert (equation.left, equation.right, equation.about) == (terms.definition, terms.paths, "")
    for tokens in ((0, 1, 2, 0), (2, 2, 1, 0)):
        one, other = (side.evaluate(values(network, tokens, 3)) for side in (equation.left, equation.right))
        assert np.abs(one - other).max() < 1e-9 * np.abs(one).max()


def test_mixtures_have_their_conditions(tmp_path):
    """That attention sums to one is a claim of the graph, and what follows are equal numbers."""
    network = small.statement(small.layers(5, 3, 4), tmp_path, "induction").network
    graph, terms = ProofGraph(), TwoLayerPaths(network, 4)
    for equation in mixtures(graph, terms):
        sums = [graph.claim(step.claim) for step in graph.proof(equation)]
        assert any(isinstance(claim, UnitRowSums) for claim in sums)
        claim: Equal = graph.claim(equation)
        one, other = (side.evaluate(values(network, (1, 0, 2, 1), 3)) for side in (claim.left, claim.right))
        assert np.abs(one - other).max() < 1e-9 * np.abs(one).max()


def test_the_tables_rest_on_the_equations(tmp_path):
    """Another equation in place of one of them is refused."""
    statement = small.statement(small.layers(5, 3, 4), tmp_path, "induction")
    graph = ProofGraph()
    function = graph.apply(NetworkFunctionDefinition(), (), statement)
    tables = tables_of(graph, function)
    (step,) = graph.derivations_of(tables)
    _, logits, scores = step.premises
    turned = graph.apply(Symmetry(), [logits])
    for premises in ((function, scores, logits), (function, turned, scores), (function, logits, logits)):
        with pytest.raises(NotEstablished, match="not the one that leads to the tables"):
            graph.apply(InductionTablesRule(), list(premises))


def test_other_networks_have_no_such_paths(tmp_path):
    """A bias, a layer without mask, a third layer: a sentence names the network."""
    made = small.layers(1, 3, 4)
    for changed in (
        [made[0], made[1] | {"b_O": made[0]["P"][0]}, *made[2:]],
        [made[0], made[1] | {"mask": "none"}, *made[2:]],
        [*made[:2], *made[1:]],
    ):
        network = small.statement(changed, tmp_path, "induction").network
        with pytest.raises(NoCompositions, match="the paths of two layers need"):
            TwoLayerPaths(network, 4)
