"""The separable form of a network of two tokens: the lemmas over fractions, the tables against the definition."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from two_token_network import ORDER, adding_network, exact_margin, form_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.models.layers.pointwise import Pointwise
from mechproof.models.layers.sum import Sum
from mechproof.models.network import Network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of
from mechproof.rewrites.rules.separable_relu import LINEAR_OF_A_SUM, READOUT


def numbers(rng: random.Random, *sizes: int) -> list:
    if not sizes:
        return rng.randint(-3, 3)  # type: ignore[return-value]
    return [numbers(rng, *sizes[1:]) for _ in range(sizes[0])]


@pytest.mark.parametrize("lemma", [LINEAR_OF_A_SUM, READOUT], ids=lambda lemma: lemma.label)
def test_lemmas_hold_and_their_mutants_do_not(lemma):
    """Equations of random tables, with sizes of 0 among them."""
    rng = random.Random(1)
    instances = []
    for _ in range(200):
        k, m, C = (rng.randint(0, 3) for _ in range(3))
        tables = {"x": numbers(rng, k), "y": numbers(rng, k), "W": numbers(rng, k, m), "b": numbers(rng, m)}
        tables |= {"h": numbers(rng, k), "A": numbers(rng, k, m), "B": numbers(rng, m, C)}
        instances.append({"k": k, "m": m, "C": C} | {name: Table(rows) for name, rows in tables.items()})
    assert examine(lemma.statement, instances).passed


def test_the_tables_are_the_network():
    """Margins from the tables are those of the layers, exactly, with biases, for every input."""
    statement = adding_network(0, noise=9)
    graph, form = form_of(statement)
    claim = graph.claim(form)
    left, right, out, bias = (m.fractions() for m in (claim.left, claim.right, claim.out, claim.left_out))
    for x in range(ORDER):
        for y in range(ORDER):
            hidden = [max(a + b, Fraction(0)) for a, b in zip(left[x], right[y], strict=True)]
            logits = [sum((h * out[i][z] for i, h in enumerate(hidden)), bias[0][z]) for z in range(ORDER)]
            answer = int(claim.answers[x, y])
            others = [logit for z, logit in enumerate(logits) if z != answer]
            assert logits[answer] - max(others) == exact_margin(statement, x, y)


def test_positions_that_are_added_up():
    """Sum in place of concat: the same tables, of a linear map that is applied to both positions."""
    statement = adding_network(1)
    layers = list(statement.network.layers)
    linear = layers[2]
    half = replace(linear, W=linear.W.rearranged(linear.W.numerators[: linear.W.shape[1]]))  # type: ignore[attr-defined]
    summed = Network("sum", (layers[0], half, Sum(), *layers[3:]))
    joined = form_of(statement)
    added = form_of(Statement(summed, task_of("group:Z6", summed)))
    one, other = joined[0].claim(joined[1]), added[0].claim(added[1])
    ends = [claim.left.fraction(0, 0) + claim.right.fraction(0, 0) for claim in (one, other)]
    assert ends[1] - ends[0] == linear.b.row_matrix().fraction(0, 0)  # type: ignore[attr-defined]
    assert one.out == other.out and np.array_equal(one.answers, other.answers)


@pytest.mark.parametrize("change", ["gelu", "two hidden layers", "no mixing"])
def test_other_networks_are_refused(change):
    """Another activation, a second hidden layer, positions that never meet: said in a sentence."""
    statement = adding_network(2)
    layers = list(statement.network.layers)
    if change == "gelu":
        layers[3] = Pointwise("gelu")
    elif change == "two hidden layers":
        layers.insert(4, Pointwise("relu"))
    else:
        layers = [layers[0], Pointwise("relu"), *layers[4:]]
    network = Network("other", tuple(layers))
    with pytest.raises(NotEstablished, match="separable_relu"):
        form_of(Statement(network, task_of("group:Z6", network)))
