"""A tree fitted to other weights: never refused, true, exact when searched on, and the same on its own weights."""

from __future__ import annotations

import random

import pytest

from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.token_order_search import Limits, search
from mechproof.rewrites.advice.tree_reuse import adapted
from mechproof.rewrites.rules.token_order_tree import TokenOrderTree, Tree

RULE = TokenOrderTree()


@pytest.mark.parametrize("flavour", ["eighths", "twin outputs", "nearly twin outputs", "float16"])
def test_trees_of_other_networks(oracle, flavour):
    """Kept leaves give true counts for any two networks; with what is open searched, the exact ones."""
    kept = 0
    for seed in range(6):
        old, new = (oracle.random_net(s, flavour, 4, 3) for s in (seed, seed + 1))
        guide, margin = search(old.margin()), new.margin()
        count = RULE.conclude([margin], adapted(margin, guide))
        assert oracle.encloses(count, new)
        assert oracle.is_exact(RULE.conclude([margin], adapted(margin, guide, Limits())), new)
        kept += count.low
    assert kept > 0


def test_its_own_weights_give_the_tree_back(oracle):
    """Nothing is lost and nothing is added where nothing has changed."""
    for seed in range(4):
        margin = oracle.random_net(seed, "eighths", 4, 3).margin()
        tree = search(margin)
        assert adapted(margin, tree) == tree == adapted(margin, tree, Limits())


def test_any_guide_is_harmless(oracle):
    """Random symbols that happen to be a tree give true counts; others are refused."""
    rng = random.Random(1)
    net = oracle.random_net(2, "eighths", 3, 3)
    margin = net.margin()
    used = refused = 0
    for _ in range(300):
        text = "".join(rng.choice(("S", "R", "U", "W0", "W2")) for _ in range(rng.randint(6, 9)))
        try:
            tree = adapted(margin, Tree(text))
        except NotEstablished:
            refused += 1
            continue
        assert oracle.encloses(RULE.conclude([margin], tree), net)
        used += 1
    assert used and refused


def test_a_tree_for_other_sizes_is_refused(oracle):
    """Too few cells, or symbols left over."""
    small, large = (oracle.random_net(0, "eighths", V, 3).margin() for V in (2, 4))
    for guide, margin in ((small, large), (large, small)):
        with pytest.raises(NotEstablished, match="tree_reuse"):
            adapted(margin, search(guide))
