"""Shared positions: the lemmas over fractions, shares and knapsacks against enumeration, every certified sequence."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from gap_cells import common_row, leaning, random_reach, random_split, wrongly_certified
from shares import halved

from mechproof.engine.formula import Num, Range, Table, Var
from mechproof.engine.oracle import examine, fails
from mechproof.engine.rule import NotEstablished
from mechproof.rewrites.advice.position_search import search
from mechproof.rewrites.rules import position_gap
from mechproof.rewrites.rules.attention_range import GRID_BITS, AttentionRangeRule
from mechproof.rewrites.rules.gap_count import GapCount
from mechproof.rewrites.rules.logit_gap import Anchors, LogitGapRule
from mechproof.rewrites.rules.position_gap import KNAPSACK, SHARE, PositionGap, Shares, knapsack
from mechproof.rewrites.rules.row_split import TableItself

RULE = PositionGap()
STATEMENTS: dict[str, Any] = {"knapsack": KNAPSACK.statement, "share": SHARE.statement}


def mixture(rng: random.Random, total: int = 4) -> dict[str, Any]:
    """Weights that sum to one more often than not, inside their ranges more often than not; λ one of the values."""
    n = rng.randint(1, 3)
    cuts = sorted(rng.randint(0, total) for _ in range(n - 1))
    weights = [Fraction(b - a, total) for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
    weights[rng.randrange(n)] += rng.choice((0, 0, 0, -1, 1))
    low = [w - Fraction(rng.randint(0, 2), 4) for w in weights]
    high = [w + Fraction(rng.randint(0, 2), 4) for w in weights]
    weights[rng.randrange(n)] += rng.choice((0, 0, 0, -1, 1))
    values = [Fraction(rng.randint(-3, 3)) for _ in range(n)]
    return {
        "n": n, "w": Table(weights), "l": Table(low), "u": Table(high), "C": Table(values),
        "\\lambda": rng.choice([*values, Fraction(rng.randint(-3, 3), 2)]),
    }  # fmt: skip


def share(rng: random.Random) -> dict[str, Any]:
    s = Fraction(rng.randint(0, 3))
    r = s + rng.choice((0, 1, 1, -1)) if s else s
    return {"b": Fraction(rng.randint(1, 3)), "s": s, "r": r, "t": r + rng.choice((0, 1, Fraction(-1, 4)))}


INSTANCES = {"knapsack": mixture, "share": share}


@pytest.mark.parametrize("name", STATEMENTS)
def test_lemma_holds_and_its_mutants_fail(name):
    """True of all instances, attained on one; turned round or without its premise it is false of one."""
    rng = random.Random(1)
    report = examine(STATEMENTS[name], [INSTANCES[name](rng) for _ in range(300)])
    assert report.passed and any(mutant.required for mutant in report.mutants)


def test_mutants_with_one_end_are_false():
    """Both ends of the weights are needed, and their sum must be one."""
    rng = random.Random(2)
    statement = STATEMENTS["knapsack"]
    total = statement.right.right.right
    for end in (0, 1):
        least = replace(total.body, domain=Range(Num(end), Num(end + 1)))
        bound = Var("\\lambda") + replace(total, body=least)
        mutant = replace(statement, right=replace(statement.right, right=bound))
        assert fails(mutant, [mixture(rng) for _ in range(400)])
    inside = replace(statement, left=statement.left.left)
    assert fails(inside, [mixture(rng) for _ in range(400)])


def best_mixture(values: list[int], lower: list[int], upper: list[int]) -> Fraction:
    """The largest mixture: greedily, the largest values first."""
    one = 1 << GRID_BITS
    weights, left = list(lower), one - sum(lower)
    for p in sorted(range(len(values)), key=lambda p: -values[p]):
        more = min(left, upper[p] - lower[p])
        weights[p], left = weights[p] + more, left - more
    assert left == 0
    return Fraction(sum(w * v for w, v in zip(weights, values, strict=True)), one)


def test_the_knapsack_is_solved_to_rounding():
    """Never below the best mixture, and above it by one unit a position at most."""
    rng = random.Random(3)
    for _ in range(200):
        n = rng.randint(2, 5)
        lower = [rng.randrange(1 << 27) for _ in range(n)]
        upper = [rng.randrange((1 << GRID_BITS) // n, 1 << GRID_BITS) for _ in range(n)]
        values = [[rng.randint(-(1 << 25), 1 << 25)] for _ in range(n)]
        (bound,) = knapsack(np.array(values), np.array(lower), np.array(upper)).tolist()
        best = best_mixture([v for (v,) in values], lower, upper)
        assert best <= bound <= best + n


def test_shares_are_those_of_the_worst_placement(oracle):
    """Every placement's shares are inside; each bound is attained by a query and a placement, to rounding."""
    for seed in range(3):
        net = oracle.random_net(seed, "float16", 4, 4)
        margin = net.margin()
        shares = Shares(margin.enclosure.exponentials[1])
        scores = margin.paths.tables["EQKP"].fractions()
        for own, number in itertools.product((False, True), range(4)):
            if not (own or number):
                continue
            queries = np.array([1] if own else [0, 2])
            lower, upper = shares.bounds(queries, number, own=own)
            seen: list[list[Any]] = [[] for _ in range(net.K)]
            with mpmath.workdps(30):
                for q, placed in itertools.product(queries, itertools.combinations(range(net.K - 1), number)):
                    at = [*placed, net.K - 1] if own else list(placed)
                    b = {p: mpmath.exp(mpmath.mpf(scores[q][p].numerator) / scores[q][p].denominator
                                       / mpmath.sqrt(net.h)) for p in at}  # fmt: skip
                    for p in range(net.K):
                        seen[p].append(b[p] / mpmath.fsum(b.values()) if p in b else mpmath.mpf(0))
            for p in range(net.K):
                low, high = (mpmath.ldexp(int(end[p]), -GRID_BITS) for end in (lower, upper))
                assert low <= min(seen[p]) and max(seen[p]) <= high
                assert min(seen[p]) - low < 1e-6 and high - max(seen[p]) < 1e-6


