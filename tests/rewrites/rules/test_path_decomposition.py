"""The path equations over an independent matrix type, and the five tables against the definition."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Equation, Named, Ones, Term
from mechproof.models.architectures.one_layer_terms import OneLayerTerms
from mechproof.rewrites.rules.network_definition import Network, NetworkDefinition
from mechproof.rewrites.rules.path_decomposition import NAMES, PATHS, PathDecomposition

# (V, K, d_model, d_head): with K = V, d_model != d_head, K = 1 and V = 1 among them.
SIZES = ((3, 3, 2, 3), (3, 2, 4, 2), (4, 4, 1, 3), (2, 3, 3, 1), (3, 1, 2, 2), (1, 2, 2, 2), (2, 2, 2, 2))


@dataclass(frozen=True)
class Matrix:
    """Matrices of fractions with the operations that terms ask for."""

    rows: tuple[tuple[Fraction, ...], ...]

    def __add__(self, other: Matrix) -> Matrix:
        return self._entrywise(other, 1)

    def __sub__(self, other: Matrix) -> Matrix:
        return self._entrywise(other, -1)

    def _entrywise(self, other: Matrix, sign: int) -> Matrix:
        pairs = zip(self.rows, other.rows, strict=True)
        return Matrix(tuple(tuple(a + sign * b for a, b in zip(r, s, strict=True)) for r, s in pairs))

    def __matmul__(self, other: Matrix) -> Matrix:
        columns = tuple(zip(*other.rows, strict=True))
        return Matrix(
            tuple(
                tuple(sum((a * b for a, b in zip(row, c, strict=True)), Fraction(0)) for c in columns)
                for row in self.rows
            )
        )

    @property
    def T(self) -> Matrix:
        return Matrix(tuple(zip(*self.rows, strict=True)))

    def row(self, index: int) -> Matrix:
        return Matrix((self.rows[index],))


def assignment(terms: OneLayerTerms, seed: int) -> dict[str, Matrix]:
    """Random fractions for every tensor, and the columns of ones."""
    rng = random.Random(seed)
    values = {}
    for name, tensor in terms.weights.items():
        rows, columns = tensor.shape
        values[name] = Matrix(
            tuple(tuple(Fraction(rng.randint(-9, 9), rng.randint(1, 7)) for _ in range(columns)) for _ in range(rows))
        )
    for count in (terms.d_vocab, terms.n_ctx):
        values[Ones(count).name] = Matrix(((Fraction(1),),) * count)
    return values


def differ(equation: Equation, values: Mapping[str, Any]) -> bool:
    return equation.left.evaluate(values) != equation.right.evaluate(values)


@pytest.mark.parametrize("sizes", SIZES)
def test_both_sides_are_equal_for_random_fractions(sizes):
    """The equations, which are decided symbolically, hold as equations between numbers, at every position."""
    terms = OneLayerTerms(*sizes)
    for seed in range(3):
        values = assignment(terms, seed)
        for position in range(terms.n_ctx):
            for equation in terms.equations(position):
                assert equation.holds()
                assert not differ(equation, values), equation.name


def test_the_printed_lemma_is_true():
    """The instance that the transcript shows is an equation between numbers."""
    values = assignment(OneLayerTerms(3, 2, 2, 2), 5)
    assert isinstance(PATHS.statement, tuple)
    assert len(PATHS.statement) == 3
    for equation in PATHS.statement:
        assert not differ(equation, values)


def _mutants(terms: OneLayerTerms) -> dict[str, tuple[str, Term]]:
    """Wrong right-hand sides: name -> (which equation at position 0, what it is replaced by)."""
    w, v, k = terms.weights, Ones(terms.d_vocab), Ones(terms.n_ctx)
    t = terms.tables
    scores, values, direct = (equation.right for equation in terms.equations(0))
    no_query_bias = terms.query_residual @ w["W_Q"]
    first_position = (w["W_E"] + v @ w["W_pos"].row(0)) @ w["W_Q"] + v @ w["b_Q"]
    keys, positions = w["W_E"] @ w["W_K"], w["W_pos"] @ w["W_K"]
    return {
        "b_Q dropped": ("scores", keys @ no_query_bias.T + v @ t["EQKP"].T.row(0)),
        "query at position 0": ("scores", keys @ first_position.T + v @ t["EQKP"].T.row(0)),
        "b_K dropped": ("scores", t["EQKE"].T + v @ (terms.query_side @ positions.T).T.row(0)),
        "another position's keys": ("scores", t["EQKE"].T + v @ t["EQKP"].T.row(1)),
        "positions dropped from the scores": ("scores", t["EQKE"].T),
        "sign of EQKP": ("scores", t["EQKE"].T - v @ t["EQKP"].T.row(0)),
        "b_K twice": ("scores", scores + v @ (terms.query_side @ w["b_K"].T).T),
        "b_V dropped": ("attended values", t["EVOU"] + v @ (w["W_pos"] @ w["W_V"] @ w["W_O"] @ w["W_U"]).row(0)),
        "b_V twice": ("attended values", values + v @ (w["b_V"] @ w["W_O"] @ w["W_U"])),
        "another position's values": ("attended values", t["EVOU"] + v @ t["PVOU"].row(1)),
        "sign of EVOU": ("attended values", v @ t["PVOU"].row(0) - t["EVOU"]),
        "W_O and W_V in the wrong order": (
            "attended values",
            w["W_E"] @ w["W_O"] @ w["W_V"] @ w["W_U"] + v @ t["PVOU"].row(0),
        ),
        "b_O dropped": ("direct path", terms.query_residual @ w["W_U"] + v @ w["b_U"]),
        "b_U dropped": ("direct path", terms.query_residual @ w["W_U"] + v @ (w["b_O"] @ w["W_U"])),
        "last position dropped": ("direct path", w["W_E"] @ w["W_U"] + v @ (w["b_O"] @ w["W_U"] + w["b_U"])),
        "b_U twice": ("direct path", direct + v @ w["b_U"]),
        "PVOU of ones alone": ("attended values", t["EVOU"] + v @ (k @ w["b_V"] @ w["W_O"] @ w["W_U"]).row(0)),
    }


SQUARE = OneLayerTerms(3, 3, 2, 2)


@pytest.mark.parametrize("mutant", _mutants(SQUARE))
def test_mutated_equations_are_refused_and_false(mutant):
    """A bias, a position, a sign or an order that is wrong is seen by the expansion, and is indeed wrong."""
    name, right = _mutants(SQUARE)[mutant]
    left = next(equation.left for equation in SQUARE.equations(0) if equation.name == name)
    equation = Equation(mutant, left, right)
    assert not equation.holds()
    assert all(differ(equation, assignment(SQUARE, seed)) for seed in range(3))


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


def test_tables_that_do_not_follow_are_refused(oracle, monkeypatch):
    """The rule checks its equations on the network at hand: with a wrong table it concludes nothing."""
    network = NetworkDefinition().conclude((), oracle.random_net(2, "eighths", 3, 3).statement)
    assert isinstance(network, Network)

    def wrong(terms: OneLayerTerms) -> dict[str, Named]:
        right = dict(tables.__get__(terms, OneLayerTerms))
        return right | {"PVOU": Named("PVOU", right["PVOU"] + right["PVOU"])}

    tables = OneLayerTerms.__dict__["tables"]
    monkeypatch.setattr(OneLayerTerms, "tables", property(wrong))
    with pytest.raises(NotEstablished, match="attended values"):
        PathDecomposition().conclude([network], None)


def test_terms_take_the_sizes_of_the_network(oracle):
    """Every tensor of the terms has the shape of the network's tensor of that name."""
    network = oracle.random_net(0, "eighths", 4, 3).statement.network
    for name, tensor in OneLayerTerms.of(network).weights.items():
        assert tensor.shape == network.tensors[name].shape
