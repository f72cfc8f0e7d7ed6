"""Losses from gaps: convexity over fractions, the bound of every reach against every sequence, and what is needed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import common_row, leaning, noisy, random_reach, random_split, tabled
from shares import halved

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.rules import gap_loss
from mechproof.rewrites.rules.attention_range import Reach
from mechproof.rewrites.rules.gap_loss import CONVEX, MOST_LAYERS, GapLoss, Layers, SoftTables
from mechproof.rewrites.rules.loss import UNIT_BITS, LossSum
from mechproof.rewrites.rules.row_split import RowSplit, TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange

RULE = GapLoss()
STATEMENT: Any = CONVEX.statement


@pytest.fixture(autouse=True)
def _digits() -> Iterator[None]:
    """Sixty digits for everything that mpmath computes here."""
    with mpmath.workdps(60):
        yield


def sums() -> Iterator[dict[str, Any]]:
    """Up to three positive terms and 0 <= i <= N."""
    rng = random.Random(1)
    for _ in range(300):
        n, N = rng.randint(1, 3), rng.randint(0, 4)
        tables = {name: Table([Fraction(rng.randint(1, 4), rng.randint(1, 3)) for _ in range(n)]) for name in "ey"}
        yield {"n": n, "N": N, "i": rng.randint(0, N), **tables}


def test_lemma_holds_and_its_mutants_fail():
    """True of all instances, attained, and false of one when turned round or with its ends exchanged."""
    instances = list(sums())
    report = examine(STATEMENT, instances)
    assert report.holds and report.attained
    assert all(mutant.killed for mutant in report.mutants if mutant.required and "premise" not in mutant.change)
    right = STATEMENT.right.right
    ends = replace(right.left, exponent=right.right.exponent), replace(right.right, exponent=right.left.exponent)
    assert fails(replace(STATEMENT.right, right=replace(right, left=ends[0], right=ends[1])), instances)


def premises(net: Any, rng: random.Random) -> list[Any]:
    """Paths, and splits of EQKE, UU and EVOU, at random with or without noise."""
    paths = net.margin().paths
    exact = {name: TableItself().conclude([paths], name) for name in ("EQKE", "EVOU")}
    chosen = {name: rng.choice((split, random_split(rng, paths, name))) for name, split in exact.items()}
    return [paths, chosen["EQKE"], common_row(rng, paths), chosen["EVOU"]]


def sums_by_cell(net: Any) -> dict[tuple[int, int], Any]:
    """The sum of the losses of every cell, from the definition."""
    found: dict[tuple[int, int], Any] = {}
    for tokens in net.sequences:
        cell = tokens[-1], max(tokens)
        found[cell] = found.get(cell, mpmath.mpf(0)) + net.truth.loss(tokens)
    return found


def faults(claim: LossSum, net: Any) -> list[tuple[int, int]]:
    """Cells whose sum lies outside the claimed bounds."""
    return [
        cell
        for cell, total in sums_by_cell(net).items()
        if not mpmath.ldexp(claim.low[cell], -UNIT_BITS) <= total <= mpmath.ldexp(claim.high[cell], -UNIT_BITS)
    ]


def network(oracle: Any, flavour: str, seed: int) -> Any:
    if flavour == "leaning":
        return leaning(oracle, seed)
    if flavour == "noisy":
        return noisy(oracle, random.Random(seed), 2 + seed % 4, 2 + seed % 2)
    return oracle.random_net(seed, flavour, 2 + seed % 4, 2 + seed % 2)


FLAVOURS = [
    *("leaning", "noisy", "float16", "huge", "tiny"),
    *("denormal", "twin outputs", "no unembedding", "uniform attention"),
]


@pytest.mark.parametrize("flavour", halved(FLAVOURS, 1))
def test_no_cell_exceeds_its_bound(oracle, flavour):
    """Any reaches and any splits: the losses of every cell, by enumeration, add up to no more than is claimed."""
    rng = random.Random(flavour)
    for seed in range(8):
        net = network(oracle, flavour, seed)
        reaches = tuple(random_reach(rng, net.V, net.K, 0.7) for _ in range(rng.randint(0, 3)))
        assert not faults(RULE.conclude(premises(net, rng), Layers(reaches)), net), seed


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (2, 1), (5, 1), (2, 6)])
def test_edge_sizes(oracle, V, K):
    """One token, one position: nothing is left out."""
    rng = random.Random(8)
    net = oracle.random_net(0, "float16", V, K)
    claim = RULE.conclude(premises(net, rng), Layers((random_reach(rng, V, K),)))
    assert not faults(claim, net)
    assert V > 1 or sum(claim.high.values()) == 0


def test_more_reaches_never_hurt(oracle):
    """Every reach is one more bound: the sum falls, and does so strictly on some network."""
    rng, better = random.Random(3), 0
    for seed in range(6):
        net = leaning(oracle, seed)
        given = premises(net, rng)
        one = (random_reach(rng, net.V, net.K),)
        plain, more = (RULE.conclude(given, Layers(reaches)).high for reaches in ((), one))
        assert all(more[cell] <= plain[cell] for cell in plain)
        better += more != plain
    assert better


def test_equal_outputs_are_counted_one_by_one(oracle):
    """Where all logits are equal the bound is log V, not log(1 + (V-1)·something)."""
    net = tabled(oracle, 4, 2)
    claim = RULE.conclude(exact(net), Layers(()))
    total = mpmath.ldexp(sum(claim.high.values()), -UNIT_BITS) / 16
    assert mpmath.log(4) <= total <= mpmath.log(4) * mpmath.mpf("1.002")


def exact(net: Any) -> list[Any]:
    """Premises without noise; the direct path around zero."""
    paths = net.margin().paths
    direct = SplitRange().conclude([paths], CommonRow("UU", None, "pairs"))
    itself = {name: TableItself().conclude([paths], name) for name in ("EQKE", "EVOU")}
    return [paths, itself["EQKE"], direct, itself["EVOU"]]


UNEVEN = [[4, -4, 0], [4, -4, 0]]


@pytest.mark.parametrize(
    ("name", "changed", "tables"),
    [
        ("largest", lambda value: value - (2 << 24), {"EVOU": [[0, 5], [1, 0]]}),
        ("others", np.zeros_like, {"EVOU": [[9, 0], [0, 5]], "EQKP": UNEVEN}),
        ("base", np.zeros_like, {"PVOU": [[9, 0]] * 3}),
    ],
)
def test_mutants_without_a_part_are_false(oracle, monkeypatch, name, changed, tables):
    """Each part of the bound is needed: without it some cell's losses add up to more."""
    net = tabled(oracle, 2, 3, **tables)
    assert not faults(RULE.conclude(exact(net), Layers(())), net)
    method = getattr(SoftTables, name)
    monkeypatch.setattr(SoftTables, name, lambda *args, **kwargs: changed(method(*args, **kwargs)))
    assert faults(RULE.conclude(exact(net), Layers(())), net)


