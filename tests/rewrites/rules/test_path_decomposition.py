"""The equation between the definition and the five tables, the rule that takes it, and the tables themselves."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from fraction_matrix import FractionMatrix
from small_network import small_statement

from mechproof.engine.equality import Equal
from mechproof.engine.graph import ProofGraph
from mechproof.engine.network_terms import MaskedSoftmax
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Ones, Term
from mechproof.models.one_layer import one_layer_of
from mechproof.models.one_layer_terms import OneLayerTerms, placeholder
from mechproof.models.problem import stated
from mechproof.models.statement import Statement
from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition
from mechproof.rewrites.rules.path_decomposition import NAMES, PATHS, PathDecomposition, Paths
from mechproof.rewrites.standard_forms import logits_by_paths, path_form, paths_of

# (V, K, d_model, d_head): with K = V, d_model != d_head, K = 1 and V = 1 among them.
SIZES = ((3, 3, 2, 3), (3, 2, 4, 2), (4, 4, 1, 3), (2, 3, 3, 1), (3, 1, 2, 2), (1, 2, 2, 2), (1, 1, 1, 1))


def assignment(terms: OneLayerTerms, seed: int) -> dict[str, FractionMatrix]:
    """Random integers for every tensor, a random sequence, and the columns of ones."""
    rng = random.Random(seed)
    values = {name: FractionMatrix.random(rng, *tensor.shape) for name, tensor in terms.weights.items()}
    tokens = [rng.randrange(terms.d_vocab) for _ in range(terms.n_ctx)]
    selection = FractionMatrix(tuple(tuple(Fraction(x == t) for x in range(terms.d_vocab)) for t in tokens))
    ones = {Ones(n).name: FractionMatrix.ones(n) for n in range(1, 6)}
    return values | ones | {str(terms.selection): selection}


def general(*sizes: int) -> tuple[OneLayerTerms, Statement]:
    """The terms of these sizes, and a network that has every bias."""
    terms = OneLayerTerms(*sizes)
    return terms, stated(placeholder(terms))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_derived_equation_is_true(sizes):
    """Definition and tables agree as numbers, for random weights with all biases and random sequences."""
    (terms, statement), graph = general(*sizes), ProofGraph()

    equal = graph.claim(logits_by_paths(graph, statement))

    assert (equal.right, equal.about) == (terms.mixture, "")
    for seed in range(3):
        values = assignment(terms, seed)
        assert equal.left.evaluate(values) == equal.right.evaluate(values)


def test_the_printed_lemma_is_true():
    """The instance that the transcript shows is an equation between numbers."""
    assert isinstance(PATHS.statement, tuple)
    for seed in range(5):
        values = assignment(OneLayerTerms(3, 2, 2, 2), seed)
        for equation in PATHS.statement:
            assert equation.left.evaluate(values) == equation.right.evaluate(values)


def _mutants(terms: OneLayerTerms) -> dict[str, Term]:
    """Wrong right-hand sides, by what is wrong; a wrong b_K would not be: it adds the same to all scores."""
    w, v, k = terms.weights, Ones(terms.d_vocab), Ones(terms.n_ctx)
    s, S = terms.selection.row(terms.n_ctx - 1), terms.selection
    bare = {name: table.body for name, table in terms.tables.items()}

    def form(scale: Fraction = Fraction(1), **changes: Term) -> Term:
        t = bare | changes
        scores = s @ t["EQKE"] @ S.T + s @ t["EQKP"]
        attention = MaskedSoftmax(scores, scale, terms.d_head, causal=False)
        return s @ t["UU"] + attention @ (S @ t["EVOU"] + t["PVOU"])

    no_query_bias = terms.query_residual @ w["W_Q"]
    first_position = (w["W_E"] + v @ w["W_pos"].row(0)) @ w["W_Q"] + v @ w["b_Q"]
    keys, positions = (w["W_E"] @ w["W_K"]).T, w["W_pos"] @ w["W_K"] + k @ w["b_K"]
    values = w["W_pos"] @ w["W_V"]
    onward = w["W_O"] @ w["W_U"]
    return {
        "b_Q dropped": form(EQKE=no_query_bias @ keys),
        "query at position 0": form(EQKE=first_position @ keys, EQKP=first_position @ positions.T),
        "keys of tokens for those of positions": form(EQKP=bare["EQKE"] @ v @ k.T),
        "positions dropped from the scores": form(EQKP=bare["EQKP"] - bare["EQKP"]),
        "sign of EQKP": form(EQKP=bare["EQKP"] - bare["EQKP"] - bare["EQKP"]),
        "another scale": form(scale=Fraction(2)),
        "b_V dropped": form(PVOU=values @ onward),
        "b_V twice": form(PVOU=(values + k @ w["b_V"] + k @ w["b_V"]) @ onward),
        "b_V alone": form(PVOU=k @ w["b_V"] @ onward),
        "sign of EVOU": form(EVOU=bare["EVOU"] - bare["EVOU"] - bare["EVOU"]),
        "W_O and W_V in the wrong order": form(EVOU=w["W_E"] @ w["W_O"] @ w["W_V"] @ w["W_U"]),
        "b_O dropped": form(UU=terms.query_residual @ w["W_U"] + v @ w["b_U"]),
        "b_U dropped": form(UU=terms.query_residual @ w["W_U"] + v @ (w["b_O"] @ w["W_U"])),
        "last position dropped": form(UU=w["W_E"] @ w["W_U"] + v @ (w["b_O"] @ w["W_U"] + w["b_U"])),
        "b_U twice": form(UU=bare["UU"] + v @ w["b_U"]),
    }


SQUARE, STATEMENT = general(3, 3, 2, 2)


@pytest.mark.parametrize("mutant", _mutants(SQUARE))
def test_mutated_tables_are_refused_and_false(mutant):
    """A bias, a position, a sign or an order that is wrong is not derived, and is indeed wrong."""
    graph, definition, wrong = ProofGraph(), SQUARE.definition(STATEMENT.network), _mutants(SQUARE)[mutant]
    logits_by_paths(graph, STATEMENT)

    with pytest.raises(NotEstablished, match="same words"):
        path_form(graph, definition, wrong)
    given = [assignment(SQUARE, seed) for seed in range(8)]
    assert any(definition.evaluate(values) != wrong.evaluate(values) for values in given)


def test_the_rule_takes_the_equation_of_its_network():
    """No paths without the equation, nor from one about other weights, another definition or other tables."""
    graph = ProofGraph()
    mine, other = small_statement(1, ("b_V",)), small_statement(2, ("b_V",))
    network = graph.apply(NetworkFunctionDefinition(), (), mine)
    equation = graph.claim(logits_by_paths(graph, mine))
    everywhere = graph.claim(logits_by_paths(graph, small_statement(1)))
    rule, premise = PathDecomposition(), graph.claim(network)

    assert rule.conclude([premise, equation], None).identity() == mine.sha256
    with pytest.raises(NotEstablished, match="premises"):
        graph.apply(rule, [network])
    for wrong, reason in (
        (replace(equation, about=other.sha256), "another network"),
        (everywhere, "not the definition"),
        (Equal(equation.left, equation.left, mine.sha256), "not the paths"),
    ):
        with pytest.raises(NotEstablished, match=reason):
            rule.conclude([premise, wrong], None)


def test_a_certificate_carries_the_network_alone():
    """The checker multiplies the tables out by itself, so the equations stay in the graph."""
    graph = ProofGraph()
    paths = paths_of(graph, small_statement(1))

    steps = graph.steps(paths)
    assert steps is not None
    assert [step.rule for step in steps] == ["network_definition/2", "path_decomposition/1"]
    assert len(graph.proof(paths)) > 5 and graph.is_certifiable(paths)
    assert isinstance(graph.claim(paths), Paths)


@pytest.mark.parametrize("flavour", ["float16", "eighths", "denormal", "huge"])
def test_tables_are_those_of_the_definition(oracle, flavour):
    """Scores and logit differences read from the tables are exactly those of the residual stream."""
    for seed in range(4):
        net = oracle.random_net(seed, flavour)
        paths, truth = net.margin().paths, net.truth
        for q in range(net.V):
            for p in range(net.K):
                for t in range(net.V):
                    score = Fraction(2) ** paths.score_exponent * paths.score(q, p, t)
                    assert score == Fraction(truth.score(q, p, t), 1 << truth.places)
                    by_position = paths.score(q, p, t) - paths.token_score(q, t)
                    assert by_position == paths.score(q, p, 0) - paths.token_score(q, 0)
                    for x in range(net.V):
                        difference = Fraction(2) ** paths.logit_exponent * paths.logit_difference(q, p, t, x, 0)
                        assert difference == Fraction(truth.difference(q, p, t, x, 0), 1 << truth.places)


def test_the_claim_names_its_tables(oracle):
    """The conclusion carries one hash a table, in the certificate's order; a bias of the keys moves EQKP alone."""
    net = oracle.random_net(1, "eighths", 3, 2)
    conclusion = net.margin().paths.conclusion()
    assert list(conclusion) == ["kind", *NAMES]
    assert conclusion["kind"] == "paths"
    other = net.replaced(b_K=[[value + 1 for value in net.tensors["b_K"][0]]])
    changed = [name for name in NAMES if other.margin().paths.conclusion()[name] != conclusion[name]]
    assert changed == ["EQKP"]


def test_terms_take_the_sizes_of_the_network(oracle):
    """Every tensor of the terms has the shape of the network's tensor of that name."""
    network = one_layer_of(oracle.random_net(0, "eighths", 4, 3).statement)
    for name, tensor in OneLayerTerms.of(network).weights.items():
        assert tensor.shape == network.tensors[name].shape
