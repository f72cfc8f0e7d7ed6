"""Losses from the cubic test with thresholds: every cell by enumeration, any thresholds, and mutants."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mpmath
import pytest
from gap_cells import leaning, tabled
from shares import halved

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules import cubic_loss
from mechproof.rewrites.rules.cubic_cells import LogitBounds
from mechproof.rewrites.rules.cubic_loss import MOST_THRESHOLDS, THRESHOLD_LIMIT, CubicLoss, Thresholds
from mechproof.rewrites.rules.loss import UNIT_BITS, LossSum

RULE = CubicLoss()


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """Sixty digits for everything that mpmath computes here."""
    with mpmath.workdps(60):
        yield


def faults(claim: LossSum, net: Any) -> list[tuple[int, int]]:
    """Cells whose losses do not add up to something within the claimed bounds."""
    found: dict[tuple[int, int], Any] = {}
    for tokens in net.sequences:
        cell = tokens[-1], max(tokens)
        found[cell] = found.get(cell, mpmath.mpf(0)) + net.truth.loss(tokens)
    sides = {cell: (claim.low[cell], claim.high[cell]) for cell in found}
    return [
        cell
        for cell, (low, high) in sides.items()
        if not mpmath.ldexp(low, -UNIT_BITS) <= found[cell] <= mpmath.ldexp(high, -UNIT_BITS)
    ]


FLAVOURS = ["leaning", "float16", "huge", "tiny", "denormal", "twin outputs", "no unembedding", "cancelling paths"]


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_no_cell_exceeds_its_bound(oracle, flavour):
    """Thresholds of any size, in any order."""
    rng = random.Random(flavour)
    for seed in range(8):
        net = leaning(oracle, seed) if flavour == "leaning" else oracle.random_net(seed, flavour)
        steps = [rng.randint(-(1 << 16), 1 << 16) for _ in range(6)] + [0, (1 << 31) - 1, 1 - (1 << 31)]
        rng.shuffle(steps)
        assert not faults(RULE.conclude([net.margin().paths], Thresholds(tuple(steps))), net), seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1), (2, 6)])
def test_edge_sizes(oracle, V, K):
    """One token, one position."""
    net = oracle.random_net(0, "float16", V, K)
    assert not faults(RULE.conclude([net.margin().paths], Thresholds((-4096, 0, 4096))), net)


def test_thresholds_are_of_use(oracle):
    """They lower the bound of networks that are mostly right, by at least half."""
    paths = leaning(oracle, 1).margin().paths
    plain, more = (sum(RULE.conclude([paths], Thresholds(steps)).high.values()) for steps in ((), (-8192, -4096, 0)))
    assert 2 * more < plain


def test_mutant_with_a_threshold_that_is_not_taken_off_is_false(oracle, monkeypatch):
    """If the test were made for 0 whatever the threshold, losses would come out too small."""
    tables: dict[str, Any] = {"EVOU": [[0, 0, 1], [0, 0, 1], [0, 0, 1]]}
    net = tabled(oracle, 3, 3, **tables)
    thresholds = Thresholds((-(2 << 12),))
    assert not faults(RULE.conclude([net.margin().paths], thresholds), net)
    monkeypatch.setattr(LogitBounds, "below", lambda self, steps: self)
    monkeypatch.setattr(LogitBounds, "magnitude", 1 << 60)
    assert faults(RULE.conclude([net.margin().paths], thresholds), net)


def test_mutant_without_the_other_sequences_is_false(oracle, monkeypatch):
    """What no threshold shows has the bound of the whole cell, not none."""
    tables: dict[str, Any] = {"EVOU": [[9, 0], [0, 1]]}
    net = tabled(oracle, 2, 2, **tables)
    assert not faults(RULE.conclude([net.margin().paths], Thresholds((0,))), net)
    monkeypatch.setattr(cubic_loss._Cell, "everything", (0, 0))
    assert faults(RULE.conclude([net.margin().paths], Thresholds((0,))), net)


def test_bounds_below_a_number_are_rounded_up(oracle):
    """Half of each bound minus the number, never less."""
    bounds = LogitBounds.of(leaning(oracle, 1, 4, 3).margin().enclosure, 2, joint=True)
    for steps in (-5, 0, 4):
        lower = bounds.below(steps)
        assert ((2 * lower.other >= bounds.other - steps) & (2 * lower.other <= bounds.other - steps + 1)).all()
    assert bounds.magnitude >= int(abs(replace(bounds).other).max())


def test_too_many_thresholds_are_refused(oracle):
    """A few hundred may be given, and none that a certificate does not carry."""
    paths = oracle.random_net(0, "eighths", 2, 2).margin().paths
    with pytest.raises(NotEstablished, match="may be given"):
        RULE.conclude([paths], Thresholds((0,) * (MOST_THRESHOLDS + 1)))
    for steps in (THRESHOLD_LIMIT, -THRESHOLD_LIMIT):
        with pytest.raises(NotEstablished, match="31 bits"):
            RULE.conclude([paths], Thresholds((0, steps)))