def test_mutant_that_takes_the_best_layer_for_all_is_false(oracle, monkeypatch):
    """Token 0 does no harm and token 1 does: the bound within reach 0 is no bound for the rest of the cell."""
    tables: dict[str, Any] = {"EVOU": [[0, 0, 5], [9, 0, 0], [0, 0, 5]]}
    net = tabled(oracle, 3, 3, **tables)
    table = np.full((3, 3, 3), -1, dtype=np.int64)
    table[2, 2, 1:] = 0
    assert not faults(RULE.conclude(exact(net), Layers((Reach(table),))), net)
    monkeypatch.setattr(gap_loss, "layered", lambda layers: min(layers)[0] * max(number for _, number in layers))
    assert (2, 2) in faults(RULE.conclude(exact(net), Layers((Reach(table),))), net)


def test_what_does_not_belong_together_is_refused(oracle):
    """Splits of other networks or tables, reaches that no sequence has, too many of them."""
    net, other = (oracle.random_net(seed, "eighths", 4, 3) for seed in (0, 1))
    given, foreign = exact(net), exact(other)
    for place in range(4):
        with pytest.raises(NotEstablished, match="of one network"):
            RULE.conclude([*given[:place], foreign[place], *given[place + 1 :]], Layers(()))
    with pytest.raises(NotEstablished, match="not of EQKE"):
        RULE.conclude([given[0], given[3], *given[2:]], Layers(()))
    bad = random_reach(random.Random(0), 4, 3)
    bad.table[3, 0, 1] = 0
    with pytest.raises(NotEstablished, match="no sequence of it can have"):
        RULE.conclude(given, Layers((bad,)))
    with pytest.raises(NotEstablished, match="may be given"):
        RULE.conclude(given, Layers((random_reach(random.Random(0), 4, 3),) * (MOST_LAYERS + 1)))
    noisy_rows = RowSplit(given[0].statement, "EVOU", given[3].approximation, DyadicMatrix.zero(4, 4))
    with pytest.raises(NotEstablished, match="needs a common row"):
        RULE.conclude([*given[:3], noisy_rows], Layers(()))
