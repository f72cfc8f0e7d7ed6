"""Counting certified cells: the lemma over fractions, and the rule against listing the sequences."""

from __future__ import annotations

import random
from dataclasses import replace
from math import comb
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gap_cells import cells, leaning, members, random_reach

from mechproof.engine.formula import Num
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules.gap_count import CELL, GapCount
from mechproof.rewrites.rules.logit_gap import LogitGap

RULE = GapCount()
STATEMENT: Any = CELL.statement


def instances() -> list[dict[str, Any]]:
    """All lengths up to 3, maxima up to 3, reaches below them, and numbers of others up to one too many."""
    return [
        {"L": length, "m": m, "j": j, "n": n, "C": comb, "T": lambda p, m=m, j=j: {*range(j + 1), m}}
        for length in range(4) for m in range(1, 4) for j in range(m) for n in range(length + 2)
    ]  # fmt: skip


def test_lemma_holds_and_its_mutants_fail():
    """True of every small instance, and false when negated."""
    assert examine(STATEMENT, instances()).passed


def test_mutants_off_by_one_are_false():
    """The published j tokens, two more than j, and one position more or less."""
    length, n = STATEMENT.right.left.indices
    ways, power = STATEMENT.right.left, STATEMENT.right.right
    for base in (power.base.left, power.base + Num(1)):
        mutant = replace(STATEMENT, right=replace(STATEMENT.right, right=replace(power, base=base)))
        assert fails(mutant, instances())
    for index in ((length + Num(1), n), (length, n + Num(1))):
        other = type(ways)(ways.name, *index)
        assert fails(replace(STATEMENT, right=replace(STATEMENT.right, left=other)), instances())


def claim(net: Any, rng: random.Random) -> LogitGap:
    """Random certified cells among random treated ones; nothing else of the claim is looked at by the count."""
    reach = random_reach(rng, net.V, net.K, 0.7)
    certified = np.zeros(reach.table.shape, dtype=np.bool_)
    for cell in cells(net.V, net.K):
        certified[cell] = reach.table[cell] >= 0 and rng.random() < 0.7
    for m in range(net.V):
        certified[m, m, 0] = rng.random() < 0.7
    attention: Any = SimpleNamespace(paths=net.margin().paths, reach=reach)
    return LogitGap(attention, certified)


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 3), (4, 3), (5, 2), (2, 6), (3, 5)])
def test_cells_count_what_they_hold(oracle, V, K):
    """Every cell's sequences by listing them, each in one cell only; the published count takes one token less."""
    rng = random.Random(V * 10 + K)
    for seed in range(4):
        net = oracle.random_net(seed, "eighths", V, K)
        gap = claim(net, rng)
        reach = gap.attention.reach.table
        found: list[tuple[int, ...]] = [(m,) * K for m in range(V) if gap.certified[m, m, 0]]
        for cell in cells(V, K):
            if gap.certified[cell]:
                found += members(cell, int(reach[cell]), K)
        assert len(set(found)) == len(found)
        count = RULE.conclude([gap], 1)
        for cell in count.right:
            assert count.right[cell] == sum((tokens[-1], max(tokens)) == cell for tokens in found)
        assert not any(count.wrong.values())
        published = RULE.conclude([gap], 0)
        assert all(published.right[cell] <= count.right[cell] for cell in count.right)


def test_the_published_count_leaves_out_the_last_token(oracle):
    """j of the j + 1 tokens: with one token within reach nothing is left but cells without a choice."""
    net = leaning(oracle, 0, 3, 3)
    gap = claim(net, random.Random(0))
    table = np.where(gap.attention.reach.table >= 0, 0, -1)
    gap = LogitGap(SimpleNamespace(paths=gap.attention.paths, reach=SimpleNamespace(table=table)), gap.certified)  # type: ignore[arg-type]
    free = [cell for cell in cells(3, 3) if gap.certified[cell] and cell[2] == (1 if cell[0] < cell[1] else 0)]
    alone = [m for m in range(3) if gap.certified[m, m, 0]]
    assert sum(RULE.conclude([gap], 0).right.values()) == len(free) + len(alone)


@pytest.mark.parametrize("switch", [2, -1, 10, None, "1", 0.5])
def test_other_switches_are_refused(oracle, switch):
    """More than the tokens within reach must not be counted."""
    with pytest.raises(NotEstablished, match="the switch is 0 or 1"):
        RULE.conclude([claim(leaning(oracle, 0), random.Random(0))], switch)
