"""Logits as a function of x⁻¹ z y⁻¹: the lemma over fractions, and the distance against all logits, exactly."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest
from two_token_network import ORDER, adding_network, form_of

from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.bi_equivariance import MIDDLE, BiEquivariance
from mechproof.rewrites.rules.grid_network import GridNetworkRule, Grids


def middle(rng: random.Random) -> dict:
    k = rng.randint(0, 3)
    v = [rng.randint(-3, 3) for _ in range(k)]
    low, high = min(v, default=0), max(v, default=0)
    return {"k": k, "a": low - rng.choice([0, 0, 1, -1]), "b": high + rng.choice([0, 0, 1, -1]), "v": Table(v)}


def test_lemma_holds_and_its_mutants_do_not():
    """True of random numbers, attained, and false with a premise dropped or a relation turned round."""
    rng = random.Random(4)
    assert examine(MIDDLE.statement, [middle(rng) for _ in range(1500)]).passed  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [0, 5, 40])
def test_every_logit_is_within_the_distance(noise):
    """And the distance is no larger than the grid makes it: half the largest range, from the exact tables."""
    graph, form = form_of(adding_network(1, noise))
    exact = graph.claim(form)
    grid = graph.apply(GridNetworkRule(), [form], Grids(30, (1 << 15,) * exact.left.shape[1]))
    claim = graph.claim(graph.apply(BiEquivariance(), [grid]))
    left, right, out, bias = (m.fractions() for m in (exact.left, exact.right, exact.out, exact.left_out))
    found: dict[int, list[Fraction]] = {g: [] for g in range(ORDER)}
    near = 0
    for x, y in product(range(ORDER), repeat=2):
        hidden = [max(p + q, Fraction(0)) for p, q in zip(left[x], right[y], strict=True)]
        logits = [sum((h * u[z] for h, u in zip(hidden, out, strict=True)), bias[x][z]) for z in range(ORDER)]
        mean = sum(logits, Fraction(0)) * Fraction(1, ORDER)
        far = Fraction(0)
        for z, logit in enumerate(logits):
            g = (z - x - y) % ORDER
            found[g].append(logit - mean)
            far = max(far, abs(logit - mean - claim.values[g]))
        assert far <= claim.distance
        near += 2 * far < claim.lead
    tight = max(max(numbers) - min(numbers) for numbers in found.values()) * Fraction(1, 2)
    assert tight <= claim.distance <= tight + Fraction(1, 100)
    assert claim.lead == claim.values[0] - max(claim.values[1:]) and claim.near <= near
    assert claim.near > 0 and "$F(x^{-1} z y^{-1})$" in claim.sentence()


def test_what_is_no_group_is_refused():
    """Right answers that are no multiplication have no x⁻¹."""
    graph, form = form_of(adding_network(1))
    grid = graph.claim(graph.apply(GridNetworkRule(), [form], Grids(20, (1024,) * 13)))
    answers = grid.answers.copy()
    answers[0] = 0
    with pytest.raises(NotEstablished, match="bi_equivariance"):
        BiEquivariance().conclude([replace(grid, answers=answers)], None)
