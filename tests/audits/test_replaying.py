"""A published run beside its exact values, in the machine that audits programs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mechproof.audits.program.record import UnknownOperation
from mechproof.audits.replaying import NumbersLeave, Replays


def replays(compute) -> Replays:
    def network(dtype: str) -> Any:
        return SimpleNamespace(w=torch.full((1000,), 0.1, dtype=torch.float64).to(getattr(torch, dtype)))

    return Replays(network, lambda network: SimpleNamespace(steps={}, worst=compute(network.w)))  # type: ignore[arg-type]


@pytest.mark.parametrize("leave", [float, torch.Tensor.numpy])
def test_numbers_that_leave_are_refused(leave):
    """The sum of 1000 times 0.1 was called exact once it had left torch: its exact value was dropped."""
    with pytest.raises(NumbersLeave, match=r"takes numbers out of a tensor .* at test_replaying.py:"):
        replays(lambda w: torch.tensor(leave(w.sum())))


def test_an_item_keeps_its_exact_value():
    """It is 100.0000000000000055, not the float 100.00000762939453 that the run has."""
    (worst,) = replays(lambda w: torch.zeros(1) + w.sum().item()).truth.values()
    assert abs(worst.near[0] - 100) < 1e-12


def test_what_is_unknown_is_refused():
    """By name and line."""
    with pytest.raises(UnknownOperation, match=r"zeta.* at test_replaying.py:"):
        replays(lambda w: torch.special.zeta(w + 2, 2.0))


def test_weights_that_pairs_do_not_hold_are_in_balls():
    """1e200 squared is beyond pairs of doubles."""
    (worst,) = replays(lambda w: (w * 1e200 * 1e200).sum()[None] * 1e-300).truth.values()
    assert worst.known.all() and abs(worst.near[0] / 1e102 - 1) < 1e-12


def test_vanished_exponentials_are_counted():
    """Zero in floats, and not in truth."""
    assert replays(lambda w: torch.exp(w * -2000)).beside.vanished == 1000
