"""Facts about weights are facts about one network: in a graph that holds two, neither borrows the other's."""

from __future__ import annotations

import pytest
from small_network import small_statement

from mechproof.engine.equality import Application, Chain, Equal, Expansion, Step, Symmetry
from mechproof.engine.graph import ProofGraph
from mechproof.engine.normal_form import normalised
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Ones, Tensor, Zeros
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.equations import TABLE, Zero, rules
from mechproof.rewrites.rules.known_matrices import KnownWeights, NameMatrix
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.zero_tensor import ZeroByValue

A, B = small_statement(1, zero=("b_Q", "b_K")), small_statement(2, zero=("b_V",))
BIAS, W_E = Tensor("b_Q", (1, 2)), Tensor("W_E", (3, 2))
BIASED = W_E + Ones(3) @ BIAS
GONE = W_E + Ones(3) @ Zeros(1, 2)
VANISH = Step(TABLE["vanish"])


def both() -> tuple[ProofGraph, int, int]:
    """A graph with both networks; b_Q is zero in the first and not in the second."""
    graph = ProofGraph()
    return graph, graph.apply(NetworkFunctionDefinition(), (), A), graph.apply(NetworkFunctionDefinition(), (), B)


def test_zero_of_one_network_is_not_found_for_another():
    """b_Q = 0 of A, proved, is neither the claim b_Q = 0 of B nor a claim about all weights."""
    graph, first, _ = both()
    graph.apply(ZeroByValue(), [first], BIAS)

    assert graph.find(Zero(BIAS, A.sha256)) is not None
    assert graph.find(Zero(BIAS, B.sha256)) is None
    assert graph.find(Zero(BIAS)) is None


def test_the_same_fact_about_two_networks_is_two_claims():
    """Of each network it has to be proved, and the sentence says of which."""
    graph, first, _ = both()
    other = graph.apply(NetworkFunctionDefinition(), (), small_statement(3, zero=("b_Q",)))
    claims = [graph.apply(ZeroByValue(), [network], BIAS) for network in (first, other)]

    assert claims[0] != claims[1]
    sentences = {graph.claim(claim).sentence() for claim in claims}
    assert len(sentences) == 2 and any(A.sha256[:8] in sentence for sentence in sentences)


def test_an_equation_names_the_network_that_it_rests_on():
    """W_E + 1 b_Q = W_E + 1 0 holds of A; as a claim about every network, or about B, it is not there."""
    graph, first, _ = both()
    zero = graph.apply(ZeroByValue(), [first], BIAS)
    equal = graph.apply(VANISH, [zero], Application(BIASED, (1, 1)))

    assert graph.claim(equal).about == A.sha256
    assert A.sha256[:8] in graph.claim(equal).sentence()
    assert graph.find(Equal(BIASED, GONE)) is graph.find(Equal(BIASED, GONE, B.sha256)) is None
    turned = graph.apply(Symmetry(), [equal])
    assert graph.claim(turned) == Equal(GONE, BIASED, A.sha256)
    universal = graph.apply(Expansion(), (), (W_E, GONE))
    assert graph.claim(universal).about == ""
    assert graph.claim(graph.apply(Chain(), [universal, turned])) == Equal(W_E, BIASED, A.sha256)


def test_facts_about_two_networks_do_not_meet():
    """b_Q = 0 of A and b_V = 0 of B say nothing together: there is no network of which both are said."""
    graph, first, second = both()
    other = Tensor("b_V", (1, 2))
    one = graph.apply(VANISH, [graph.apply(ZeroByValue(), [first], BIAS)], Application(BIASED, (1, 1)))
    two = graph.apply(VANISH, [graph.apply(ZeroByValue(), [second], other)], Application(W_E + Ones(3) @ other, (1, 1)))

    with pytest.raises(NotEstablished, match="different networks"):
        graph.apply(Chain(), [one, graph.apply(Symmetry(), [two])])


def test_rewriting_uses_facts_about_the_network_it_is_told_of():
    """The search for conditions takes those of the named network and those of every network, no others."""
    graph, first, _ = both()
    graph.apply(ZeroByValue(), [first], BIAS)
    gone = rules("vanish")

    for about in ("", B.sha256):
        assert graph.claim(normalised(graph, BIASED, "vanish", gone, about)) == Equal(BIASED, BIASED)
    claim = normalised(graph, BIASED, "vanish", gone, A.sha256)
    assert graph.claim(claim) == Equal(BIASED, GONE, A.sha256)
    graph.replay()


def test_terms_over_anything_but_weights_are_refused():
    """The selection of a sequence and names of advice are no weights, so nothing follows from weights about them."""
    graph, first, _ = both()
    with pytest.raises(NotEstablished, match="S"):
        graph.apply(ZeroByValue(), [first], Tensor("S", (2, 3)))


def test_advice_does_not_take_the_name_of_the_selection():
    """S stands for the sequence in every claim; as a name of advice it would have two meanings."""
    graph, first, _ = both()
    known = graph.apply(KnownWeights(), [first])
    with pytest.raises(NotEstablished, match="taken"):
        graph.apply(NameMatrix(), [known], ("S", one_layer_of(A).tensors["W_E"]))
