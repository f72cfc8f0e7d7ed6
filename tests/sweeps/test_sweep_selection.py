"""Which strategies a sweep runs, and the published groups."""

from __future__ import annotations

from collections import Counter

import pytest

from mechproof.rewrites.strategies import UnknownStrategy, names
from mechproof.sweeps.selection import GROUPS, OURS, applicable, chosen, group, published, runnable, usual


def test_the_published_strategies_are_all_102():
    """Brute force, cubic, and 5 × 2 × 10 configurations, in their groups."""
    counts = Counter(map(group, published()))

    assert len(published()) == len(set(published())) == 102
    assert counts == {
        "brute force": 1,
        "cubic": 1,
        "sub-cubic": 2 * 2 * 2,
        "attention Vd²": 2 * 2 * 5,
        "direct quadratic": 3 * 2 * 2,
        "attention Vd², direct quadratic": 3 * 2 * 5,
        "attention quadratic": 2 * 2 * 3,
        "both quadratic": 3 * 2 * 3,
    }
    assert set(counts) == set(GROUPS) - {OURS}


def test_all_that_runs_is_in_a_group_and_has_a_configuration():
    """A family's bare name would be one of its configurations a second time."""
    assert set(map(group, runnable())) == set(GROUPS)
    assert {"separable", "branch_and_bound", "subcubic/exact/chord/EQKE"} <= set(runnable())
    assert "subcubic" not in runnable()


def test_the_usual_sweep_has_ours_beside_the_published():
    """All 102, and each of our strategies once."""
    assert set(published()) < set(usual())
    assert {"separable", "branch_and_bound", "subcubic"} <= set(usual()) - set(published())


def test_patterns_choose():
    """Shell patterns, over full names; none means all."""
    assert chosen(["subcubic/exact/mean/m*x", "cub?c"]) == ("cubic", "subcubic/exact/mean/mdx")
    assert chosen([]) == runnable()


@pytest.mark.parametrize("pattern", ["fancy", "fancy/*", "subcubic/exact/mean/EQK"])
def test_a_pattern_without_a_match_lists_what_there_is(pattern):
    """A misspelt name never means an empty sweep."""
    with pytest.raises(UnknownStrategy) as caught:
        chosen(["cubic", pattern])

    assert set(caught.value.known) <= {*names(), *runnable()}
    assert caught.value.known


def test_only_a_strategy_s_own_tightenings_are_switched_off():
    """The others' names would be refused by it."""
    assert applicable("subcubic/exact/mean/EQKE", ["T3", "T1", "zzz"]) == ("T1", "T3")
    assert applicable("separable", ["T1"]) == ()
