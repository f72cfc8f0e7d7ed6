"""Coupled gaps: the lemmas over fractions, every sequence of a certified cell, multipliers of all kinds, and lies."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from gap_cells import common_row, leaning, random_reach, random_split, wrongly_certified
from shares import halved

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.engine.formula import Num, Range, Table
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.coupling_search import search
from mechproof.rewrites.rules import coupled_gap
from mechproof.rewrites.rules.attention_range import AttentionRangeRule, Reach
from mechproof.rewrites.rules.coupled_gap import (
    BLOCK,
    COUPLED,
    LINE,
    MULTIPLIER_LIMIT,
    CoupledGap,
    Multipliers,
)
from mechproof.rewrites.rules.gap_count import GapCount
from mechproof.rewrites.rules.logit_gap import Anchors, LogitGapRule
from mechproof.rewrites.rules.row_split import TableItself
from mechproof.rewrites.rules.row_split_range import CommonRow, SplitRange

RULE = CoupledGap()
STATEMENTS: dict[str, Any] = {"coupled": COUPLED.statement, "block": BLOCK.statement, "line": LINE.statement}


def number(rng: random.Random) -> Fraction:
    return Fraction(rng.randint(-4, 4), rng.choice((1, 2)))


def coupled(rng: random.Random, least: int = 0) -> dict[str, Any]:
    """Tokens with weights mostly between x and y, values anywhere, positional weights of at least ``least``."""
    n, c = rng.randint(1, 3), rng.randint(0, 2)
    e = [Fraction(rng.randint(-2, 4), 2) for _ in range(n)]
    return {
        "n": n, "c": c, "T": lambda p: range(n), "e": Table(e), "v": Table([number(rng) for _ in range(n)]),
        "b": Table([Fraction(rng.randint(least, 3)) for _ in range(c)]),
        "x": min(e) + Fraction(rng.choice((0, 0, -1, 1))), "y": max(e) + Fraction(rng.choice((0, 0, 1, -1))),
        "z": number(rng), "\\gamma": number(rng),
    }  # fmt: skip


def block(rng: random.Random, least: int = 0) -> dict[str, Any]:
    n = rng.randint(1, 3)
    e, v = [Fraction(rng.randint(least, 4), 2) for _ in range(n)], [number(rng) for _ in range(n)]
    return {
        "n": n, "e": Table(e), "v": Table(v),
        "x": min(e) - rng.choice((0, 0, -1)), "y": max(e) + rng.choice((0, 0, -1)),
        "w": max(v) + rng.choice((0, 0, -1)), "\\gamma": number(rng),
    }  # fmt: skip


def line(rng: random.Random) -> dict[str, Any]:
    size, steps = rng.randint(1, 4), rng.randint(1, 4)
    tables = {name: Table([number(rng) for _ in range(size)]) for name in ("b", "r")}
    return {"V": size, "N": steps, "\\alpha": Fraction(rng.randint(-3, 15), 12)} | tables


INSTANCES = {"coupled": coupled, "block": block, "line": line}


@pytest.mark.parametrize("name", STATEMENTS)
def test_lemma_holds_and_its_mutants_fail(name):
    """True of all instances, attained on one; turned round or without its premise it is false of one."""
    rng = random.Random(1)
    report = examine(STATEMENTS[name], [INSTANCES[name](rng) for _ in range(300)])
    assert report.passed and sum(mutant.required for mutant in report.mutants) == 2
    extremes = [mutant for mutant in report.mutants if "extreme" in mutant.change]
    assert extremes and any(mutant.killed for mutant in extremes)


def test_mutants_with_one_end_or_without_a_sign_are_false():
    """Both ends of the weights are needed, and so are nonnegative weights."""
    rng = random.Random(2)
    for name, factor in (("coupled", lambda s: s.right.body.right.right.right), ("block", lambda s: s.right.right)):
        for end in (0, 1):
            extreme = factor(STATEMENTS[name])
            one = replace(extreme, domain=Range(Num(end), Num(end + 1)))
            mutant = _replaced(STATEMENTS[name], extreme, one)
            assert fails(mutant, [INSTANCES[name](rng) for _ in range(300)])
    assert fails(STATEMENTS["coupled"], [coupled(rng, least=-3) for _ in range(300)])
    assert fails(STATEMENTS["block"], [block(rng, least=-4) for _ in range(300)])


def _replaced(node: Any, old: Any, new: Any) -> Any:
    """The statement with one of its parts replaced."""
    if node is old:
        return new
    for name in ("left", "right", "body"):
        part = getattr(node, name, None)
        if part is not None and (changed := _replaced(part, old, new)) is not part:
            return replace(node, **{name: changed})
    return node


def premises(net: Any, rng: random.Random | None = None) -> tuple[Any, list[Any]]:
    """The margin, and splits of EQKE, UU and EVOU: exact ones, or random ones with noise."""
    margin = net.margin()
    if rng is None:
        splits = [TableItself().conclude([margin.paths], name) for name in ("EQKE", "EVOU")]
        return margin, [splits[0], common_row(random.Random(0), margin.paths), splits[1]]
    scores, tokens = (random_split(rng, margin.paths, name) for name in ("EQKE", "EVOU"))
    return margin, [scores, common_row(rng, margin.paths), tokens]


def conclude(margin: Any, splits: list[Any], reach: Reach, advice: Multipliers) -> Any:
    scores, direct, tokens = splits
    ranges = AttentionRangeRule().conclude([margin.paths, scores], reach)
    return RULE.conclude([ranges, direct, tokens, margin], advice)


def multipliers(margin: Any, splits: list[Any], table: Any, blocks: int) -> Multipliers:
    """Advice in units of the logits' grid."""
    return Multipliers(np.asarray(table), blocks, coupled_gap.LogitTables(margin.paths, *splits[1:]).exponent)


