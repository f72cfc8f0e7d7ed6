"""Losses from the story: every cell by enumeration, reaches that help, and parts that do not fit."""

from __future__ import annotations

import random
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import leaning, noisy
from shares import halved
from story_claims import told

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.size_direction import near_reaches
from mechproof.rewrites.rules.attention_floor import AttentionFloorRule
from mechproof.rewrites.rules.attention_range import Reach
from mechproof.rewrites.rules.diagonal_gap import CommonRows, Shares
from mechproof.rewrites.rules.diagonal_loss import DiagonalLoss, StoryLayers
from mechproof.rewrites.rules.gap_loss import MOST_LAYERS
from mechproof.rewrites.rules.loss import UNIT_BITS, LossSum

RULE = DiagonalLoss()


def story_of(net: Any) -> tuple[list[Any], CommonRows]:
    """The story's claims in the order of the premises."""
    bench, claims = told(net)
    ids = (bench.paths, claims.gap, claims.positions, claims.diagonal, claims.direct, claims.values)
    return [bench.graph.claim(claim) for claim in ids], claims.rows


def faults(claim: LossSum, net: Any) -> list[tuple[int, int]]:
    """Cells whose losses add up to more than is claimed."""
    with mpmath.workdps(60):
        found: dict[tuple[int, int], Any] = {}
        for tokens in net.sequences:
            cell = tokens[-1], max(tokens)
            found[cell] = found.get(cell, mpmath.mpf(0)) + net.truth.loss(tokens)
        return [cell for cell, total in found.items() if total > mpmath.ldexp(claim.high[cell], -UNIT_BITS)]


def network(oracle: Any, flavour: str, seed: int) -> Any:
    if flavour == "leaning":
        return leaning(oracle, seed)
    if flavour == "noisy":
        return noisy(oracle, random.Random(seed), 2 + seed % 4, 2 + seed % 2)
    return oracle.random_net(seed, flavour, 2 + seed % 4, 2 + seed % 2)


@pytest.mark.parametrize(
    "flavour", halved(["leaning", "noisy", "float16", "huge", "tiny", "twin outputs", "no unembedding"])
)
def test_no_cell_exceeds_its_bound(oracle, flavour):
    """With the layers of the strategy and without any, which is weaker or the same."""
    for seed in range(6):
        net = network(oracle, flavour, seed)
        premises, rows = story_of(net)
        layers, plain = (
            RULE.conclude(premises, StoryLayers(reaches, rows)) for reaches in (near_reaches(premises[1]), ())
        )
        assert not faults(layers, net) and not faults(plain, net), seed
        assert all(layers.high[cell] <= plain.high[cell] for cell in plain.high)


def test_layers_are_of_use(oracle):
    """On a network that copies the largest token the story's floors lower the bound."""
    premises, rows = story_of(leaning(oracle, 1))
    with_layers, without = (
        sum(RULE.conclude(premises, StoryLayers(reaches, rows)).high.values())
        for reaches in (near_reaches(premises[1]), ())
    )
    assert with_layers < without


def test_mutants_without_a_part_are_false(oracle, monkeypatch):
    """If the rest took nothing away, or attention were complete, some cell's losses would exceed the bound."""
    nets = [noisy(oracle, random.Random(seed), 4, 3) for seed in range(6)]
    given = [(story_of(net), net) for net in nets]

    def wrong() -> bool:
        return any(faults(RULE.conclude(premises, StoryLayers((), rows)), net) for (premises, rows), net in given)

    assert not wrong()
    gaps = Shares.gaps
    for changed in (
        lambda self, q, m, j, low: gaps(self, q, m, j, low) - ((1 << 34) << -min(self.exponent, 0)),
        lambda self, q, m, j, low: gaps(self, q, m, j, low) * 0 - (4 << 30 << -min(self.exponent, 0)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(Shares, "gaps", changed)
            assert wrong()


def test_parts_that_do_not_fit_are_refused(oracle):
    """Claims of two networks, other common rows, and reaches of exceptions or that no sequence has."""
    (premises, rows), (foreign, _) = (story_of(leaning(oracle, seed, 4, 3)) for seed in (1, 2))
    for place in range(6):
        with pytest.raises(NotEstablished):
            RULE.conclude([*premises[:place], foreign[place], *premises[place + 1 :]], StoryLayers((), rows))
    with pytest.raises(NotEstablished, match="does not expand"):
        RULE.conclude(premises, StoryLayers((), CommonRows(None, rows.positions)))
    table = np.full((4, 4, 3), -1, dtype=np.int64)
    table[3, 0, 1] = 0
    with pytest.raises(NotEstablished, match="no sequence of it can have"):
        RULE.conclude(premises, StoryLayers((Reach(table),), rows))


def test_reaches_near_m_are_accepted(oracle):
    """The search never asks for an exception's attention."""
    for seed in range(6):
        premises, _ = story_of(noisy(oracle, random.Random(seed), 4, 3))
        for reach in near_reaches(premises[1]):
            AttentionFloorRule().conclude([*premises[:3]], reach)


def test_too_many_reaches_are_refused(oracle):
    """A few hundred may be given."""
    premises, rows = story_of(leaning(oracle, 1, 3, 2))
    reaches = near_reaches(premises[1])
    with pytest.raises(NotEstablished, match="may be given"):
        RULE.conclude(premises, StoryLayers((reaches[0],) * (MOST_LAYERS + 1), rows))
