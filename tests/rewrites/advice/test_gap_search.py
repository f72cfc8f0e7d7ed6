"""Reaches from floating point: the largest that the rules certify; nothing depends on them but how much is counted."""

from __future__ import annotations

import itertools
import random
import warnings
from contextlib import nullcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from gap_cells import cells, leaning, noisy, random_split, tabled

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.errors import MagnitudeError
from mechproof.rewrites.advice.gap_search import LARGEST, Handling, floats, search
from mechproof.rewrites.rules.attention_range import AttentionRangeRule, Reach
from mechproof.rewrites.rules.logit_gap import ONE, Anchors, LogitGap, LogitGapRule
from mechproof.rewrites.rules.row_split import RowSplit, TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange

CHORD = Handling(chord=True, anchor="none")
HANDLINGS = [
    Handling(chord, anchor, spread=spread, shared=shared)
    for (chord, anchor), spread, shared in itertools.product(
        ((True, "none"), (False, "zero"), (False, "best"), (True, "best")), (False, True), (False, True)
    )
]


def splits(net: Any, rng: random.Random | None = None) -> tuple[RowSplit, RowSplit, RowSplit]:
    """Splits of EQKE, UU and EVOU: exact ones, or with random noise in EQKE and EVOU."""
    paths = net.margin().paths
    exact = {name: TableItself().conclude([paths], name) for name in ("EQKE", "EVOU")}
    rough = {name: split if rng is None else random_split(rng, paths, name) for name, split in exact.items()}
    return rough["EQKE"], SplitRange().conclude([paths], CommonRow("UU", None, "pairs")), rough["EVOU"]


def certified(net: Any, given: tuple[RowSplit, RowSplit, RowSplit], reach: Reach, anchors: Anchors) -> LogitGap:
    """What the rules make of the advice."""
    margin = net.margin()
    attention, direct, tokens = given
    ranges = AttentionRangeRule().conclude([margin.paths, attention], reach)
    return LogitGapRule().conclude([ranges, direct, tokens, margin], anchors)


def uniform(net: Any, reach: int) -> Reach:
    """That reach for every cell that can have it."""
    table = np.full((net.V, net.V, net.K), -1, dtype=np.int64)
    for q, m, c in cells(net.V, net.K):
        if (0 if q == m else q) <= reach < m:
            table[q, m, c] = reach
    return Reach(table)


@pytest.mark.parametrize("family", [leaning, noisy])
def test_every_cell_reaches_as_far_as_the_rule_certifies(oracle, family):
    """With a chord and a w of its own: exactly the reaches at which the rule certifies the cell, one more and not."""
    stopped = 0
    for seed in range(8):
        net = family(oracle, seed) if family is leaning else noisy(oracle, random.Random(seed), 4, 3)
        given = splits(net, random.Random(seed) if seed % 2 else None)
        reach, anchors = search(net.margin().paths, *given, CHORD)
        for step in range(net.V - 1):
            at = uniform(net, step)
            found = certified(net, given, at, anchors).certified
            assert (found[at.table >= 0] == (reach.table >= step)[at.table >= 0]).all()
            stopped += int((~found[at.table >= 0]).sum())
    assert stopped > 0


@pytest.mark.parametrize("handling", HANDLINGS, ids=str)
def test_what_is_found_is_certified(oracle, handling):
    """The floats agree with the rules: every cell that is given a reach is certified, whatever the handling."""
    treated = 0
    for seed in range(4):
        net = noisy(oracle, random.Random(seed), 4, 3) if seed % 2 else leaning(oracle, seed)
        given = splits(net, random.Random(seed) if seed > 1 else None)
        reach, anchors = search(net.margin().paths, *given, handling)
        claim = certified(net, given, reach, anchors)
        assert (claim.certified[:, :, 1:] == (reach.table >= 0)[:, :, 1:]).all()
        treated += claim.attention.cells
        assert (anchors.spread, anchors.shared, anchors.chord) == (handling.spread, handling.shared, handling.chord)
    assert treated > 0


def test_the_best_anchor_counts_most(oracle):
    """No fixed anchor of the ladder certifies more sequences than the one that is chosen cell group by cell group."""
    for seed in range(4):
        net = noisy(oracle, random.Random(seed), 4, 3)
        given = splits(net)
        paths = net.margin().paths
        counts = {}
        for anchor in ("best", "zero"):
            reach, anchors = search(paths, *given, Handling(chord=False, anchor=anchor))
            assert anchors.anchors is not None and ((anchors.anchors >= 0) & (anchors.anchors <= ONE)).all()
            counts[anchor] = sum(certified(net, given, reach, anchors).counts(1).values())
        assert counts["best"] >= counts["zero"]


@pytest.mark.parametrize("size", [10, 18, 30])
def test_saturated_scores_do_not_overflow(oracle, size):
    """Scores of any size, at tokens and at positions, give reaches without a warning; the rules accept those below 2^21
    and refuse the others by name."""
    rng = random.Random(size)
    for _ in range(4):
        tables = {name: [[Fraction(rng.randint(-9, 9), 8) * 2**size for _ in range(3)] for _ in range(3)]
                  for name in ("EQKE", "EQKP", "EVOU", "UU")}  # fmt: skip
        net = tabled(oracle, 3, 3, **tables)
        given = splits(net)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for handling in HANDLINGS[::5]:
                reach, anchors = search(net.margin().paths, *given, handling)
                with pytest.raises(MagnitudeError) if size == 30 else nullcontext():
                    certified(net, given, reach, anchors)


def test_numbers_beyond_a_float_are_cut(oracle):
    """Logits of five thousand bits give some advice; scores of that size are refused by the rule, not by the search."""
    matrix = DyadicMatrix.from_integers(1, 3, [1, -1, 0], 5000)
    assert floats(matrix).tolist() == [[float(LARGEST), -float(LARGEST), 0.0]]
    huge = [[Fraction(2**5000 * (i == j)) for j in range(3)] for i in range(3)]
    for name in ("EVOU", "UU", "EQKE"):
        net = tabled(oracle, 3, 2, **{name: huge})
        given = splits(net)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reach, anchors = search(net.margin().paths, *given, Handling(chord=True, anchor="best"))
        if name == "EQKE":
            with pytest.raises(MagnitudeError):
                certified(net, given, reach, anchors)
        else:
            certified(net, given, reach, anchors)


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (4, 1), (2, 2), (2, 9), (3, 5)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, many positions: advice of the right shape that the rules accept."""
    net = oracle.random_net(0, "float16", V, K)
    given = splits(net)
    for handling in HANDLINGS:
        reach, anchors = search(net.margin().paths, *given, handling)
        assert reach.table.shape == (V, V, K)
        certified(net, given, reach, anchors)