def found(margin: Any, splits: list[Any], blocks: int) -> Any:
    return conclude(margin, splits, *search(margin, *splits, blocks=blocks))


FLAVOURS = [
    "float16", "eighths", "denormal", "huge", "tiny", "twin outputs", "twin tokens", "uniform attention",
    "no unembedding", "cancelling paths",
]  # fmt: skip


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_every_sequence_of_a_certified_cell_is_right(oracle, flavour):
    """By enumeration, with exact and with noisy splits, found advice and garbage."""
    rng = random.Random(flavour)
    for seed in range(4):
        net = oracle.random_net(seed, flavour, 4, 3)
        for source in (None, rng):
            margin, splits = premises(net, source)
            assert not wrongly_certified(found(margin, splits, rng.randint(1, 4)), net)
            garbage = [rng.randrange(-MULTIPLIER_LIMIT + 1, MULTIPLIER_LIMIT) for _ in range(12)]
            advice = multipliers(margin, splits, np.array(garbage).reshape(4, 3), rng.randint(1, 4))
            claim = conclude(margin, splits, random_reach(rng, 4, 3), advice)
            assert not wrongly_certified(claim, net)


def test_leaning_networks_gain_over_independent_maxima(oracle):
    """Some cells are certified that no chord certifies at the same reach, and the counts stay true."""
    gained = certified = 0
    rng = random.Random(3)
    for seed in range(10):
        net = leaning(oracle, seed)
        for source in (None, rng):
            margin, splits = premises(net, source)
            claim = found(margin, splits, net.V)
            assert not wrongly_certified(claim, net)
            assert oracle.encloses(GapCount().conclude([claim], 1), net)
            plain = LogitGapRule().conclude([claim.attention, *splits[1:], margin], Anchors(single=False))
            certified += int(plain.certified.sum())
            gained += int((claim.certified & ~plain.certified).sum())
    assert certified > 0 and gained > 0


def test_blocks_lose_nothing_that_more_blocks_have(oracle):
    """At one reach and one multiplier, finer blocks certify more (powers of two, so that each refines the last)."""
    rng, strictly = random.Random(4), 0
    for seed in range(12):
        net = leaning(oracle, seed, 4, 3)
        margin, splits = premises(net, rng)
        reach, advice = search(margin, *splits, blocks=4)
        counts = [conclude(margin, splits, reach, replace(advice, blocks=blocks)).certified for blocks in (1, 2, 4)]
        for coarse, fine in pairwise(counts):
            assert not (coarse & ~fine).any()
        strictly += int(counts[2].sum() > counts[0].sum())
    assert strictly > 0


