"""Sums from layers in the checker: the least that layers show, in any order."""

from __future__ import annotations

import random

from loss_certificates import layer_sum

from mechproof.engine.checker.one_layer.losses import layered


def test_layers_add_up() -> None:
    """A layer that shows less than a better one adds nothing."""
    assert layered([]) == 0
    assert layered([(3, 2), (1, 2), (5, 2)]) == 2
    assert layered([(7, 5), (0, 3)]) == 14


def test_every_member_has_its_least_bound() -> None:
    """Against the definition, for random layers."""
    rng = random.Random(0)
    for _ in range(200):
        layers = [(rng.randint(-5, 9), rng.randint(0, 8)) for _ in range(rng.randint(1, 6))]
        assert layered(layers) == layer_sum(layers)
