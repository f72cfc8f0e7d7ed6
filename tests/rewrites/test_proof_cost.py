"""What a proof costs: counts agree with the rules' charges, orders with the counts, dimensions with the published."""

from __future__ import annotations

import pytest
from small_network import small_known

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.explain import blame, charged
from mechproof.engine.graph import ProofGraph
from mechproof.models import zoo
from mechproof.models.one_layer import one_layer_of, with_weights
from mechproof.models.problem import stated, statement_of
from mechproof.models.statement import Statement
from mechproof.rewrites.proof_cost import longest_integer, proof_cost, symbolic_charge
from mechproof.rewrites.rules.path_decomposition import Paths
from mechproof.rewrites.rules.token_order_tree import TokenOrderTree
from mechproof.rewrites.strategies import Options, prove_accuracy
from mechproof.sweeps.selection import applicable


@pytest.fixture(scope="module")
def statement() -> Statement:
    """V = 64, K = 2, d = 32."""
    return statement_of(zoo.path("max_of_2_v64_d32_seed123"))


@pytest.fixture(scope="module")
def small() -> Statement:
    """V = 3, K = 2, d = h = 2."""
    graph, known = small_known()
    return graph.claim(known).statement


def sizes_of(statement: Statement) -> dict[str, int]:
    network = one_layer_of(statement)
    return {"V": network.d_vocab, "K": network.n_ctx, "d": network.d_model, "h": network.d_head}


@pytest.mark.parametrize(
    ("name", "order", "dimension"),
    [
        ("subcubic/exact/chord/EQKE", "V²K + V²d", 8384),
        ("subcubic/exact/drop/mdx", "V²K + V²d", 4544),
        ("subcubic/exact/drop/svd", "V²K + V²d", 4416),
        ("subcubic/mean/drop/mrec", "V²K + V²d", 6530),
        ("subcubic/glob/drop/svd", "V²K + V²d", 4290),
        ("cubic", "V³K", 12544),
        ("brute_force", "V^(K + 1)", 64**3),
    ],
)
def test_the_dimension_of_the_published_rules_is_the_published_one(statement, name, order, dimension):
    """Without T2 and T8 the numbers are those of the specification (the cubic one and brute force at K = 2)."""
    account = proof_cost(*prove_accuracy(statement, name, Options(off=applicable(name, ("T2", "T8")))))

    assert (account.order, account.dimension) == (order, dimension)


@pytest.mark.parametrize("name", ["separable", "branch_and_bound", "subcubic/exact/mean/len"])
def test_rules_of_our_own_have_no_published_dimension(small, name):
    """The estimate is silent about them, and so is the cost."""
    assert proof_cost(*prove_accuracy(small, name)).dimension is None


@pytest.mark.parametrize(
    "name", ["cubic", "subcubic/mean/drop/msub", "subcubic/svdq/chord/len", "subcubic/md/chord/svd"]
)
def test_symbols_and_numbers_tell_the_same_cost(statement, name):
    """Every derivation's symbolic charge, at the network's sizes, is its charge in numbers."""
    graph, goal = prove_accuracy(statement, name)
    sizes = sizes_of(statement)

    for step in graph.proof(goal):
        symbolic = symbolic_charge(graph, step, one_layer_of(statement))
        assert symbolic.evaluate(sizes).total == charged(graph, step).evaluate(sizes).total, step.rule.tag


def test_the_total_is_the_sum_of_what_the_rules_charge(small):
    """Nothing is counted twice and nothing is left out."""
    graph, goal = prove_accuracy(small, "subcubic/mean/mean/msub")

    assert proof_cost(graph, goal).total == sum(price for _, price in blame(graph, goal, sizes_of(small)))


def test_a_tree_is_charged_for_its_nodes(small):
    """The symbol n of the rule's charge is the number of symbols of this tree."""
    graph, goal = prove_accuracy(small, "branch_and_bound")
    (step,) = (step for step in graph.proof(goal) if isinstance(step.rule, TokenOrderTree))
    nodes = sum(symbol in "RWSU" for symbol in step.advice.symbols)
    counted_as_one = sum(price for _, price in blame(graph, goal, sizes_of(small)))

    assert nodes > 1
    assert proof_cost(graph, goal).total == counted_as_one + 3 * sizes_of(small)["V"] * (nodes - 1)


def test_bits_are_those_of_the_longest_integer(small):
    """Weights of a few bits make tables of the length that their products have."""
    graph, goal = prove_accuracy(small, "cubic")
    tables = next(c.tables for step in graph.proof(goal) if isinstance(c := graph.claim(step.claim), Paths)).values()

    assert proof_cost(graph, goal).bits == max(abs(n).bit_length() for t in tables for row in t.integers() for n in row)
    assert longest_integer([]) == 0


def test_a_wider_network_has_more_bits(small):
    """The measure follows the weights: 40 more bits in one of them are seen."""
    graph, goal = prove_accuracy(small, "cubic")
    network = one_layer_of(small)
    wide = dict(network.tensors) | {"W_U": network.tensors["W_U"] @ DyadicMatrix.from_integers(3, 3, [1 << 40] * 9, 0)}
    other = stated(with_weights(wide))

    assert proof_cost(*prove_accuracy(other, "cubic")).bits >= proof_cost(graph, goal).bits + 38


def test_a_cost_is_of_the_proof_and_not_of_the_graph(small):
    """Bounds that were tried and not used cost nothing."""
    graph, goal = prove_accuracy(small, "cubic")
    before = proof_cost(graph, goal)
    more, other = prove_accuracy(small, "subcubic/exact/mean/EQKE")

    assert isinstance(more, ProofGraph)
    assert proof_cost(graph, goal) == before
    assert proof_cost(more, other) != before
