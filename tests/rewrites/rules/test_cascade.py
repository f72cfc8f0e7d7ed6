"""The cascade: counts against enumeration, exact ties included, and a lemma that other files test."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from two_token_network import ORDER, adding_network, candidates, exact_margin, form_of

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.enumeration.outcome import RIGHT, WRONG
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
    inputs = list(product(range(ORDER), repeat=2))
    rivals = np.packbits(np.arange(ORDER) != grid.answers[:, :, None], axis=2)
    verdicts = evaluated(grid, graph.claim(form), rivals).reshape(-1)
    assert (verdicts == RIGHT).tolist() == [exact_margin(statement, x, y) > 0 for x, y in inputs]
    last = statement.network.layers[-1]
    same = last.W_U.numerators.copy()  # type: ignore[attr-defined]
    same[:, 1], shift = same[:, 0], last.b_U.numerators.copy()  # type: ignore[attr-defined]
    shift[1] = shift[0]
    tied = replace(last, W_U=last.W_U.rearranged(same), b_U=last.b_U.rearranged(shift))  # type: ignore[attr-defined]
    network = replace(statement.network, layers=(*statement.network.layers[:-1], tied))
    graph, form = form_of(replace(statement, network=network))
    grid = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * neurons)))
    right = (evaluated(grid, graph.claim(form), rivals).reshape(-1) == RIGHT).tolist()
    assert not any(found and (x + y) % ORDER < 2 for found, (x, y) in zip(right, inputs, strict=True))
    assert any(right)


def test_only_open_rivals_are_evaluated():
    """An output that is no rival is not looked at: without any bit every input counts as right, and a bit is enough to
    find it wrong."""
    statement = adding_network(9, noise=60)
    graph, form = form_of(statement)
    grid = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * graph.claim(form).left.shape[1])))
    nothing = np.zeros((ORDER, ORDER, 1), dtype=np.uint8)
    assert (evaluated(grid, graph.claim(form), nothing) == RIGHT).all()
    x, y = next((x, y) for x, y in product(range(ORDER), repeat=2) if exact_margin(statement, x, y) <= 0)
    found = []
    for z in set(range(ORDER)) - {int(grid.answers[x, y])}:
        one = nothing.copy()
        one[x, y] = np.packbits(np.arange(ORDER) == z)
        verdicts = evaluated(grid, graph.claim(form), one)
        found.append(verdicts[x, y] == WRONG)
        verdicts[x, y] = RIGHT
        assert (verdicts == RIGHT).all()
    assert any(found)


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
