"""Mean losses of boxes: enclosed on every box of every tree of splits, against the exact losses of their sequences."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from mechproof.engine.errors import MagnitudeError
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.enumeration.loss import BITS
from mechproof.rewrites.rules import box_averages
from mechproof.rewrites.rules.averaged_loss import AveragedLoss, Refinement
from mechproof.rewrites.rules.box_averages import Averages
from mechproof.rewrites.rules.enclosed_number import UNIT_BITS
from mechproof.rewrites.rules.margin_enclosure import MarginEnclosure

RULE = AveragedLoss()
FINE = Refinement(Fraction(1, 1 << 30), 5000)
ONCE = Refinement(Fraction(1), 1)
INSIDE = ["float16", "eighths", "twin outputs", "twin tokens", "uniform attention", "cancelling paths"]
OUTSIDE = ["denormal", "huge", "tiny", "no unembedding"]


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """Forty digits for everything that mpmath computes here."""
    with mpmath.workdps(40):
        yield


def real(units: int) -> Any:
    return mpmath.ldexp(units, -BITS)


def boxes(averages: Averages) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """All boxes that splits lead to, round for round: queries, sets, and bounds."""
    queries, held = averages.roots()
    while len(queries):
        found = averages.bounds(queries, held)
        yield queries, held, found.low, found.high
        more = averages.sizes(held) > 1
        queries, held, _ = averages.split(queries[more], held[more], found.reach[more])


def faults(net: Any) -> Iterator[Any]:
    """Boxes whose mean loss is outside their bounds, and queries whose sequences the boxes do not partition."""
    losses = {tokens: net.truth.loss(tokens) for tokens in net.sequences}
    enclosure, order = MarginEnclosure(net.margin().paths), range(3)
    for m in range(3):
        averages = Averages(enclosure, m, order)
        tokens = [*range(m), m]
        single: list[tuple[int, ...]] = []
        for queries, held, lows, highs in boxes(averages):
            for q, sets, below, above in zip(queries, held, lows, highs, strict=True):
                allowed = [tokens[slice(*averages.sets.ends[i])] for i in sets]
                members = [(*chosen, int(q)) for chosen in itertools.product(*allowed)]
                mean = mpmath.fsum(losses[tokens] for tokens in members) / len(members)
                if not real(int(below)) <= mean <= real(int(above)):
                    yield m, members, below, above
                single += members if len(members) == 1 else []
        truth = [t for q in range(m + 1) for t in net.truth.members(q, m)]
        if sorted(single) != sorted(truth):
            yield m


@pytest.mark.parametrize("flavour", INSIDE)
def test_every_box_is_bounded(oracle, flavour):
    """The mean over the box's sequences lies between the bounds, on all boxes, and splits partition the inputs."""
    for seed in range(2):
        assert list(faults(oracle.random_net(seed, flavour, 3, 3))) == []


_ends, _least = Averages._ends, box_averages._least


def _without_spread(
    self: Averages, gamma: Any, weights: Any, alpha: Any, extremes: Any, ranges: Any, spread: Any
) -> Any:
    return _ends(self, gamma, weights, alpha, extremes, ranges, spread * 0)


def _without_attention(
    self: Averages, gamma: Any, weights: Any, alpha: Any, extremes: Any, ranges: Any, spread: Any
) -> Any:
    mean, _, _, known = weights
    return _ends(self, gamma, (mean, mean, mean, known), alpha, extremes, ranges, spread)


def _own_alone(self: Averages, gamma: Any, weights: Any, alpha: Any, extremes: Any, ranges: Any, spread: Any) -> Any:
    least, most = extremes
    return _ends(self, gamma, weights, alpha, (np.maximum(least, gamma), np.minimum(most, gamma)), ranges, spread)


PLANTED = {
    "numbers that vary are their mean": (Averages, "_ends", _without_spread),
    "attention does not vary": (Averages, "_ends", _without_attention),
    "no difference leaves the mean": (Averages, "_ends", _own_alone),
    "the weights change places": (box_averages, "_least", lambda value, light, heavy: _least(value, heavy, light)),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_are_seen(oracle, monkeypatch, name):
    """Each broken step gives bounds that some box violates: the test above could fail."""
    monkeypatch.setattr(*PLANTED[name])
    assert any(any(faults(oracle.random_net(seed, flavour, 3, 3))) for seed in range(3) for flavour in INSIDE[:2])


@pytest.mark.parametrize("flavour", INSIDE)
def test_mean_losses(oracle, flavour):
    """The whole rule, without a split and with as many as it likes: both enclose, and the second to five digits, unless
    attention to all tokens of some sequences is next to nothing beside that to others (float16)."""
    for seed in range(3):
        net = oracle.random_net(seed, flavour)
        truth = mpmath.fsum(map(net.truth.loss, net.sequences)) / len(net.sequences)
        for advice in (ONCE, FINE):
            found = RULE.conclude([net.margin().paths], advice)
            low, high = (mpmath.ldexp(end, -UNIT_BITS) for end in (found.low, found.high))
            assert low <= truth <= high
        if flavour != "float16":
            assert high - low <= truth / 10**5


@pytest.mark.parametrize("flavour", OUTSIDE)
def test_what_fixed_point_cannot_hold_is_refused_or_bounded(oracle, flavour):
    """Weights of unusual sizes: true bounds, or none."""
    for seed in range(3):
        net = oracle.random_net(seed, flavour)
        truth = mpmath.fsum(map(net.truth.loss, net.sequences)) / len(net.sequences)
        try:
            found = RULE.conclude([net.margin().paths], FINE)
        except MagnitudeError:
            continue
        assert mpmath.ldexp(found.low, -UNIT_BITS) <= truth <= mpmath.ldexp(found.high, -UNIT_BITS)


def test_many_positions(oracle):
    """As many free positions as tokens and more."""
    net = oracle.random_net(0, "eighths", 2, 6)
    found = RULE.conclude([net.margin().paths], FINE)
    truth = mpmath.fsum(map(net.truth.loss, net.sequences)) / len(net.sequences)
    assert mpmath.ldexp(found.low, -UNIT_BITS) <= truth <= mpmath.ldexp(found.high, -UNIT_BITS)


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (5, 1)])
def test_nothing_to_part_is_said(oracle, V, K):
    """One token, or one position."""
    with pytest.raises(NotEstablished, match="no boxes to part"):
        RULE.conclude([oracle.random_net(0, "eighths", V, K).margin().paths], FINE)
