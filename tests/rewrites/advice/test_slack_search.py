"""The search for a tree with slack keeps to its limits."""

from __future__ import annotations

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.rewrites.advice import slack_search
from mechproof.rewrites.advice.slack_search import search
from mechproof.rewrites.advice.token_order_search import Limits


def test_cut_and_time(oracle, monkeypatch):
    """Fewer symbols with a larger cut; nothing is split when the time is over."""
    margin = oracle.random_net(0, "cancelling paths", 4, 4).margin()
    slack = DyadicMatrix.zero(4, 4)
    lengths = [len(search(margin, slack, Limits(cut)).symbols) for cut in (0, 2, 10, 10**6)]
    assert lengths == sorted(lengths, reverse=True) and lengths[0] > lengths[3]
    assert "S" in search(margin, slack).symbols
    monkeypatch.setattr(slack_search, "deadline", lambda seconds: lambda: True)
    assert "S" not in search(margin, slack, Limits(seconds=5)).symbols
