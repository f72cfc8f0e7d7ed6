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


def test_time_that_is_over_leaves_the_first_tree(oracle, monkeypatch):
    """A budget of no seconds gives the first round's tree, which is whole, and says how far it came."""
    monkeypatch.setattr(loss_tree_search, "FIRST", 2)
    reports: list[tuple[int, int]] = []
    paths = oracle.random_net(1, "float16", 6, 3).margin().paths
    shape = search(paths, 0, lambda done, total: reports.append((done, total)))
    LossTree().conclude([paths], shape)
    assert reports
