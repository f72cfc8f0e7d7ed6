"""The strategy without V × V products: what it does when nobody chooses a configuration."""

from __future__ import annotations

import pytest

import mechproof
from mechproof.models import zoo
from mechproof.rewrites.strategies.low_rank_values import DEFAULT_VARIANT, VARIANTS


def shown(strategy: str) -> int:
    return mechproof.prove(zoo.path("max_of_2_v64_d32_seed123"), strategy=strategy).theorem.low


@pytest.fixture(scope="module")
def default() -> int:
    return shown("low_rank_values")


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.rsplit("/", 1)[0] == DEFAULT_VARIANT.rsplit("/", 1)[0]])
def test_the_default_rank_shows_most(default, variant):
    """No other rank that is offered proves more of the shipped network than the default one."""
    assert shown(f"low_rank_values/{variant}") <= default