@pytest.mark.parametrize(("V", "K"), [(2, 6), (3, 5), (1, 1), (1, 3), (4, 1), (2, 1), (2, 2)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, and numbers of positions that are no power of two."""
    for seed in range(3):
        net = oracle.random_net(seed, "float16", V, K)
        margin, splits = premises(net)
        assert not wrongly_certified(found(margin, splits, 1), net)


def two_tokens(oracle: Any, offset: int) -> Any:
    """Tokens 0 and 1 at two positions, even attention: (0, 1) and (1, 0) have a gap of ``offset`` units of 2^-22."""
    return oracle.net(
        2, 2, 2, 1, W_E=[[1, 0], [0, 1]], W_V=[[1], [2]], W_O=[[1, 0]], W_U=[[1, 0], [0, 0]],
        b_U=[[Fraction(offset, 1 << 22) - Fraction(3, 2), 0]],
    )  # fmt: skip


def test_tight_to_one_unit(oracle):
    """One part in 2^20 decides whether the only cell with two kinds of tokens is certified."""
    seen = []
    for offset in (-4, 0, 1):
        net = two_tokens(oracle, offset)
        margin, (scores, _, tokens) = premises(net)
        row = margin.paths.tables["UU"].row(1)
        direct = SplitRange().conclude([margin.paths], CommonRow("UU", row, "rows"))
        reach = np.full((2, 2, 2), -1, dtype=np.int64)
        reach[0, 1, 1] = reach[1, 1, 1] = 0
        splits = [scores, direct, tokens]
        claims = [
            conclude(margin, splits, Reach(reach), multipliers(margin, splits, np.full((2, 2), g), 2))
            for g in range(-(1 << 25), 1 << 25, 1 << 21)
        ]
        seen.append(any(claim.certified[1, 1, 1] for claim in claims))
        assert not any(wrongly_certified(claim, net) for claim in claims)
    assert seen == [True, False, False]


# What a wrong claim would look like, and that the enumeration above would notice.


def lies(oracle: Any) -> int:
    """How many wrong sequences are in certified cells of some networks."""
    rng, wrong = random.Random(5), 0
    for seed in range(8):
        for net in (leaning(oracle, seed, 4, 3), oracle.random_net(seed, "float16", 3, 3)):
            margin, splits = premises(net, rng)
            wrong += len(wrongly_certified(found(margin, splits, net.V), net))
    return wrong


def test_mutant_with_the_least_product_is_noticed(oracle, monkeypatch):
    """The least product in place of the largest certifies wrong sequences."""
    assert not lies(oracle)
    monkeypatch.setattr(
        coupled_gap, "largest_product",
        lambda weight, value: weight.lower * np.minimum(value, 0) - weight.upper * np.abs(value) // 2,
    )  # fmt: skip
    assert lies(oracle)


def test_mutants_without_a_part_of_the_values_are_noticed(oracle, monkeypatch):
    """What m adds, what the others add, and the direct path are all needed."""
    values = coupled_gap._Values.of
    for part in ("start", "slope", "others"):

        def without(tables: Any, m: int, part: str = part) -> Any:
            made = values(tables, m)
            return replace(made, **{part: getattr(made, part) * 0 - (1 << 26)})

        monkeypatch.setattr(coupled_gap._Values, "of", staticmethod(without))
        assert lies(oracle), part


def test_mutant_with_one_token_less_is_noticed(oracle, monkeypatch):
    """The coupled maximum runs over all tokens up to the reach."""
    whole = coupled_gap.Cells._coupled
    monkeypatch.setattr(
        coupled_gap.Cells, "_coupled", lambda self, q, j, gauge: whole(self, q, np.zeros_like(j), gauge)
    )
    assert lies(oracle)


def test_advice_of_another_shape_is_refused(oracle):
    """Multipliers that are too many, too large or no integers, and blocks that cannot be."""
    net = oracle.random_net(0, "eighths", 3, 2)
    margin, splits = premises(net)
    reach = Reach(np.full((3, 3, 2), -1, dtype=np.int64))
    zero = np.zeros((3, 2), dtype=np.int64)
    for table in (zero.T, zero.astype(float), zero + MULTIPLIER_LIMIT, zero - MULTIPLIER_LIMIT):
        with pytest.raises(NotEstablished, match="one number of 26 bits"):
            conclude(margin, splits, reach, multipliers(margin, splits, table, 1))
    for blocks in (0, 4, -1):
        with pytest.raises(NotEstablished, match="not enough for"):
            conclude(margin, splits, reach, multipliers(margin, splits, zero, blocks))
    advice = multipliers(margin, splits, zero, 1)
    with pytest.raises(NotEstablished, match="the multipliers are in units of"):
        conclude(margin, splits, reach, replace(advice, exponent=advice.exponent + 1))


def test_splits_of_something_else_are_refused(oracle):
    """Splits in the wrong order, of another network, or of another shape."""
    net, other = (oracle.random_net(seed, "eighths", 3, 2) for seed in (0, 1))
    margin, (scores, direct, tokens) = premises(net)
    _, (_, foreign, _) = premises(other)
    reach, zero = Reach(np.full((3, 3, 2), -1, dtype=np.int64)), Multipliers(np.zeros((3, 2), dtype=np.int64), 1, 0)
    for splits in ([scores, tokens, direct], [scores, foreign, tokens]):
        with pytest.raises(NotEstablished, match="not splits of UU and EVOU"):
            conclude(margin, splits, reach, zero)
    for splits in (
        [scores, replace(direct, approximation=DyadicMatrix.zero(3, 3)), tokens],
        [scores, direct, replace(tokens, bounds=DyadicMatrix.zero(3, 3))],
    ):
        with pytest.raises(NotEstablished, match="a whole table and one bound a row"):
            conclude(margin, splits, reach, zero)
