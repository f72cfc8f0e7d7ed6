"""Energy within classes: the lemma over fractions, and shares against sums over fractions."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from two_token_network import ORDER, adding_network, form_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.group_story import tell
from mechproof.rewrites.rules.class_energy import WITHIN, ClassEnergyRule, Classes
from mechproof.rewrites.rules.grid_network import GridNetworkRule, Grids


def squares(rng: random.Random) -> dict:
    k = rng.randint(0, 3)
    v = [rng.randint(-3, 3) for _ in range(k)]
    mean = Fraction(sum(v), k) if k else Fraction(rng.randint(-1, 1))
    return {"k": k, "v": Table(v), "m": mean + rng.choice([0, 0, 1]), "c": rng.randint(-2, 2)}


def test_lemma_holds_and_its_mutants_do_not():
    """True of random numbers, and false without its premise."""
    rng = random.Random(4)
    assert examine(WITHIN.statement, [squares(rng) for _ in range(800)]).passed  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [0, 1])
def test_shares_are_sums_of_squares(side):
    """Within over whole, neuron by neuron, of the integers on the grids."""
    graph, form = form_of(adding_network(2, 9))
    grid = graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * 13))
    claim = graph.claim(
        graph.apply(ClassEnergyRule(), [grid], Classes((0, 5), side, tuple(x % 2 for x in range(ORDER))))
    )
    table = (graph.claim(grid).left, graph.claim(grid).right)[side]
    for neuron, share in zip((0, 5), claim.within, strict=True):
        column = [int(n) for n in table[:, neuron]]
        means = [Fraction(sum(column[t::2]), 3) for t in range(2)]
        inside = sum((v - means[t % 2]) ** 2 for t, v in enumerate(column))
        whole = sum((v - Fraction(sum(column), ORDER)) ** 2 for v in column)
        assert share * whole == inside
    assert "classes of tokens" in claim.sentence()


def test_labels_must_fit():
    """One a token."""
    graph, form = form_of(adding_network(2, 9))
    grid = graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * 13))
    with pytest.raises(NotEstablished):
        graph.apply(ClassEnergyRule(), [grid], Classes((0,), 0, (1,)))


def test_the_story_of_a_network():
    """Classes, the function of x⁻¹ z y⁻¹, the cost and the theorem; all of it is in the graph."""
    statement = adding_network(1, 5)
    story = tell(statement, "adding")
    lines = story.lines()
    assert lines[-1].startswith("s PROVED accuracy = 36/36") and lines[-2].startswith("cost ")
    assert any("classes of tokens" in line for line in lines) and any(
        "less the mean of all logits" in line for line in lines
    )
    assert len(story.as_json()["claims"]) == len(story.claims) >= 2
    assert all(story.proof.graph.derivations_of(claim) for claim in story.claims)
