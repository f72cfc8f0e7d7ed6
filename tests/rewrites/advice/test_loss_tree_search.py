"""The search for trees of losses: it ends, narrows, keeps to its time, and asks the rule for nothing impossible."""

from __future__ import annotations

from mechproof.rewrites.advice import loss_tree_search
from mechproof.rewrites.advice.loss_tree_search import search
from mechproof.rewrites.rules.loss_tree import LossTree


def test_a_small_network_is_settled_to_a_thousandth(oracle):
    """Where every sequence can be looked at, the enclosure is as narrow as the rule's rounding."""
    for seed in range(4):
        paths = oracle.random_net(seed, "eighths", 4, 3).margin().paths
        found = LossTree().conclude([paths], search(paths))
        low, high = sum(found.low.values()), sum(found.high.values())
        assert 0 < low <= high <= low + low // 1000


def test_fewer_nodes_give_a_smaller_tree(oracle, monkeypatch):
    """The limit on nodes ends the search after the round that passes it."""
    paths = oracle.random_net(1, "float16", 6, 3).margin().paths
    monkeypatch.setattr(loss_tree_search, "FIRST", 2)
    whole = search(paths)
    monkeypatch.setattr(loss_tree_search, "NODES", 1)
    assert len(search(paths).symbols) < len(whole.symbols)


def test_time_that_is_over_leaves_a_whole_tree(oracle, monkeypatch):
    """A budget of no seconds splits nothing, one that ends in the first round no further; the rule takes both."""
    monkeypatch.setattr(loss_tree_search, "FIRST", 2)
    paths = oracle.random_net(1, "float16", 6, 3).margin().paths
    shape = search(paths, 0)
    assert set(shape.symbols) == {"U"}
    LossTree().conclude([paths], shape)
    looks = iter([False] * 20)
    monkeypatch.setattr(loss_tree_search, "deadline", lambda *_: lambda: next(looks, True))
    begun = search(paths, 1)
    assert set(begun.symbols) == {"S", "U"}
    LossTree().conclude([paths], begun)


def test_every_round_says_how_far_it_came(oracle, monkeypatch):
    """A search of several rounds reports after each."""
    monkeypatch.setattr(loss_tree_search, "FIRST", 2)
    reports: list[tuple[int, int]] = []
    paths = oracle.random_net(1, "float16", 6, 3).margin().paths
    search(paths, None, lambda done, total: reports.append((done, total)))
    assert reports
