"""From the definition of the network to the papers' forms, by rewriting; both ends evaluated on real sequences."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest
from fraction_matrix import FractionMatrix

import mechproof
from mechproof.engine.equality import Equal
from mechproof.engine.explain import equation_lines, explain
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Ones
from mechproof.models.architectures.one_layer_terms import OneLayerTerms
from mechproof.rewrites.standard_forms import equal_by_expansion, mean_key_form, path_expansion

TERMS = OneLayerTerms(d_vocab=3, n_ctx=2, d_model=2, d_head=1)


def assignment(terms: OneLayerTerms, tokens: tuple[int, ...], rng: random.Random) -> dict[str, FractionMatrix]:
    """Random integer weights and biases, and the selection of ``tokens``."""
    values = {name: FractionMatrix.random(rng, *tensor.size) for name, tensor in terms.weights.items()}
    values |= {Ones(n).name: FractionMatrix.ones(n) for n in range(1, 6)}
    values["S"] = FractionMatrix(tuple(tuple(Fraction(x == t) for x in range(terms.d_vocab)) for t in tokens))
    values["mean"] = FractionMatrix.random(rng, 1, terms.d_model)
    return values


@pytest.mark.parametrize("form", [path_expansion, mean_key_form])
@pytest.mark.parametrize("sizes", [(3, 2, 2, 1), (3, 3, 1, 2), (2, 1, 2, 2)])
def test_the_form_equals_the_definition_on_every_sequence(form, sizes):
    """Both sides of the derived equation agree, exactly, for all sequences and random weights with biases."""
    terms, rng, graph = OneLayerTerms(*sizes), random.Random(repr(sizes)), ProofGraph()
    equal = graph.claim(form(graph, terms))

    assert equal.left == terms.logits
    for tokens in itertools.product(range(terms.d_vocab), repeat=terms.n_ctx):
        values = assignment(terms, tokens, rng)
        assert equal.left.evaluate(values) == equal.right.evaluate(values)


def test_the_derivation_rests_on_the_selection_and_nothing_else():
    """The only facts used are that the rows of S sum to one; the explanation lists them as conditions."""
    graph = ProofGraph()
    claim = path_expansion(graph, TERMS)

    conditions = {c for line in equation_lines(graph, claim) for c in line.conditions}

    assert {graph.claim(c).kind for c in conditions} == {"unit_row_sums"}
    assert any("S" in line for line in explain(graph, claim).lines())


def test_without_the_selection_claims_the_form_is_out_of_reach():
    """A condition that is true but not proved does not fire."""
    with pytest.raises(NotEstablished, match="same words"):
        equal_by_expansion(ProofGraph(), TERMS.logits, TERMS.path_logits)


def test_a_wrong_form_is_not_derived():
    """Leaving out what the positions add to the values is noticed."""
    graph = ProofGraph()
    path_expansion(graph, TERMS)
    wrong = TERMS.path_logits + TERMS.selection.row(0) @ TERMS.tables["UU"]

    with pytest.raises(NotEstablished, match="same words"):
        equal_by_expansion(graph, TERMS.logits, wrong)


def test_a_stored_derivation_replays_without_the_recipe():
    """The graph is the proof."""
    graph = ProofGraph()
    claim = path_expansion(graph, TERMS)

    assert graph.replay().find(Equal(graph.claim(claim).left, graph.claim(claim).right)) is not None


def test_zero_biases_are_a_fact_about_one_network():
    """The condition of drop-zero-bias is decided on the stored weights, and refused where it is false."""
    from mechproof.models import zoo
    from mechproof.rewrites.rules.zero_tensor import ZeroByValue

    proof = mechproof.prove(zoo.path("max_of_2_v64_d32_seed123"))
    network = next(step.claim for step in proof.graph.proof(proof.goal) if not step.premises)
    terms = OneLayerTerms.of(proof.theorem.statement.network)

    claim = proof.graph.apply(ZeroByValue(), [network], terms.weights["b_Q"])

    about = proof.theorem.statement.sha256
    assert proof.graph.claim(claim).sentence() == f"$b_{{Q}} = 0$ (for statement {about[:8]})."
    with pytest.raises(NotEstablished, match="not zero"):
        proof.graph.apply(ZeroByValue(), [network], terms.weights["W_Q"])
