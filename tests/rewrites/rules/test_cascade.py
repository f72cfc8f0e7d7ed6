"""The cascade: counts against enumeration, exact ties included, and a lemma that other files test."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from two_token_network import ORDER, adding_network, candidates, exact_margin, form_of

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.enumeration.outcome import RIGHT
from mechproof.rewrites.rules.cascade import Cascade, evaluated
from mechproof.rewrites.rules.grid_network import GridNetworkRule, Grids
from mechproof.rewrites.rules.quotient import Quotient


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_enumeration(seed):
    """Whatever the quotient accepts, the count is exact; without evaluation it is a lower bound."""
    statement = adding_network(seed, noise=10 + 30 * seed)
    graph, form = form_of(statement)
    right = sum(exact_margin(statement, x, y) > 0 for x, y in product(range(ORDER), repeat=2))
    for found in candidates(graph, form):
        grid = graph.apply(GridNetworkRule(), [form], found.grids)
        accepted = graph.apply(Quotient(), [grid], found.advice)
        claim = graph.claim(graph.apply(Cascade(), [accepted, form]))
        assert claim.low == claim.high == right
        alone = Cascade(evaluate=False).conclude([graph.claim(accepted), graph.claim(form)], None)
        assert alone.low == graph.claim(accepted).count <= right and alone.high == ORDER**2


def test_near_ties_are_decided_exactly():
    """On the coarsest grids integers decide nothing, and every verdict is still the exact one; ties are wrong."""
    statement = adding_network(9, noise=60)
    graph, form = form_of(statement)
    neurons = graph.claim(form).left.shape[1]
    grid = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(0, (1,) * neurons)))
    inputs = np.array(list(product(range(ORDER), repeat=2)))
    verdicts = evaluated(grid, graph.claim(form), inputs)
    assert (verdicts == RIGHT).tolist() == [exact_margin(statement, x, y) > 0 for x, y in inputs.tolist()]
    last = statement.network.layers[-1]
    same = last.W_U.numerators.copy()  # type: ignore[attr-defined]
    same[:, 1], shift = same[:, 0], last.b_U.numerators.copy()  # type: ignore[attr-defined]
    shift[1] = shift[0]
    tied = replace(last, W_U=last.W_U.rearranged(same), b_U=last.b_U.rearranged(shift))  # type: ignore[attr-defined]
    network = replace(statement.network, layers=(*statement.network.layers[:-1], tied))
    graph, form = form_of(replace(statement, network=network))
    grid = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * neurons)))
    verdicts = (evaluated(grid, graph.claim(form), inputs) == RIGHT).tolist()
    assert not any(right and (x + y) % ORDER < 2 for right, (x, y) in zip(verdicts, inputs.tolist(), strict=True))
    assert any(verdicts)


def test_premises_of_two_networks_are_refused():
    """What was accepted of one network says nothing about another."""
    claims = []
    for seed in (1, 2):
        graph, form = form_of(adding_network(seed))
        found = random.Random(0).choice(candidates(graph, form))
        grid = graph.apply(GridNetworkRule(), [form], found.grids)
        claims.append((graph.claim(graph.apply(Quotient(), [grid], found.advice)), graph.claim(form)))
    with pytest.raises(NotEstablished):
        Cascade().conclude([claims[0][0], claims[1][1]], None)
