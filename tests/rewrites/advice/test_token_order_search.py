"""The search for a tree: deterministic, sparing with symbols, and obedient to its limits."""

from __future__ import annotations

import re

from mechproof.rewrites.advice import token_order_search
from mechproof.rewrites.advice.token_order_search import Limits, search
from mechproof.rewrites.rules.box_extremes import Cell


def leaves(symbols: str) -> list[str]:
    return re.findall(r"R|U|W.", symbols)


def test_the_same_tree_every_time(oracle):
    """The tree depends on the network alone, not on what was asked of the claim before."""
    net = oracle.random_net(2, "cancelling paths", 4, 3)
    margin = net.margin()
    first = search(margin)
    assert search(margin) == first == search(net.margin())


def test_settled_cells_take_one_symbol(oracle):
    """A cell without active outputs is R, one with an output that wins throughout is W, and neither is split."""
    net = oracle.random_net(1, "twin outputs", 4, 3)
    margin = net.margin()
    cells = [Cell(margin.enclosure, q, m) for q, m in sorted(net.truth.cells, key=lambda c: c[::-1])]
    settled = ["R" if not c.active else f"W{c.wins_everywhere()[0]:x}" if c.wins_everywhere() else "S" for c in cells]
    rest = search(margin).symbols
    for symbol in settled:
        assert rest.startswith(symbol)
        if symbol == "S":
            break
        rest = rest[len(symbol) :]
    assert {"R", "W"} & {symbol[0] for symbol in settled}


def test_nothing_is_given_up_without_a_limit(oracle):
    """With no cut and no time limit every leaf is R or W."""
    for seed in range(6):
        assert "U" not in leaves(search(oracle.random_net(seed, "nearly twin outputs").margin()).symbols)


def test_cut_and_time(oracle, monkeypatch):
    """Nodes of at most ``cut`` sequences are given up rather than split, and so is what is open when time is over."""
    net = oracle.random_net(0, "cancelling paths", 4, 4)
    margin = net.margin()
    lengths = [len(search(margin, Limits(cut)).symbols) for cut in (0, 2, 10, 10**6)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[2] > lengths[3]
    ticks = iter(range(10**6))
    monkeypatch.setattr(token_order_search.time, "monotonic", lambda: next(ticks))
    late = search(margin, Limits(seconds=20)).symbols
    assert "U" in leaves(late)
    assert lengths[3] < len(late) < lengths[0]


def test_progress(oracle):
    """Each cell with sequences is reported once."""
    seen: list[tuple[int, int]] = []
    search(oracle.random_net(0, "eighths", 3, 1).margin(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
