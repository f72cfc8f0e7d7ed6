"""From the definition of networks to the papers' forms, by rewriting; both ends evaluated on real sequences."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from fractions import Fraction

import pytest
from fraction_matrix import FractionMatrix
from small_network import small_statement

from mechproof.engine.arithmetic.tensor import DyadicTensor
from mechproof.engine.equality import Equal
from mechproof.engine.explain import equation_lines, explain
from mechproof.engine.graph import ProofGraph
from mechproof.engine.network_terms import Normalised, Selection
from mechproof.engine.rewriting import positions
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Named, Ones, Row, Tensor, Term
from mechproof.models.layers.attention import Attention, Scale
from mechproof.models.layers.embed import Embed
from mechproof.models.layers.mlp import Mlp
from mechproof.models.layers.norm import Norm
from mechproof.models.layers.unembed import Unembed
from mechproof.models.network import Network
from mechproof.models.one_layer import one_layer_of
from mechproof.models.one_layer_terms import OneLayerTerms
from mechproof.models.path_tables import NoPathTables, heads_of, through_tables
from mechproof.rewrites.standard_forms import (
    MEANINGS,
    logits_by_heads,
    logits_by_paths,
    path_form,
    read_rows,
)


def named(term: Term) -> dict[str, tuple[int, int]]:
    """Every tensor of a term with its shape, through abbreviations."""
    if isinstance(term, Tensor):
        return {} if isinstance(term, Ones) else {term.name: term.shape}
    below = (term.body,) if isinstance(term, Named) else term.parts()
    return {name: shape for part in below for name, shape in named(part).items()}


def assignment(terms: tuple[Term, ...], tokens: tuple[int, ...], vocabulary: int, seed: int) -> Mapping[str, object]:
    """Random integers for every tensor of the terms, the columns of ones, and the selection of ``tokens``."""
    rng = random.Random(seed)
    shapes = {name: shape for term in terms for name, shape in named(term).items()}
    values = {name: FractionMatrix.random(rng, *shape) for name, shape in sorted(shapes.items())}
    values |= {Ones(n).name: FractionMatrix.ones(n) for n in range(1, 6)}
    rows = FractionMatrix(tuple(tuple(Fraction(x == t) for x in range(vocabulary)) for t in tokens))
    return values | {"S": rows, "S[0]": rows}


def draw(rng: random.Random, *shape: int) -> DyadicTensor:
    size = 1
    for length in shape:
        size *= length
    return DyadicTensor.of(shape, [rng.choice([-2, -1, 1, 2]) for _ in range(size)], 0)


def attention(rng: random.Random, heads: int, biases: str, mask: str = "causal", **settings) -> Attention:
    """A layer of width 2 with heads of width 1 (queries) and 2 (values), and the biases named."""
    tensors = {"W_Q": (2, 1), "W_K": (2, 1), "W_V": (2, 2), "W_O": (2, 2)}
    own = {"b_Q": (1,), "b_K": (1,), "b_V": (2,)}
    shapes = tensors | {name: shape for name, shape in own.items() if name[-1] in biases}
    given = {name: draw(rng, heads, *shape) for name, shape in shapes.items()}
    if "O" in biases:
        given["b_O"] = draw(rng, 2)
    return Attention(**given, scale=Scale(root=3), mask=mask, **settings)


def network(heads: int, biases: str, positions: int, mask: str = "causal") -> Network:
    rng = random.Random(heads)
    unembed = Unembed(draw(rng, 2, 4), draw(rng, 4) if "U" in biases else None)
    embed = Embed((draw(rng, 3, 2),), draw(rng, positions, 2))
    return Network("a network", (embed, attention(rng, heads, biases, mask), unembed))


def agree(equal: Equal, vocabulary: int, length: int) -> None:
    """Both sides are equal on every sequence, for random weights."""
    for seed, tokens in enumerate(itertools.product(range(vocabulary), repeat=length)):
        values = assignment((equal.left, equal.right), tokens, vocabulary, seed)
        assert equal.left.evaluate(values) == equal.right.evaluate(values)


@pytest.mark.parametrize("mask", ["causal", "none"])
@pytest.mark.parametrize(
    ("heads", "biases", "length"), [(2, "QKVOU", 2), (2, "", 3), (3, "VO", 2), (1, "QU", 3), (2, "KU", 1)]
)
def test_heads_get_their_tables_from_the_table_of_equations(heads, biases, length, mask):
    """logits = s UU + sum of a softmax a head, for the term of the network's own layers, with and without biases."""
    graph, net = ProofGraph(), network(heads, biases, length, mask)

    equal = graph.claim(logits_by_heads(graph, net, length))

    assert equal == Equal(net.term(length, [length - 1]), through_tables(heads_of(net, length)))
    agree(equal, 3, length)
    assert graph.replay().find(equal) is not None