def premises(net: Any, rng: random.Random | None = None) -> tuple[Any, list[Any]]:
    """The margin, and splits of EQKE, UU and EVOU: exact ones, or random ones with noise."""
    margin = net.margin()
    if rng is None:
        splits = [TableItself().conclude([margin.paths], name) for name in ("EQKE", "EVOU")]
        return margin, [splits[0], common_row(random.Random(0), margin.paths), splits[1]]
    scores, tokens = (random_split(rng, margin.paths, name) for name in ("EQKE", "EVOU"))
    return margin, [scores, common_row(rng, margin.paths), tokens]


def conclude(margin: Any, splits: list[Any], reach: Any) -> Any:
    ranges = AttentionRangeRule().conclude([margin.paths, splits[0]], reach)
    return RULE.conclude([ranges, *splits[1:], margin], None)


FLAVOURS = ["float16", "eighths", "denormal", "huge", "tiny", "twin tokens", "uniform attention", "cancelling paths"]


@pytest.mark.parametrize("flavour", halved(FLAVOURS))
def test_every_sequence_of_a_certified_cell_is_right(oracle, flavour):
    """By enumeration, with exact and with noisy splits, found and random reaches."""
    rng = random.Random(flavour)
    for seed in range(4):
        net = oracle.random_net(seed, flavour, 4, 3)
        for source in (None, rng):
            margin, splits = premises(net, source)
            for reach in (search(margin, *splits), random_reach(rng, 4, 3)):
                assert not wrongly_certified(conclude(margin, splits, reach), net)


def test_leaning_networks_gain_over_the_worst_position(oracle):
    """Nothing that the plain rule certifies at the same reach is lost, and something is gained; counts stay true."""
    rng, gained = random.Random(4), 0
    for seed in range(10):
        net = leaning(oracle, seed)
        margin, splits = premises(net, rng if seed % 2 else None)
        claim = conclude(margin, splits, search(margin, *splits))
        assert not wrongly_certified(claim, net)
        assert oracle.encloses(GapCount().conclude([claim], 1), net)
        plain = LogitGapRule().conclude([claim.attention, *splits[1:], margin], Anchors(single=False))
        assert not (plain.certified & ~claim.certified).any()
        gained += int((claim.certified & ~plain.certified).sum())
    assert gained > 0


@pytest.mark.parametrize(("V", "K"), [(1, 1), (1, 3), (4, 1), (2, 2), (3, 5)])
def test_edge_sizes(oracle, V, K):
    """One token, one position, and numbers of positions that are no power of two."""
    for seed in range(3):
        net = oracle.random_net(seed, "float16", V, K)
        margin, splits = premises(net)
        assert not wrongly_certified(conclude(margin, splits, search(margin, *splits)), net)


def lies(oracle: Any) -> int:
    """How many wrong sequences are in certified cells of some networks."""
    wrong = 0
    for seed in range(10):
        net = leaning(oracle, seed, 4, 3)
        margin, splits = premises(net)
        wrong += len(wrongly_certified(conclude(margin, splits, search(margin, *splits)), net))
    return wrong


@pytest.mark.parametrize("lie", ["knapsack", "chord"])
def test_mutant_that_leaves_a_part_out_is_noticed(oracle, monkeypatch, lie):
    """What the copies' positions add, and what the outputs add, are both needed."""
    assert not lies(oracle)
    if lie == "knapsack":
        monkeypatch.setattr(position_gap, "knapsack", lambda places, lower, upper: places.min(axis=0) - (1 << 23))
    else:
        monkeypatch.setattr(position_gap, "_chord", lambda tables, base, slope, alpha: alpha * 0 - (1 << 54))
    assert lies(oracle)


def test_splits_of_something_else_are_refused(oracle):
    """Splits in the wrong order."""
    margin, (scores, direct, tokens) = premises(oracle.random_net(0, "eighths", 3, 2))
    with pytest.raises(NotEstablished, match="not splits of UU and EVOU"):
        conclude(margin, [scores, tokens, direct], search(margin, scores, direct, tokens))
