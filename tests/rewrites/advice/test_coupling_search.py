"""The search for coupled gaps: what it proposes is accepted, certified where it says so, and not beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
from gap_cells import cells, leaning

from mechproof.rewrites.advice.coupling_search import search
from mechproof.rewrites.rules.attention_range import AttentionRangeRule, Reach
from mechproof.rewrites.rules.coupled_gap import CoupledGap
from mechproof.rewrites.rules.row_split import TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange


def premises(net: Any) -> tuple[Any, list[Any]]:
    margin = net.margin()
    scores, tokens = (TableItself().conclude([margin.paths], name) for name in ("EQKE", "EVOU"))
    return margin, [scores, SplitRange().conclude([margin.paths], CommonRow("UU", None, "pairs")), tokens]


def certified(margin: Any, splits: list[Any], reach: Reach, advice: Any) -> np.ndarray:
    ranges = AttentionRangeRule().conclude([margin.paths, splits[0]], reach)
    return CoupledGap().conclude([ranges, *splits[1:], margin], advice).certified


def test_every_cell_that_is_proposed_is_certified(oracle):
    """The search asks the rule's own test, so nothing it proposes is in vain, and one step further is not certified."""
    proposed = further = 0
    for seed in range(6):
        net = leaning(oracle, seed)
        margin, splits = premises(net)
        reach, advice = search(margin, *splits, blocks=net.V)
        treated = reach.table >= 0
        assert certified(margin, splits, reach, advice)[treated].all()
        proposed += int(treated.sum())
        beyond = np.full(reach.table.shape, -1, dtype=np.int64)
        for q, m, c in cells(net.V, net.K):
            if treated[q, m, c] and reach.table[q, m, c] < m - 1:
                beyond[q, m, c] = reach.table[q, m, c] + 1
        tried = beyond >= 0
        further += int(tried.sum())
        assert not certified(margin, splits, Reach(beyond), advice)[tried].any()
    assert proposed > further > 0


def test_one_position_or_one_token_has_no_cells(oracle):
    """There is nothing to search, and the advice still has its shape."""
    for V, K in ((1, 3), (3, 1)):
        net = oracle.random_net(0, "eighths", V, K)
        margin, splits = premises(net)
        reach, advice = search(margin, *splits, blocks=1)
        assert (reach.table == -1).all() and advice.table.shape == (V, K)