def test_a_head_left_out_is_noticed():
    """Two heads are not one of them, nor one of them twice."""
    graph, net = ProofGraph(), network(2, "QKVOU", 2)
    logits_by_heads(graph, net, 2)
    first, second = heads_of(net, 2)

    for wrong in ([first], [first, first], [first, second, second]):
        with pytest.raises(NotEstablished, match="same words"):
            path_form(graph, net.term(2, [1]), through_tables(wrong))


def test_networks_of_other_layers_have_no_path_tables():
    """A norm, a second attention layer or tables of their own for each position are named."""
    rng, net = random.Random(1), network(1, "", 2)
    embed, layer, unembed = net.layers
    norm = Norm("rmsnorm", Fraction(1, 4))
    for layers, found in (
        ((embed, attention(rng, 1, "", norm=norm), unembed), "attention with a norm"),
        ((embed, layer, layer, unembed), "embed, attention, attention, unembed"),
    ):
        with pytest.raises(NoPathTables, match=found):
            heads_of(Network("other", layers), 2)


@pytest.mark.parametrize("kind", ["layernorm", "rmsnorm"])
def test_any_network_is_read_at_its_last_position(kind):
    """Norms, gated and plain MLPs and attention: only the row that is read is left, and its value is the same."""
    rng, graph = random.Random(kind), ProofGraph()
    norm = Norm(kind, Fraction(1, 4), draw(rng, 2), draw(rng, 2))
    gated = Mlp(draw(rng, 2, 3), draw(rng, 3, 2), "square", W_gate=draw(rng, 2, 3), b_in=draw(rng, 3), norm=norm)
    plain = Mlp(draw(rng, 2, 3), draw(rng, 3, 2), "relu", b_in=draw(rng, 3), b_out=draw(rng, 2))
    layers = (Embed((draw(rng, 3, 2),), draw(rng, 2, 2)), attention(rng, 2, "QKVO"), gated, norm, plain)
    net = Network("a network", (*layers, Unembed(draw(rng, 2, 3), draw(rng, 3))))

    equal = graph.claim(read_rows(graph, net.term(2, [1])))

    of_names = [part for _, part in positions(equal.right) if isinstance(part, Row)]
    assert all(isinstance(part.body, Selection | Tensor) for part in of_names)
    assert any(isinstance(part, Normalised) and part.shape == (1, 2) for _, part in positions(equal.right))
    agree(equal, 3, 2)


@pytest.mark.parametrize(
    "zero", [(), ("b_Q", "b_K", "b_V", "b_O", "b_U"), ("b_U",), ("b_O", "W_pos"), ("W_pos", "b_V", "b_K")]
)
def test_the_paths_of_a_network_are_those_of_its_layers(zero):
    """The definition is the term of the layers, in which biases of zeros are absent; the tables have a place for
    each."""
    graph, statement = ProofGraph(), small_statement(4, zero)
    terms = OneLayerTerms.of(one_layer_of(statement))

    equal = graph.claim(logits_by_paths(graph, statement))

    assert equal.left == terms.definition(statement.network)
    assert equal.right == terms.mixture
    assert equal.about == (statement.sha256 if zero else "")
    values = dict(assignment((equal.left, equal.right), (2, 1), 3, 7))
    for name in zero:
        values[name] = values[name] - values[name]  # type: ignore[operator]
    assert equal.left.evaluate(values) == equal.right.evaluate(values)
    assert not set(zero) & set(named(equal.left))


def test_the_steps_have_names_and_conditions():
    """Few steps a reader can follow; each condition is a claim: rows that sum to one, biases that are zero."""
    graph = ProofGraph()
    claim = logits_by_paths(graph, small_statement(4, ("b_V", "b_U")))
    lines = equation_lines(graph, claim)

    assert list(dict.fromkeys(line.name for line in lines if line.name != "expansion")) == list(MEANINGS)
    conditions = {c for line in lines for c in line.conditions}
    assert sorted({graph.claim(c).kind for c in conditions}) == ["unit_row_sums", "zero"]
    assert all(graph.derivations_of(c) for c in conditions)
    assert sum(len(line.rewrites) for line in lines) > 100
    assert any("sums to one" in line for line in explain(graph, claim).lines())


def test_without_the_claims_the_form_is_out_of_reach():
    """A condition that is true but not proved does not fire."""
    statement = small_statement(4, ("b_V",))
    terms = OneLayerTerms.of(one_layer_of(statement))
    with pytest.raises(NotEstablished, match="same words"):
        path_form(ProofGraph(), terms.definition(statement.network), terms.paths)


def test_a_wrong_form_is_not_derived():
    """Something added to the paths is noticed."""
    graph, statement = ProofGraph(), small_statement(4)
    logits_by_paths(graph, statement)
    terms = OneLayerTerms.of(one_layer_of(statement))
    wrong = terms.paths + terms.selection.row(0) @ terms.tables["UU"]

    with pytest.raises(NotEstablished, match="same words"):
        path_form(graph, terms.definition(statement.network), wrong)


def test_a_stored_derivation_replays_without_the_recipe():
    """The graph is the proof."""
    graph = ProofGraph()
    claim = logits_by_paths(graph, small_statement(4))

    assert graph.replay().find(graph.claim(claim)) is not None
