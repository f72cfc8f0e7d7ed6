"""The search for a tree: deterministic, sparing with symbols, and obedient to its limits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from mechproof.engine.arithmetic.interval import IntervalTable
from mechproof.rewrites.advice import token_order_search
from mechproof.rewrites.advice.token_order_search import Limits, search
from mechproof.rewrites.rules.box_extremes import Cell
from mechproof.rewrites.rules.float_margin import FloatMargin
from mechproof.rewrites.rules.margin_enclosure import CellTable, MarginEnclosure
from mechproof.rewrites.rules.token_order_tree import TokenOrderTree


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
    looks = iter([False] * 20)
    monkeypatch.setattr(token_order_search, "deadline", lambda seconds: lambda: next(looks, True))
    late = search(margin, Limits(seconds=20)).symbols
    assert "U" in leaves(late)
    assert len(late) < lengths[0]


def test_cells_after_the_time_cost_nothing(oracle, monkeypatch):
    """Neither search nor rule computes a table of a cell that the time does not reach (K = 100 took minutes so)."""
    margin = oracle.random_net(0, "cancelling paths", 4, 4).margin()
    computed = []
    original = MarginEnclosure.cell
    monkeypatch.setattr(MarginEnclosure, "cell", lambda self, q, m: computed.append((q, m)) or original(self, q, m))
    looks = iter([False])
    monkeypatch.setattr(token_order_search, "deadline", lambda seconds: lambda: next(looks, True))
    tree = search(margin, Limits(seconds=1))
    count = TokenOrderTree().conclude([margin], tree)
    assert 0 <= count.low <= count.high <= count.statement.inputs
    assert len(set(computed)) <= 1


def test_cells_in_which_tables_show_nothing_are_not_split(oracle):
    """Zero weights under wide float errors: no sequence of a cell can be shown right or wrong, and one symbol says so.
    Exact margins decide single sequences, and a narrow table some boxes: these are split."""
    exact = oracle.random_net(0, "cancelling paths", 4, 4).margin()
    free, base = np.full((3, 3, 4), 5), np.full(4, 5)
    narrow = np.where(np.arange(3)[None, :, None] == 0, -free, free)  # token 0 makes the upper ends negative
    wide_table = CellTable(IntervalTable(-free, free), IntervalTable(-base, base), 0)
    narrow_table = CellTable(IntervalTable(-free, narrow), IntervalTable(-base, -base), 0)
    some_floats: Any = object.__new__(FloatMargin)
    some_floats.__dict__.update(exact.__dict__)
    cases = ((some_floats, wide_table, 1, "U"), (some_floats, wide_table, 0, "S"), (some_floats, narrow_table, 1, "S"))
    for margin, table, cut, expected in (*cases, (exact, wide_table, 1, "S")):
        cell = Cell(exact.enclosure, 1, 2)
        cell.__dict__.update(table=table, active=[0, 1, 3])
        symbols: list[str] = []
        token_order_search._search_cell(margin, cell, cut, lambda: True, 1, symbols)
        assert symbols[0] == expected


def test_progress(oracle):
    """Each cell with sequences is reported once."""
    seen: list[tuple[int, int]] = []
    search(oracle.random_net(0, "eighths", 3, 1).margin(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
